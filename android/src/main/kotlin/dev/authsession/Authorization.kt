package dev.authsession

import dev.authsession.ffi.AuthorizationValue

/** The value of an `Authorization` header for one URL; see [AuthSession.authorization]. Its text form is redacted. */
public class Authorization internal constructor(internal val value: AuthorizationValue) {
    /**
     * The value for the header, `Bearer` and the token. Whoever calls this keeps it out of logs, and sends it to the
     * origin that it was asked for and to no other: not after a redirect either.
     */
    public fun expose(): String = value.expose()

    override fun toString(): String = "Authorization(redacted)"
}

/** As much of a refusal as may hold a code that means something, where another HTTP stack reads it. */
internal const val REFUSAL_BYTES = 64L * 1024
