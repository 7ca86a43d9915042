package dev.authsession.peers

import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

private const val CALLERS = 1_000
private const val LOAD = 100

/** What every client must do before comparing them says anything. */
@ParameterizedTest
@ValueSource(strings = ["okhttp", "ktor", "ktor-non-cancellable", "authsession-kotlin"])
private annotation class EachClient

class ClientTest {
    @EachClient
    fun `a request with an expired token is answered after one refresh`(name: String) = driving(name) { client, realm ->
        assertEquals(name, client.ready.getValue("client").jsonPrimitive.content)
        assertEquals(done, client.signIn())
        realm.command("expire_access_tokens")

        assertEquals(listOf(status(200)), client.get("/me"))

        assertEquals(1, realm.counter("refreshes"))
        assertEquals(signedIn(true), client.command("state").single())
    }

    @EachClient
    fun `each of many requests at once is answered`(name: String) = driving(name) { client, _ ->
        client.signIn()

        assertEquals(List(CALLERS) { status(200) }, client.get("/me", CALLERS))
    }

    @EachClient
    fun `a rejected refresh signs out`(name: String) = driving(name) { client, realm ->
        client.signIn()
        realm.command("revoke_refresh_tokens")
        realm.command("expire_access_tokens")

        assertEquals(listOf(status(401)), client.get("/me"))

        assertEquals(signedIn(false), client.command("state").single())
    }

    @EachClient
    fun `a refresh that fails signs nobody out`(name: String) = driving(name) { client, realm ->
        client.signIn()
        realm.command("fault", fault("refresh", 503))
        realm.command("expire_access_tokens")

        assertEquals(listOf(status(401)), client.get("/me"))

        assertEquals(signedIn(true), client.command("state").single())
    }

    @EachClient
    fun `requests that are cancelled come back at once and others go on`(name: String) = driving(name) { client, realm ->
        client.signIn()
        realm.command("hold", hold("/slow"))
        val requests = client.begin("/slow", 2)
        realm.command("await_held", held(2))

        val answers = client.cancel(requests, 2)

        assertEquals(listOf(done), answers.filter { "error" !in it })
        assertEquals(listOf(status(200)), client.get("/me"))
    }

    @EachClient
    fun `a client names the versions of its own libraries`(name: String) = driving(name) { client, _ ->
        val own = mapOf(
            "okhttp" to setOf("okhttp"),
            "ktor" to setOf("ktor", "okhttp", "kotlinx-coroutines"),
            "ktor-non-cancellable" to setOf("ktor", "okhttp", "kotlinx-coroutines"),
            "authsession-kotlin" to setOf("auth-session", "kotlinx-coroutines"),
        )
        val versions = client.ready.getValue("versions").jsonObject

        assertEquals(own.getValue(name) + setOf("java", "kotlin"), versions.keys)
    }

    @EachClient
    fun `a sign-out reaches the server and another sign-in is used`(name: String) = driving(name) { client, realm ->
        client.signIn()

        assertEquals(done, client.command("sign_out").single())
        realm.command("await_counter", waitFor("logouts"))
        assertEquals(signedIn(false), client.command("state").single())

        assertEquals(done, client.signIn())
        assertEquals(listOf(status(200)), client.get("/me"))
    }

    @EachClient
    fun `a refused sign-in is an error and leaves nobody signed in`(name: String) = driving(name) { client, _ ->
        assertTrue("error" in client.signIn(password = "wrong"))

        assertEquals(signedIn(false), client.command("state").single())
    }

    @EachClient
    fun `a load is measured and what is refused counts as failed`(name: String) = driving(name) { client, _ ->
        client.signIn()

        val answered = client.load("/me")
        val refused = client.load("/forbidden")

        assertEquals(0, answered.getValue("failed").jsonPrimitive.int)
        assertEquals(LOAD, refused.getValue("failed").jsonPrimitive.int)
        val (median, rare, longest, seconds) =
            listOf("p50_us", "p99_us", "max_us", "seconds").map { answered.getValue(it).jsonPrimitive.double }
        assertTrue(0 < median && median <= rare && rare <= longest && longest <= seconds * 1e6, "$answered")
    }

    @EachClient
    fun `a client answers an unknown command and ends with its input`(name: String) = driving(name) { client, _ ->
        assertEquals(JsonPrimitive("unknown command"), client.command("dance").single()["error"])
        assertEquals(done, client.command("network_changed").single())

        assertEquals(0, client.end())
    }
}

private fun DrivenClient.load(path: String): JsonObject = command("load") {
    put("path", path)
    put("concurrency", 8)
    put("requests", LOAD)
    put("warmup", 10)
}.single()

private val done = JsonObject(mapOf("done" to JsonPrimitive(true)))

private fun status(code: Int) = JsonObject(mapOf("status" to JsonPrimitive(code)))

private fun signedIn(yes: Boolean) = JsonObject(mapOf("signed_in" to JsonPrimitive(yes)))

private fun fault(endpoint: String, status: Int) =
    JsonObject(mapOf("endpoint" to JsonPrimitive(endpoint), "status" to JsonPrimitive(status)))

private fun hold(path: String) = JsonObject(
    mapOf("endpoint" to "resource", "path" to path, "when" to "before").mapValues { JsonPrimitive(it.value) },
)

private fun held(count: Int) =
    JsonObject(mapOf("endpoint" to JsonPrimitive("resource"), "count" to JsonPrimitive(count)))

private fun waitFor(counter: String) =
    JsonObject(mapOf("counter" to JsonPrimitive(counter), "at_least" to JsonPrimitive(1)))

fun driving(name: String, test: (DrivenClient, Realm) -> Unit) {
    val realm = Realm.new()
    DrivenClient(name, realm.arguments()).use { test(it, realm) }
}
