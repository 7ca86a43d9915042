package dev.authsession

import dev.authsession.ffi.Disposition as FfiDisposition

/** What the session made of an answer. */
public enum class Disposition {
    /** The server's answer as it is. */
    ANSWERED,

    /** 403: the user may not do this, and a new access token would not change that. */
    PERMISSION_DENIED,

    /** 401 that a refresh does not cure, or did not. The session is kept. */
    REFUSED,

    /** 401, and the authorization server rejected the refresh token: the user must sign in again. */
    SESSION_ENDED,

    /** 401, and meanwhile the user signed out or another signed in. */
    SESSION_CHANGED,

    /** 401, and the access token could not be refreshed now. The session is kept; try again later. */
    REFRESH_FAILED,

    /**
     * 401 or 403: the user must sign in again or agree to more, whatever the token. To what,
     * [SessionEvent.StepUpRequired] tells.
     */
    STEP_UP_REQUIRED,

    /**
     * 401 or a redirect, and the body was a stream, which cannot be sent twice. The same request with a new
     * stream may succeed.
     */
    NOT_REPLAYABLE,

    /** A redirect to where this request must not go, or one too many. */
    REDIRECT_REFUSED,
}

internal fun FfiDisposition.toDisposition(): Disposition = when (this) {
    FfiDisposition.ANSWERED -> Disposition.ANSWERED
    FfiDisposition.PERMISSION_DENIED -> Disposition.PERMISSION_DENIED
    FfiDisposition.REFUSED -> Disposition.REFUSED
    FfiDisposition.SESSION_ENDED -> Disposition.SESSION_ENDED
    FfiDisposition.SESSION_CHANGED -> Disposition.SESSION_CHANGED
    FfiDisposition.REFRESH_FAILED -> Disposition.REFRESH_FAILED
    FfiDisposition.STEP_UP_REQUIRED -> Disposition.STEP_UP_REQUIRED
    FfiDisposition.NOT_REPLAYABLE -> Disposition.NOT_REPLAYABLE
    FfiDisposition.REDIRECT_REFUSED -> Disposition.REDIRECT_REFUSED
}
