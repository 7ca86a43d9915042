package dev.authsession

import kotlin.time.Duration

/**
 * Tokens that an authorization server issued to this app. Its text form does not show them.
 *
 * @param accessToken the bearer token of requests; `null`: the first request gets one with the refresh token.
 * @param refreshToken gets the next access token; without one the session ends when the server refuses
 *   the access token.
 * @param expiresIn how long the access token is valid from now, as the server said; `null`: unknown.
 */
public class Tokens(
    internal val accessToken: String?,
    internal val refreshToken: String? = null,
    internal val expiresIn: Duration? = null,
) {
    override fun toString(): String = "Tokens(redacted)"
}
