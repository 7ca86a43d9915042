package dev.authsession

import dev.authsession.ffi.InternalException
import dev.authsession.ffi.SessionFailure
import kotlin.time.Duration
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive

/**
 * Why a call has no result. The message is for people and for logs: it holds no token, no password and
 * nothing that a server wrote.
 *
 * @property code what kind of failure it was.
 * @property retryable whether the same call may succeed later without anybody mending anything.
 * @property signInRequired whether only the user can help, by signing in.
 * @property retryAfter how long to wait before the next attempt, if that is known.
 * @property status the HTTP status that the failure rests on, if there is one.
 */
public class AuthSessionException internal constructor(
    public val code: ErrorCode,
    explanation: String,
    public val retryable: Boolean = false,
    public val signInRequired: Boolean = false,
    public val retryAfter: Duration? = null,
    public val status: Int? = null,
) : Exception("$explanation [${code.id}]")

/** Runs [block] and turns what the generated layer throws into what this library promises. */
internal suspend inline fun <T> translatingFailures(block: () -> T): T = try {
    block()
} catch (failure: SessionFailure.Failed) {
    // Whoever is cancelled must hear of that, and not of the failure that it may have caused.
    currentCoroutineContext().ensureActive()
    throw failure.toException()
} catch (panic: InternalException) {
    throw AuthSessionException(ErrorCode.INTERNAL, "a defect of AuthSession: ${panic.message}")
}

internal fun SessionFailure.Failed.toException(): AuthSessionException = AuthSessionException(
    errorCode(code),
    explanation,
    retryable,
    signInRequired,
    retryAfterMs?.toDuration(),
    status?.toInt(),
)
