package dev.authsession

import kotlin.time.Duration
import kotlinx.serialization.json.JsonObject

/**
 * An authorization server that only the app knows how to speak to; see [TokenEndpoints.Custom]. Its functions are
 * called on `Dispatchers.IO` and may suspend for as long as the answer takes.
 *
 * What a function throws is an answer that was lost: a refresh is tried again with the same `attemptId`, a sign-in
 * fails with [ErrorCode.INTERNAL], a revocation counts as not confirmed. An answer to a refresh that comes later than
 * 10 seconds is lost as well.
 */
public interface Authority {
    /** Signs in with what was given to [AuthSession.signIn]. */
    public suspend fun signIn(credentials: JsonObject): SignInOutcome

    /** Takes the next step of a sign-in, as given to [AuthSession.continueSignIn]; by default there is none. */
    public suspend fun continueSignIn(step: String, body: JsonObject): SignInOutcome = SignInOutcome.Rejected(404)

    /**
     * Gets new tokens.
     *
     * @param attemptId the same for every attempt with this refresh token: for a server that knows `Idempotency-Key`.
     */
    public suspend fun refresh(refreshToken: Secret, attemptId: String): RefreshOutcome

    /** Tells the server that the tokens are not needed any more. Returns whether it agreed. */
    public suspend fun revoke(refreshToken: Secret, accessToken: Secret?): Boolean
}

/** A token. Its text form does not show it. */
public class Secret internal constructor(private val text: String) {
    /** The token itself. Whoever calls this keeps it out of logs and errors. */
    public fun expose(): String = text

    override fun toString(): String = "[redacted]"
}

/** What came of a step of a sign-in. */
public sealed interface SignInOutcome {
    /**
     * The user is signed in with these tokens. The text form does not show them.
     *
     * @property answer what [AuthSession.signIn] returns.
     */
    public class SignedIn(
        internal val accessToken: String,
        internal val refreshToken: String? = null,
        internal val expiresIn: Duration? = null,
        public val answer: JsonObject = JsonObject(emptyMap()),
    ) : SignInOutcome {
        override fun toString(): String = "SignedIn(redacted)"
    }

    /** The server wants another step; [answer] is what [AuthSession.signIn] returns. */
    public class NextStep(public val answer: JsonObject = JsonObject(emptyMap())) : SignInOutcome {
        override fun toString(): String = "NextStep"
    }

    /** The server said no, with this HTTP status. */
    public data class Rejected(val status: Int) : SignInOutcome

    /** The server cannot take a sign-in now. */
    public data class Unavailable(val status: Int, val retryAfter: Duration? = null) : SignInOutcome

    /** There is no connection to the server. */
    public data object Unreachable : SignInOutcome
}

/** What came of a refresh. */
public sealed interface RefreshOutcome {
    /** New tokens. Without a refresh token, the old one stays in use. The text form does not show them. */
    public class Rotated(
        internal val accessToken: String,
        internal val refreshToken: String? = null,
        internal val expiresIn: Duration? = null,
    ) : RefreshOutcome {
        override fun toString(): String = "Rotated(redacted)"
    }

    /** A new refresh token and no usable access token. The text form does not show it. */
    public class Salvaged(internal val refreshToken: String) : RefreshOutcome {
        override fun toString(): String = "Salvaged(redacted)"
    }

    /** The request may have taken effect, but no usable answer came: it is tried again with the same attempt id. */
    public data object Ambiguous : RefreshOutcome

    /** The refresh token is no good: the session ends. Not [certain]: the answer may come from something in between. */
    public data class Rejected(val certain: Boolean = true) : RefreshOutcome

    /** The server does not accept this client's set-up; [explanation] goes into logs and must hold no secret. */
    public data class Misconfigured(val explanation: String) : RefreshOutcome

    /** The server cannot answer now. */
    public data class Unavailable(val retryAfter: Duration? = null) : RefreshOutcome

    /** Nothing was sent. */
    public data object Unreachable : RefreshOutcome

    /** An answer that means nothing, with this HTTP status. */
    public data class Unexpected(val status: Int) : RefreshOutcome
}
