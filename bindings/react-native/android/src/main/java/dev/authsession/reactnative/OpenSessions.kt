package dev.authsession.reactnative

import dev.authsession.ApiClient
import dev.authsession.AuthSession
import dev.authsession.Authorization
import dev.authsession.ErrorCode
import dev.authsession.Headers
import dev.authsession.SessionConfig
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * The sessions that JavaScript has opened in this process, one for each namespace and account, by the ids under
 * which it knows them. They are kept for good: a reload of JavaScript signs nobody out.
 */
internal object OpenSessions {
    private val sessions = ConcurrentHashMap<String, OpenSession>()
    private val count = AtomicInteger()

    // One for each account, so that a store which does not answer keeps nobody else waiting.
    private val openings = ConcurrentHashMap<Pair<String, String>, Mutex>()

    fun find(id: String): OpenSession? = sessions[id]

    operator fun get(id: String): OpenSession =
        sessions[id] ?: throw Refusal(ErrorCode.INVALID_REQUEST, "no session is open under this id")

    /** Opens the session that [config] describes, or finds it, and returns its id. */
    suspend fun open(config: SessionConfig): String = opening(config).withLock {
        val known = sessions.entries.find { (_, open) -> open.config.names(config) }
        if (known == null) {
            val session = OpenSession(config, AuthSession.open(config))
            return "${count.incrementAndGet()}".also { sessions[it] = session }
        }
        if (known.value.config.settings() != config.settings()) {
            throw Refusal(
                ErrorCode.ALREADY_OPEN,
                "the session of this namespace and account is open with other settings",
            )
        }
        known.key
    }

    private fun opening(config: SessionConfig) =
        openings.computeIfAbsent(config.namespace to config.account) { Mutex() }

    private fun SessionConfig.names(other: SessionConfig) =
        namespace == other.namespace && account == other.account

    private fun SessionConfig.settings() = listOf(
        baseUrl, endpoints, store, allowLoopback, allowedOrigins, requestTimeout,
        developmentOrigins, developmentAnchors.map(ByteArray::toList), idleTimeout, absoluteLifetime, refreshGrace,
        accessTokenInMemoryOnly, readOnly, deviceIdHeader, maxBodyBytes, maxConnectionsPerHost,
        answerRules, retry, pins,
    )
}

/** A session with what JavaScript has got of it, under ids: JavaScript cannot hold the objects themselves. */
internal class OpenSession(val config: SessionConfig, val session: AuthSession) {
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

    fun authorization(id: String): Authorization = synchronized(authorizations) { authorizations[id] }
        ?: throw Refusal(ErrorCode.INVALID_REQUEST, "the authorization is too old to be reported: ask for another one")

    private companion object {
        /** Hosts of an app. More are made by a mistake, such as a new client for each request. */
        const val MOST_CLIENTS = 64

        /** More than requests of image loaders, sockets and web views are under way at once. The oldest is let go. */
        const val MOST_AUTHORIZATIONS = 256
    }
}
