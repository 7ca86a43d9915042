package dev.authsession

import kotlin.time.Duration
import dev.authsession.ffi.EventQueue
import dev.authsession.ffi.SessionEvent as FfiSessionEvent

/** What happened to the session. */
public sealed interface SessionEvent {

    /** A store that could not be read before has been read. */
    public data object Restored : SessionEvent

    /** A sign-in, or the tokens that the app handed over, took effect. */
    public data object SignedIn : SessionEvent

    /** The access token was refreshed. */
    public data object Refreshed : SessionEvent

    /** The access token could not be refreshed now; the session is kept. */
    public data class RefreshFailed(
        /** What callers get that need the new token. */
        val code: ErrorCode,
        /** From when on the next attempt may be made, if that is known. */
        val retryAfter: Duration?,
    ) : SessionEvent

    /** The authorization server answers refreshes with nonsense; signing in again may help. The session is kept. */
    public data object SignInRecommended : SessionEvent

    /** New tokens are in use but not saved yet. If the process ends before they are, the session may be lost. */
    public data object PersistenceDegraded : SessionEvent

    /** What could not be saved is saved. */
    public data object PersistenceRestored : SessionEvent

    /** The session ended. */
    public data class SignedOut(
        /** Why. */
        val reason: SignOutReason,
    ) : SessionEvent

    /**
     * A server wants a fresher sign-in or more rights (RFC 9470, RFC 6750), which no refresh brings. Every part is
     * the server's word, and `null` where it did not say.
     */
    public data class StepUpRequired(
        /** How the user is to sign in: authentication context classes, by preference, separated by spaces. */
        val acrValues: String?,
        /** How long ago the user may have signed in at most. */
        val maxAge: Duration?,
        /** The scopes that the request needs, separated by spaces. */
        val scope: String?,
    ) : SessionEvent

    /** This collector was too slow and lost events. */
    public data class Missed(
        /** How many. */
        val count: Long,
    ) : SessionEvent
}

internal fun FfiSessionEvent.toSessionEvent(): SessionEvent = when (this) {
    FfiSessionEvent.Restored -> SessionEvent.Restored
    FfiSessionEvent.SignedIn -> SessionEvent.SignedIn
    FfiSessionEvent.Refreshed -> SessionEvent.Refreshed
    is FfiSessionEvent.RefreshFailed -> SessionEvent.RefreshFailed(errorCode(code), retryAfterMs?.toDuration())
    FfiSessionEvent.SignInRecommended -> SessionEvent.SignInRecommended
    FfiSessionEvent.PersistenceDegraded -> SessionEvent.PersistenceDegraded
    FfiSessionEvent.PersistenceRestored -> SessionEvent.PersistenceRestored
    is FfiSessionEvent.SignedOut -> SessionEvent.SignedOut(reason.toSignOutReason())
    is FfiSessionEvent.StepUpRequired -> SessionEvent.StepUpRequired(acrValues, maxAgeMs?.toDuration(), scope)
    is FfiSessionEvent.Missed -> SessionEvent.Missed(count.toLong())
}

/** Hands every event to [receive] until the session is gone or the coroutine is cancelled. */
internal suspend inline fun EventQueue.inOrder(receive: (FfiSessionEvent) -> Unit) {
    try {
        while (true) receive(leavingTheLibrary { next() } ?: break)
    } finally {
        finish()
    }
}

/** Its collector may be done with it at any moment. */
internal fun EventQueue.finishUnlessClosed() {
    try {
        finish()
    } catch (_: IllegalStateException) {
        // It is done.
    }
}
