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

    /** The user signed out in another session on the same store. */
    ELSEWHERE,
}

internal fun FfiSignOutReason.toSignOutReason(): SignOutReason = when (this) {
    FfiSignOutReason.NEVER_SIGNED_IN -> SignOutReason.NEVER_SIGNED_IN
    FfiSignOutReason.USER -> SignOutReason.USER
    FfiSignOutReason.REJECTED -> SignOutReason.REJECTED
    FfiSignOutReason.ROTATION_LOST -> SignOutReason.ROTATION_LOST
    FfiSignOutReason.ELSEWHERE -> SignOutReason.ELSEWHERE
}
