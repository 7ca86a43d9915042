package dev.authsession

import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

/** A server that is none of a realm, and remembers what it was sent. */
internal class RecordingServer(status: Int = 200, redirectTo: String? = null) : AutoCloseable {
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0)

    /** The `Authorization` header of each request. */
    val authorizations = CopyOnWriteArrayList<String?>()

    val baseUrl: String = "http://127.0.0.1:${server.address.port}"

    init {
        server.createContext("/") { exchange ->
            authorizations += exchange.requestHeaders.getFirst("Authorization")
            if (status == 401) exchange.responseHeaders.add("WWW-Authenticate", "Bearer error=\"invalid_token\"")
            redirectTo?.let { exchange.responseHeaders.add("Location", it) }
            exchange.sendResponseHeaders(if (redirectTo == null) status else 302, -1)
            exchange.close()
        }
        server.start()
    }

    override fun close() = server.stop(0)
}

/** From now on the API redirects [path] there. */
internal suspend fun Realm.redirect(path: String, to: String) = command(
    "fault",
    buildJsonObject {
        put("endpoint", "resource")
        put("path", path)
        put("when", "before")
        put("status", 302)
        putJsonObject("headers") { put("Location", to) }
    },
)
