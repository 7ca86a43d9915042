package dev.authsession

import dev.authsession.ffi.JsonEndpoints
import dev.authsession.ffi.OAuth2Endpoints
import dev.authsession.ffi.TokenEndpoints as FfiTokenEndpoints

/** Where and how tokens are issued, refreshed and revoked. */
public sealed interface TokenEndpoints {

    /** Endpoints that take and give JSON. Each is an absolute URL or a path under [SessionConfig.baseUrl]. */
    public data class Json(
        /** Takes the credentials, gives the tokens. */
        val loginUrl: String = "/auth/login",
        /** Takes the refresh token, gives the next tokens. */
        val refreshUrl: String = "/auth/refresh",
        /** Takes the refresh token and revokes it. */
        val logoutUrl: String = "/auth/logout",
    ) : TokenEndpoints

    /**
     * An OAuth 2 authorization server (RFC 6749, RFC 7009) and a public client. The app signs the user in
     * itself, by a code flow with PKCE, and hands the tokens over with [AuthSession.adopt].
     */
    public data class OAuth2(
        /** The token endpoint, which refreshes. */
        val tokenEndpoint: String,
        /** The client's identifier. */
        val clientId: String,
        /** The revocation endpoint, if there is one. */
        val revocationEndpoint: String? = null,
    ) : TokenEndpoints
}

internal fun TokenEndpoints.toFfi(): FfiTokenEndpoints = when (this) {
    is TokenEndpoints.Json -> FfiTokenEndpoints.Json(JsonEndpoints(loginUrl, refreshUrl, logoutUrl))
    is TokenEndpoints.OAuth2 -> FfiTokenEndpoints.OAuth2(OAuth2Endpoints(tokenEndpoint, clientId, revocationEndpoint))
}
