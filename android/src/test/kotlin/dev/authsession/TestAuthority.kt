package dev.authsession

import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.time.Duration as JavaDuration
import kotlin.time.Duration
import kotlinx.coroutines.future.await
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.decodeFromJsonElement
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** The `test-authority` process, started once. It ends with this JVM, whose end closes its standard input. */
internal object TestAuthority {
    private val controlUrl: String by lazy {
        val process = ProcessBuilder(Checkout.target.resolve("debug/test-authority").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
        val line = checkNotNull(process.inputReader().readLine()) { "test-authority ended at once" }
        Json.parseToJsonElement(line).jsonObject.getValue("control_url").jsonPrimitive.content
    }

    /** A new authorization and resource server, isolated from every other. */
    suspend fun realm(settings: JsonObject = JsonObject(emptyMap())): Realm =
        Json.decodeFromJsonElement(exchange("POST", "$controlUrl/realms", settings))
}

/** One authorization and resource server, and what a test does to it. */
@Serializable
internal class Realm(
    val id: String,
    @SerialName("api_url") val apiUrl: String,
    @SerialName("auth_url") val authUrl: String,
    @SerialName("control_url") private val controlUrl: String,
) {
    /** A session of this realm and of no other test. */
    fun config(
        account: String = "realm-$id",
        endpoints: TokenEndpoints = TokenEndpoints.Json(),
        store: TokenStore = TokenStore.Memory,
        requestTimeout: Duration? = null,
        allowedOrigins: List<String> = emptyList(),
    ) = SessionConfig(
        apiUrl,
        account,
        endpoints = endpoints,
        store = store,
        allowLoopback = true,
        allowedOrigins = allowedOrigins,
        requestTimeout = requestTimeout,
    )

    suspend fun command(name: String, body: JsonObject) {
        exchange("POST", "$controlUrl/$name", body)
    }

    suspend fun command(name: String, vararg fields: Pair<String, Any>) = command(name, jsonOf(*fields))

    suspend fun counters(): Map<String, Int> =
        exchange("GET", "$controlUrl/counters").jsonObject.mapValues { (_, count) -> count.jsonPrimitive.int }

    suspend fun delete() {
        exchange("DELETE", controlUrl)
    }

    /** Tokens as the server issued them, for tests that must know their text. */
    suspend fun issueTokens(): IssuedTokens =
        lenient.decodeFromJsonElement(exchange("POST", "$apiUrl/auth/login", jsonOf(*ada)))
}

@Serializable
internal class IssuedTokens(
    @SerialName("access_token") val accessToken: String,
    @SerialName("refresh_token") val refreshToken: String,
)

/** The only user of a realm. */
internal val ada = arrayOf("email" to "ada@example.com", "password" to "correct horse")

internal fun jsonOf(vararg fields: Pair<String, Any>) = JsonObject(
    fields.associate { (name, value) -> name to ((value as? Number)?.let(::JsonPrimitive) ?: JsonPrimitive("$value")) },
)

private val lenient = Json { ignoreUnknownKeys = true }
private val client = HttpClient.newHttpClient()

/** One exchange with the authority that must succeed, outside of any session. */
private suspend fun exchange(method: String, url: String, body: JsonElement? = null): JsonElement {
    val request = HttpRequest.newBuilder(URI(url))
        .method(method, body?.let { BodyPublishers.ofString("$it") } ?: BodyPublishers.noBody())
        .header("Content-Type", "application/json")
        .timeout(JavaDuration.ofSeconds(30))
        .build()
    val response = client.sendAsync(request, BodyHandlers.ofString()).await()
    check(response.statusCode() in 200..299) { "$method $url: ${response.statusCode()} ${response.body()}" }
    return Json.parseToJsonElement(response.body().ifEmpty { "{}" })
}
