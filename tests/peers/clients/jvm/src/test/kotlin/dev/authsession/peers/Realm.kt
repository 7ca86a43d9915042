package dev.authsession.peers

import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.nio.file.Path
import java.time.Duration
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put

/** An authorization and resource server, isolated from every other; see `tests/authority/README.md`. */
class Realm private constructor(private val addresses: JsonObject) {
    fun command(name: String, body: JsonObject = JsonObject(emptyMap())) {
        exchange("POST", "${address("control_url")}/$name", body)
    }

    fun counter(name: String): Int =
        exchange("GET", "${address("control_url")}/counters").getValue(name).jsonPrimitive.int

    /** Where a client finds it. */
    fun arguments(): String = arguments(address("api_url"), address("auth_url"))

    private fun address(name: String) = addresses.getValue(name).jsonPrimitive.content

    companion object {
        fun new() = Realm(exchange("POST", "$controlUrl/realms", JsonObject(emptyMap())))

        /** The `test-authority` process, started once. It ends with this JVM, whose end closes its standard input. */
        private val controlUrl: String by lazy {
            val program = Path.of(checkNotNull(System.getenv("AUTHSESSION_TARGET")), "debug/test-authority")
            val process = ProcessBuilder(program.toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start()
            val line = checkNotNull(process.inputReader().readLine()) { "test-authority ended at once" }
            json.decodeFromString<JsonObject>(line).getValue("control_url").jsonPrimitive.content
        }
    }
}

/** What a client is started with, for token endpoints of the usual names. */
fun arguments(apiUrl: String, authUrl: String): String = buildJsonObject {
    put("api_url", apiUrl)
    for (endpoint in listOf("login", "refresh", "logout")) put("${endpoint}_url", "$authUrl/auth/$endpoint")
}.toString()

private val http = HttpClient.newHttpClient()

private fun exchange(method: String, url: String, body: JsonObject? = null): JsonObject {
    val request = HttpRequest.newBuilder(URI(url))
        .method(method, body?.let { BodyPublishers.ofString("$it") } ?: BodyPublishers.noBody())
        .header("Content-Type", "application/json")
        .timeout(Duration.ofSeconds(30))
        .build()
    val response = http.send(request, BodyHandlers.ofString())
    check(response.statusCode() in 200..299) { "$method $url: ${response.statusCode()} ${response.body()}" }
    return json.decodeFromString<JsonObject>(response.body().ifEmpty { "{}" })
}
