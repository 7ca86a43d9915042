package dev.authsession

import dev.authsession.ffi.SignOutReason as FfiSignOutReason

/** Why nobody is signed in. */
public enum class SignOutReason {
    /** Nobody has signed in on this store yet. */
    NEVER_SIGNED_IN,

    /** The user signed out here. */
    USER,

    /** The authorization server rejected the refresh token. */
    REJECTED,

    /**
     * The authorization server rejected a refresh token after its answer to an earlier refresh was lost:
     * it had probably issued a new one, which never arrived.
     */
    ROTATION_LOST,

    /** The user signed out in another session on the same store, or somebody else signed in there. */
    ELSEWHERE,

    /** The app's API said so, by a rule of the app. */
    ENDED_BY_SERVER,

    /** The session was not used for as long as the app's policy allows. */
    IDLE_TIMEOUT,

    /** The session has lasted as long as the app's policy allows. */
    LIFETIME_EXCEEDED,

    /** The key that protected the stored secrets is gone for ever. */
    SECRETS_LOST,
}

internal fun FfiSignOutReason.toSignOutReason(): SignOutReason = when (this) {
    FfiSignOutReason.NEVER_SIGNED_IN -> SignOutReason.NEVER_SIGNED_IN
    FfiSignOutReason.USER -> SignOutReason.USER
    FfiSignOutReason.REJECTED -> SignOutReason.REJECTED
    FfiSignOutReason.ROTATION_LOST -> SignOutReason.ROTATION_LOST
    FfiSignOutReason.ELSEWHERE -> SignOutReason.ELSEWHERE
    FfiSignOutReason.ENDED_BY_SERVER -> SignOutReason.ENDED_BY_SERVER
    FfiSignOutReason.IDLE_TIMEOUT -> SignOutReason.IDLE_TIMEOUT
    FfiSignOutReason.LIFETIME_EXCEEDED -> SignOutReason.LIFETIME_EXCEEDED
    FfiSignOutReason.SECRETS_LOST -> SignOutReason.SECRETS_LOST
}
