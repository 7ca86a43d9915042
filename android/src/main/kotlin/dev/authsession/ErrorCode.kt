package dev.authsession

/**
 * What kind of failure it was. The [id]s are stable, and the same in every language of AuthSession.
 *
 * @property id the code in snake case, as for a log or a metric.
 */
public enum class ErrorCode(public val id: String) {
    /** A setting is wrong; the programmer can mend it. */
    INVALID_CONFIGURATION("invalid_configuration"),

    /** The request cannot be sent as it is; the programmer can mend it. */
    INVALID_REQUEST("invalid_request"),

    /** The URL belongs to an origin that may not get the access token; see [SessionConfig.allowedOrigins]. */
    ORIGIN_NOT_ALLOWED("origin_not_allowed"),

    /** Nobody is signed in. */
    SIGNED_OUT("signed_out"),

    /** The session ended while the request waited; the user must sign in again. */
    SESSION_ENDED("session_ended"),

    /** The user signed out, or another signed in, while the request waited; it was not sent. */
    SESSION_CHANGED("session_changed"),

    /** The server does not accept the credentials; the user can correct them. */
    SIGN_IN_REJECTED("sign_in_rejected"),

    /** The server cannot take a sign-in now; it said nothing about the credentials. */
    SIGN_IN_UNAVAILABLE("sign_in_unavailable"),

    /** The access token has expired and cannot be refreshed now; the session is kept. */
    REFRESH_UNAVAILABLE("refresh_unavailable"),

    /** The authorization server does not accept this client's set-up; the session is kept. */
    AUTHORITY_MISCONFIGURED("authority_misconfigured"),

    /** The authorization server gave an answer that means nothing here; the session is kept. */
    AUTHORITY_UNEXPECTED("authority_unexpected"),

    /** There was no answer: no connection, or it broke. */
    NETWORK("network"),

    /** The time was over, the wait for a refresh included. */
    TIMEOUT("timeout"),

    /** The request was cancelled by something other than its own coroutine. */
    CANCELLED("cancelled"),

    /** The answer is larger than the session accepts. */
    BODY_TOO_LARGE("body_too_large"),

    /** The body of a successful answer is not what it was decoded as. */
    UNDECODABLE("undecodable"),

    /** A body was to be decoded, but the server did not answer with success. */
    UNSUCCESSFUL("unsuccessful"),

    /** The store cannot be read or written; nothing was lost. */
    STORE_UNAVAILABLE("store_unavailable"),

    /** The store holds something that this version cannot read. It is kept as it is. */
    STORE_CORRUPT("store_corrupt"),

    /** The app lacks what the store needs, such as an entitlement. The session is kept. */
    STORE_MISCONFIGURED("store_misconfigured"),

    /** The user has dismissed the question that protects the stored session; the app asks again when it likes. */
    UNLOCK_CANCELLED("unlock_cancelled"),

    /** The user could not unlock the stored session. It is kept. */
    UNLOCK_FAILED("unlock_failed"),

    /** The store is locked until the device is unlocked. */
    LOCKED("locked"),

    /** On Android, the library has not been given the app's context yet. */
    NOT_INITIALIZED("not_initialized"),

    /** A file of a request could not be read, or one for its answer could not be written. */
    FILE("file"),

    /** The user signed in longer ago than the app asks for, or nobody knows when. */
    RECENT_SIGN_IN_REQUIRED("recent_sign_in_required"),

    /** The account is open in this process with other settings; see [AuthSession.open]. */
    ALREADY_OPEN("already_open"),

    /** The session only reads what the app's own session saves: that one must sign in, sign out or refresh. */
    READ_ONLY("read_only"),

    /** A defect of AuthSession, or a failure that this version has no code for. */
    INTERNAL("internal"),
}

private val codesById = ErrorCode.entries.associateBy(ErrorCode::id)

internal fun errorCode(id: String): ErrorCode = codesById[id] ?: ErrorCode.INTERNAL
