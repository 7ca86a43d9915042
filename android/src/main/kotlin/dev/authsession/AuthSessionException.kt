package dev.authsession

import dev.authsession.ffi.InternalException
import dev.authsession.ffi.SessionFailure
import java.io.IOException
import kotlin.time.Duration
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement

/**
 * Why a call has no result. The message is for people and for logs: it holds no token, no password and
 * nothing that a server wrote.
 *
 * It is an `IOException`, since that is what HTTP stacks expect of a request that got no answer.
 *
 * @property code what kind of failure it was.
 * @property retryable whether the same call may succeed later without anybody mending anything.
 * @property signInRequired whether only the user can help, by signing in.
 * @property retryAfter how long to wait before the next attempt, if that is known.
 * @property status the HTTP status that the failure rests on, if there is one.
 * @property answer what the server said to a sign-in that it did not accept, where that was JSON. It is the server's
 *   word, and part of no message: servers repeat what they were sent.
 */
public class AuthSessionException internal constructor(
    public val code: ErrorCode,
    explanation: String,
    public val retryable: Boolean = false,
    public val signInRequired: Boolean = false,
    public val retryAfter: Duration? = null,
    public val status: Int? = null,
    public val answer: JsonElement? = null,
) : IOException("$explanation [${code.id}]")

/** Runs [block] and turns what the generated layer throws into what this library promises. */
internal inline fun <T> translating(block: () -> T): T = try {
    block()
} catch (failure: SessionFailure.Failed) {
    throw failure.toException()
} catch (panic: InternalException) {
    throw AuthSessionException(ErrorCode.INTERNAL, "a defect of AuthSession: ${panic.message}")
}

/** As [translating], for whoever may be cancelled: they must hear of that, and not of a failure that it caused. */
internal suspend inline fun <T> translatingFailures(block: () -> T): T = try {
    leavingTheLibrary { translating(block) }
} catch (failure: AuthSessionException) {
    currentCoroutineContext().ensureActive()
    throw failure
}

internal fun SessionFailure.Failed.toException(): AuthSessionException = AuthSessionException(
    errorCode(code),
    explanation,
    retryable,
    signInRequired,
    retryAfterMs?.toDuration(),
    status?.toInt(),
    answerJson?.let(Json::parseToJsonElement),
)
