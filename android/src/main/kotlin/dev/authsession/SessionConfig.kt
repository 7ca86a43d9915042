package dev.authsession

import dev.authsession.ffi.SessionOptions
import kotlin.time.Duration

/**
 * How to open a session. Checked by [AuthSession.open].
 *
 * @property baseUrl the API: an `https` URL. Its origin is the first that gets the access token.
 * @property account whose session it is, where an app has several.
 * @property namespace keeps the sessions of several apps or environments in one store apart.
 * @property endpoints where and how tokens are issued.
 * @property store where the tokens rest between two starts of the app.
 * @property allowLoopback allows `http` on 127.0.0.0/8, ::1 and localhost. For development only.
 * @property allowedOrigins further `https` origins that may get the access token.
 * @property requestTimeout the longest that a request may take, the wait for a refresh included;
 *   `null`: 60 seconds.
 */
public class SessionConfig(
    public val baseUrl: String,
    public val account: String = "default",
    public val namespace: String = "auth-session",
    public val endpoints: TokenEndpoints = TokenEndpoints.Json(),
    public val store: TokenStore = TokenStore.Memory,
    public val allowLoopback: Boolean = false,
    public val allowedOrigins: List<String> = emptyList(),
    public val requestTimeout: Duration? = null,
) {
    internal fun toFfi() = SessionOptions(
        baseUrl = baseUrl,
        account = account,
        namespace = namespace,
        endpoints = endpoints.toFfi(),
        store = store.toFfi(),
        allowLoopback = allowLoopback,
        allowedOrigins = allowedOrigins,
        requestTimeoutMs = requestTimeout?.toMilliseconds(),
    )
}
