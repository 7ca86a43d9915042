package dev.authsession

import dev.authsession.ktor.AuthSessionPlugin
import dev.authsession.okhttp.authSession
import io.ktor.client.HttpClient
import io.ktor.client.engine.java.Java
import io.ktor.client.request.request
import io.ktor.client.request.setBody
import io.ktor.http.HttpMethod
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.nameWithoutExtension
import kotlin.io.path.readText
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runInterruptible
import kotlinx.serialization.json.Json
import okhttp3.Dispatcher
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

/** Every scenario again, through the stack of an app: it sends the requests, and the session gives it the tokens. */
class StackScenarioTest {
    @TestFactory
    fun okhttp(): List<DynamicTest> = scenarios { realm, session ->
        val client = OkHttpClient.Builder()
            .authSession(session)
            .dispatcher(Dispatcher().apply { maxRequestsPerHost = 64 })
            .build()
        Sender { method, url, body ->
            val request = Request.Builder().url(realm.apiUrl + url).method(method, body?.toRequestBody()).build()
            runInterruptible(Dispatchers.IO) { client.newCall(request).execute().use { Sent(it.code) } }
        }
    }

    @TestFactory
    fun ktor(): List<DynamicTest> = scenarios { realm, authSession ->
        val client = HttpClient(Java) { install(AuthSessionPlugin) { session = authSession } }
        Sender { method, url, body ->
            val response = client.request(realm.apiUrl + url) {
                this.method = HttpMethod.parse(method)
                body?.let { setBody(it) }
            }
            Sent(response.status.value)
        }
    }

    private fun scenarios(sender: (Realm, AuthSession) -> Sender): List<DynamicTest> =
        Checkout.root.resolve("tests/scenarios").listDirectoryEntries("*.json").sorted().map { file ->
            dynamicTest(file.nameWithoutExtension) { runScenario(Json.decodeFromString(file.readText()), sender) }
        }
}
