// Stable in Kotlin today, experimental in the one that the oldest React Native brings.
@file:OptIn(ExperimentalEncodingApi::class, ExperimentalTime::class)

package dev.authsession.reactnative

import com.facebook.react.bridge.Arguments
import com.facebook.react.bridge.WritableArray
import com.facebook.react.bridge.WritableMap
import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.Authorization
import dev.authsession.ErrorCode
import dev.authsession.Headers
import dev.authsession.Response
import dev.authsession.SessionEvent
import dev.authsession.SessionState
import dev.authsession.SignOutReason
import dev.authsession.TransferProgress
import kotlin.io.encoding.Base64
import kotlin.io.encoding.ExperimentalEncodingApi
import kotlin.time.Duration
import kotlin.time.ExperimentalTime

internal fun AuthSession.stateToMap(): WritableMap = state.toMap(lockCause)

/** `NativeState` of NativeAuthSession.ts. */
internal fun SessionState.toMap(lockCause: ErrorCode?): WritableMap {
    val signedIn = this as? SessionState.SignedIn
    return mapOf(
        "status" to when (this) {
            SessionState.Restoring -> "restoring"
            is SessionState.SignedOut -> "signed_out"
            is SessionState.SignedIn -> "signed_in"
            SessionState.Locked -> "locked"
        },
        "reason" to (this as? SessionState.SignedOut)?.reason?.id,
        "subject" to signedIn?.subject,
        "claimsJson" to signedIn?.claims?.toString(),
        "expiresAtMs" to signedIn?.expiresAt?.toEpochMilliseconds(),
        "code" to lockCause?.id?.takeIf { this == SessionState.Locked },
    ).toWritableMap()
}

/** `NativeEvent` of NativeAuthSession.ts. */
internal class EventMap(val map: WritableMap)

internal fun SessionEvent.toMap(sessionId: String) = EventMap(eventMap(sessionId))

private fun SessionEvent.eventMap(sessionId: String): WritableMap = mapOf(
    "sessionId" to sessionId,
    "type" to when (this) {
        SessionEvent.SignedIn -> "signed_in"
        SessionEvent.Refreshed -> "refreshed"
        is SessionEvent.RefreshFailed -> "refresh_failed"
        SessionEvent.Restored -> "restored"
        SessionEvent.SignInRecommended -> "sign_in_recommended"
        SessionEvent.PersistenceDegraded -> "persistence_degraded"
        SessionEvent.PersistenceRestored -> "persistence_restored"
        is SessionEvent.SignedOut -> "signed_out"
        is SessionEvent.StepUpRequired -> "step_up_required"
        is SessionEvent.Missed -> "missed"
    },
    "reason" to (this as? SessionEvent.SignedOut)?.reason?.id,
    "code" to (this as? SessionEvent.RefreshFailed)?.code?.id,
    "retryAfterMs" to (this as? SessionEvent.RefreshFailed)?.retryAfter?.inWholeMilliseconds,
    "acrValues" to (this as? SessionEvent.StepUpRequired)?.acrValues,
    "maxAgeMs" to (this as? SessionEvent.StepUpRequired)?.maxAge?.inWholeMilliseconds,
    "scope" to (this as? SessionEvent.StepUpRequired)?.scope,
    "count" to (this as? SessionEvent.Missed)?.count,
).toWritableMap()

/** `NativeProgress` of NativeAuthSession.ts. */
internal class ProgressMap(val map: WritableMap)

internal fun TransferProgress.toMap(requestId: String, direction: String) = ProgressMap(
    mapOf("requestId" to requestId, "direction" to direction, "bytes" to bytes, "total" to total).toWritableMap(),
)

/** `NativeAuthorization` of NativeAuthSession.ts: the one way by which a token enters JavaScript. */
internal fun Authorization.toMap(id: String): WritableMap = mapOf("id" to id, "value" to expose()).toWritableMap()

/** `NativeResponse` of NativeAuthSession.ts. */
internal fun Response.toMap(asBase64: Boolean): WritableMap {
    val text = if (asBase64) null else bytes.decodeUtf8OrNull()
    return mapOf(
        "status" to status,
        "url" to url,
        "headers" to headers.toArray(),
        "text" to text,
        // Kotlin's own: Java's is not on every Android that React Native runs on.
        "base64" to if (text == null) Base64.encode(bytes) else null,
        "disposition" to disposition.name.lowercase(),
        "redirected" to isRedirected,
    ).toWritableMap()
}

/** What a failure tells beside its code and its message; see fromNativeError in errors.ts. */
internal fun userInfo(
    retryable: Boolean = false,
    signInRequired: Boolean = false,
    retryAfter: Duration? = null,
    status: Int? = null,
    answerJson: String? = null,
): WritableMap = mapOf(
    "retryable" to retryable,
    "signInRequired" to signInRequired,
    "retryAfterMs" to retryAfter?.inWholeMilliseconds,
    "status" to status,
    "answerJson" to answerJson,
).toWritableMap()

internal fun AuthSessionException.userInfo(): WritableMap =
    userInfo(retryable, signInRequired, retryAfter, status, answer?.toString())

private val SignOutReason.id: String
    get() = name.lowercase()

private fun ByteArray.decodeUtf8OrNull(): String? = try {
    decodeToString(throwOnInvalidSequence = true)
} catch (_: CharacterCodingException) {
    null
}

private fun Headers.toArray(): WritableArray = Arguments.createArray().also { array ->
    for ((name, value) in this) array.pushMap(mapOf("name" to name, "value" to value).toWritableMap())
}

private fun Map<String, Any?>.toWritableMap(): WritableMap = Arguments.createMap().also { map ->
    for ((name, value) in this) {
        when (value) {
            null -> map.putNull(name)
            is Boolean -> map.putBoolean(name, value)
            is String -> map.putString(name, value)
            // JavaScript knows no other number, and a Long does not pass in every version of React Native.
            is Number -> map.putDouble(name, value.toDouble())
            is WritableArray -> map.putArray(name, value)
            else -> error("no value for JavaScript: ${value.javaClass.simpleName}")
        }
    }
}
