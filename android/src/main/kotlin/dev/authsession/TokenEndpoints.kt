package dev.authsession

import dev.authsession.ffi.Header
import dev.authsession.ffi.JsonEndpoints
import dev.authsession.ffi.OAuth2Endpoints
import kotlinx.serialization.json.JsonObject
import dev.authsession.ffi.CallAdditions as FfiCallAdditions
import dev.authsession.ffi.TokenEndpoints as FfiTokenEndpoints

/** Where and how tokens are issued, refreshed and revoked. */
public sealed interface TokenEndpoints {

    /**
     * Endpoints that take and give JSON. Each is an absolute URL or a path under [SessionConfig.baseUrl]. Where a list
     * of places is empty, the usual ones are looked at.
     */
    public data class Json(
        /** Takes the credentials, gives the tokens. */
        val loginUrl: String = "/auth/login",
        /** Takes the refresh token, gives the next tokens. */
        val refreshUrl: String = "/auth/refresh",
        /** Takes the refresh token and revokes it; `null`: there is none, and a sign-out stays on the device. */
        val logoutUrl: String? = "/auth/logout",
        /** The method of the logout; `null`: POST. */
        val logoutMethod: String? = null,
        /** Where the access token is in an answer, such as `data.tokens.access`; the first that is there counts. */
        val accessTokenAt: List<String> = emptyList(),
        /** Where the refresh token is. */
        val refreshTokenAt: List<String> = emptyList(),
        /** Where the lifetime of the access token in seconds is. */
        val expiresInAt: List<String> = emptyList(),
        /** Where the code of an error is. */
        val errorCodeAt: List<String> = emptyList(),
        /** The member that holds the refresh token in a refresh; `null`: `refresh_token`. */
        val refreshRequestField: String? = null,
        /** The member that holds it in a logout. */
        val logoutRequestField: String? = null,
        /** The cookie that holds the refresh token, where it is in one. */
        val refreshTokenCookie: String? = null,
        /** What the login wants besides. */
        val login: CallAdditions? = null,
        /** What the refresh wants besides. */
        val refresh: CallAdditions? = null,
        /** What the logout wants besides. */
        val logout: CallAdditions? = null,
        /** Which statuses of the refresh end the session; `null`: 401. */
        val terminalStatuses: List<Int>? = null,
        /** Which codes of its errors do. */
        val terminalCodes: List<String> = emptyList(),
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
        /** Further parameters of the token requests, such as `audience`. */
        val parameters: List<Pair<String, String>> = emptyList(),
        /** Further statuses of the token endpoint that end the session. */
        val terminalStatuses: List<Int> = emptyList(),
        /** Further codes of its errors that do. */
        val terminalCodes: List<String> = emptyList(),
    ) : TokenEndpoints {
        /** Without the values of [parameters], which may hold a key. */
        override fun toString(): String = "OAuth2($tokenEndpoint, $clientId, parameters=${parameters.map { it.first }})"
    }

    /** What the app does by itself. */
    public data class Custom(
        /** Speaks to the authorization server. */
        val authority: Authority,
    ) : TokenEndpoints
}

/** What a backend wants with a call beside what is sent anyway. */
public data class CallAdditions(
    /** Members of the body. */
    val fields: JsonObject = JsonObject(emptyMap()),
    /** Headers of the call. */
    val headers: Headers = Headers.None,
) {
    /** Without values, which may be keys. */
    override fun toString(): String = "CallAdditions(${fields.size} fields, headers)"
}

internal fun TokenEndpoints.toFfi(): FfiTokenEndpoints = when (this) {
    is TokenEndpoints.Json -> FfiTokenEndpoints.Json(
        JsonEndpoints(
            loginUrl = loginUrl,
            refreshUrl = refreshUrl,
            logoutUrl = logoutUrl,
            logoutMethod = logoutMethod,
            accessTokenAt = accessTokenAt,
            refreshTokenAt = refreshTokenAt,
            expiresInAt = expiresInAt,
            errorCodeAt = errorCodeAt,
            refreshRequestField = refreshRequestField,
            logoutRequestField = logoutRequestField,
            refreshTokenCookie = refreshTokenCookie,
            login = login?.toFfi(),
            refresh = refresh?.toFfi(),
            logout = logout?.toFfi(),
            terminalStatuses = terminalStatuses?.map(Int::toStatus),
            terminalCodes = terminalCodes,
        ),
    )
    is TokenEndpoints.OAuth2 -> FfiTokenEndpoints.OAuth2(
        OAuth2Endpoints(
            tokenEndpoint = tokenEndpoint,
            clientId = clientId,
            revocationEndpoint = revocationEndpoint,
            parameters = parameters.map { (name, value) -> Header(name, value) },
            terminalStatuses = terminalStatuses.map(Int::toStatus),
            terminalCodes = terminalCodes,
        ),
    )
    is TokenEndpoints.Custom -> FfiTokenEndpoints.Custom(AuthorityAdapter(authority))
}

private fun CallAdditions.toFfi() = FfiCallAdditions(fields.toString(), headers.toFfi())
