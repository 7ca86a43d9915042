// Experimental in the oldest Kotlin that can use the library, stable since.
@file:OptIn(ExperimentalTime::class)

package dev.authsession

import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import dev.authsession.ffi.SessionState as FfiSessionState

/** Whether somebody is signed in. */
public sealed interface SessionState {

    /** The store is being read. */
    public data object Restoring : SessionState

    /** Nobody is signed in. */
    public data class SignedOut(
        /** Why. */
        val reason: SignOutReason,
    ) : SessionState

    /** Somebody is signed in. Its text form does not show who. */
    public data class SignedIn(
        /** The subject of the access token, where that is a JWT which names one. */
        val subject: String?,
        /**
         * The claims of the access token, where that is a JWT. They are decoded, not verified: good for
         * showing a name, not for deciding what the user may do.
         */
        val claims: JsonObject?,
        /** When the access token expires, if that is known. The session outlasts it. */
        val expiresAt: Instant?,
    ) : SessionState {
        override fun toString(): String = "SignedIn(expiresAt=$expiresAt)"
    }

    /** The store cannot be read now, as before the first unlock of a phone. There may be a session in it. */
    public data object Locked : SessionState
}

internal fun FfiSessionState.toSessionState(): SessionState = when (this) {
    FfiSessionState.Restoring -> SessionState.Restoring
    is FfiSessionState.SignedOut -> SessionState.SignedOut(reason.toSignOutReason())
    is FfiSessionState.SignedIn -> SessionState.SignedIn(
        subject,
        claimsJson?.let { Json.parseToJsonElement(it).jsonObject },
        expiresAtMs?.let(Instant::fromEpochMilliseconds),
    )
    FfiSessionState.Locked -> SessionState.Locked
}
