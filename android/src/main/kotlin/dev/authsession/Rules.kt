// Experimental in the oldest Kotlin that can use the library, stable since.
@file:OptIn(ExperimentalTime::class)

package dev.authsession

import dev.authsession.ffi.AnswerCode
import dev.authsession.ffi.AnswerOptions
import dev.authsession.ffi.PinOptions
import dev.authsession.ffi.RetryOptions
import kotlin.time.Duration
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import dev.authsession.ffi.AnswerMeaning as FfiAnswerMeaning

/** What 401 and 403 answers of the app's API mean, where that differs from the standards. */
public data class AnswerRules(
    /** Codes in the body of a refusal, and what each asks for. */
    val codes: Map<String, AnswerMeaning> = emptyMap(),
    /** A 403 is about the token, as with servers that do not know 401. */
    val refreshOnForbidden: Boolean = false,
    /** A 401 without a challenge is not about the token. */
    val passBareUnauthorized: Boolean = false,
)

/** What a refusal asks for. */
public enum class AnswerMeaning {
    /** A fresh token. */
    REFRESH,

    /** The end of the session. */
    END_SESSION,

    /** Nothing of the session: it is the app's. */
    PASS,
}

/** How often a request is sent after failures that pass. */
public data class RetryPolicy(
    /** The attempts, the first one included. */
    val attempts: Int,
    /** No attempt begins later than this after the first. */
    val budget: Duration,
)

/** The keys that a host's certificate may have. */
public data class PinSet(
    /** The host, without scheme and port. */
    val host: String,
    /** SHA-256 of the `SubjectPublicKeyInfo` in Base64. At least two are wise: one key will be replaced. */
    val pins: List<String>,
    /** From then on the host is not pinned any more, so that an app that nobody updates is not locked out. */
    val expiresAt: Instant? = null,
)

/**
 * Asks the operating system to let a refresh finish although the app leaves the foreground. Called on threads of the
 * library, which it may block.
 */
public interface BackgroundActivity {
    /** Before a refresh. With `false`, or an exception, there is no time, and no refresh begins. */
    public fun begin(): Boolean

    /** The refresh is over. Called once for each [begin] that returned `true`. */
    public fun end()
}

internal fun AnswerRules.toFfi() = AnswerOptions(
    codes.map { (code, meaning) -> AnswerCode(code, FfiAnswerMeaning.valueOf(meaning.name)) },
    refreshOnForbidden,
    passBareUnauthorized,
)

internal fun RetryPolicy.toFfi() = RetryOptions(attempts.coerceAtLeast(0).toUInt(), budget.toMilliseconds())

internal fun PinSet.toFfi() = PinOptions(host, pins, expiresAt?.toEpochMilliseconds()?.toUnsigned())
