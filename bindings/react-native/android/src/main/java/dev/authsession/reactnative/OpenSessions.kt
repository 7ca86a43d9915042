package dev.authsession.reactnative

import dev.authsession.AuthSession
import dev.authsession.ErrorCode
import dev.authsession.SessionConfig
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
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

internal class OpenSession(val config: SessionConfig, val session: AuthSession)
