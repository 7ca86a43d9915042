package dev.authsession

import java.util.Collections
import java.util.WeakHashMap

/** The sessions of this process that are open, for what concerns them all. It keeps none of them alive. */
internal object OpenSessions {
    private val sessions: MutableSet<AuthSession> =
        Collections.synchronizedSet(Collections.newSetFromMap(WeakHashMap()))

    fun add(session: AuthSession) {
        sessions += session
    }

    fun remove(session: AuthSession) {
        sessions -= session
    }

    /** Tells each, on this thread and outside of any lock. */
    fun tell(news: (AuthSession) -> Unit) {
        val open = synchronized(sessions) { sessions.toList() }
        for (session in open) {
            try {
                news(session)
            } catch (_: IllegalStateException) {
                // It was closed meanwhile.
            }
        }
    }
}
