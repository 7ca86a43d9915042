package dev.authsession.reactnative

import dev.authsession.AuthSession
import dev.authsession.ErrorCode
import dev.authsession.SessionConfig
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * The sessions that JavaScript has opened in this process, one for each namespace and account, by the ids under
 * which it knows them. They are kept for good: a reload of JavaScript signs nobody out.
 */
internal object OpenSessions {
    private class Opened(val config: SessionConfig, val session: AuthSession)

    private val sessions = ConcurrentHashMap<String, Opened>()
    private val opening = Mutex()

    operator fun get(id: String): AuthSession =
        checkNotNull(sessions[id]) { "no session is open under this id" }.session

    /** Opens the session that [config] describes, or finds it, and returns its id. */
    suspend fun open(config: SessionConfig): String = opening.withLock {
        val known = sessions.entries.find { (_, opened) -> opened.config.names(config) }
        if (known == null) {
            val id = "${sessions.size + 1}"
            sessions[id] = Opened(config, AuthSession.open(config))
            return id
        }
        if (known.value.config.settings() != config.settings()) {
            throw Refusal(
                ErrorCode.ALREADY_OPEN,
                "the session of this namespace and account is open with other settings",
            )
        }
        known.key
    }

    private fun SessionConfig.names(other: SessionConfig) =
        namespace == other.namespace && account == other.account

    private fun SessionConfig.settings() =
        listOf(baseUrl, endpoints, store, allowLoopback, allowedOrigins, requestTimeout)
}
