package dev.authsession.reactnative

import dev.authsession.ApiClient
import dev.authsession.AuthSession
import dev.authsession.Authorization
import dev.authsession.ErrorCode
import dev.authsession.Headers
import kotlin.time.Duration

/**
 * What JavaScript has got of a session, under ids: it cannot hold the objects themselves. It ends with the module:
 * another JavaScript knows none of the ids.
 */
internal class HandedOut(private val session: AuthSession) {
    private data class ClientSettings(val baseUrl: String, val headers: Headers, val timeout: Duration?)

    private class OpenClient(val settings: ClientSettings, val client: ApiClient)

    private val clients = mutableListOf<OpenClient>()
    private val authorizations = object : LinkedHashMap<String, Authorization>() {
        override fun removeEldestEntry(eldest: Map.Entry<String, Authorization>) = size > MOST_AUTHORIZATIONS
    }
    private var authorizationCount = 0L

    /** Whoever sends a request of JavaScript: one of the clients, or the session itself. */
    fun sender(clientId: String?): ApiClient {
        if (clientId == null) return session
        val client = synchronized(clients) { clientId.toIntOrNull()?.let(clients::getOrNull) }
        return client?.client ?: throw Refusal(ErrorCode.INVALID_REQUEST, "no client is known under this id")
    }

    /** The id of a client of another host; with the same settings it is the same one. */
    fun client(baseUrl: String, headers: Headers, timeout: Duration?): String {
        val settings = ClientSettings(baseUrl, headers, timeout)
        synchronized(clients) {
            val known = clients.indexOfFirst { it.settings == settings }
            if (known >= 0) return "$known"
            if (clients.size >= MOST_CLIENTS) {
                throw Refusal(ErrorCode.INVALID_CONFIGURATION, "a session has $MOST_CLIENTS clients at most")
            }
            clients += OpenClient(settings, session.client(baseUrl, headers, timeout))
            return "${clients.lastIndex}"
        }
    }

    /** Keeps what JavaScript may report a refusal of, and returns its id. */
    fun keep(authorization: Authorization): String = synchronized(authorizations) {
        authorizationCount += 1
        "$authorizationCount".also { authorizations[it] = authorization }
    }

    fun authorization(id: String): Authorization = synchronized(authorizations) { authorizations[id] } ?: throw Refusal(
        ErrorCode.INVALID_REQUEST,
        "the authorization is too old, or its user has signed out: ask for another one",
    )

    /** Lets go of the tokens of a user who has signed out. */
    fun forgetAuthorizations(): Unit = synchronized(authorizations) { authorizations.clear() }

    private companion object {
        /** Hosts of an app. More are made by a mistake, such as a new client for each request. */
        const val MOST_CLIENTS = 64

        /** More than requests of image loaders, sockets and web views are under way at once. The oldest is let go. */
        const val MOST_AUTHORIZATIONS = 256
    }
}
