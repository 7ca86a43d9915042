package dev.authsession

import dev.authsession.ffi.ActivityCallbacks
import dev.authsession.ffi.SessionOptions
import kotlin.time.Duration

/**
 * How to open a session. Checked by [AuthSession.open], which names the setting that is wrong.
 *
 * @property baseUrl the API: an `https` URL. Its origin is the first that gets the access token.
 * @property account whose session it is, where an app has several.
 * @property namespace keeps the sessions of several apps or environments in one store apart.
 * @property endpoints where and how tokens are issued.
 * @property store where the tokens rest between two starts of the app: under a key of the Keystore on Android, on
 *   another JVM in memory.
 * @property allowLoopback allows `http` on 127.0.0.0/8, ::1 and localhost. For development only.
 * @property allowedOrigins further `https` origins that may get the access token.
 * @property requestTimeout the longest that a request may take, the wait for a refresh included;
 *   `null`: 60 seconds.
 * @property developmentOrigins further `http` origins that may get the access token, such as a server in the local
 *   network. For development only.
 * @property developmentAnchors certificates (DER or PEM) that are trusted beside those of the platform. For
 *   development only.
 * @property idleTimeout the session ends when it is not used for so long; `null`: never.
 * @property absoluteLifetime the session ends so long after the sign-in; `null`: never.
 * @property refreshGrace how long a refresh whose answer was lost is repeated quickly: the grace period of the server.
 * @property accessTokenInMemoryOnly keeps the access token out of the store.
 * @property readOnly uses what another process saves, and changes nothing: what would have to sign in, sign out or
 *   refresh is [ErrorCode.READ_ONLY].
 * @property activity asks the system for time when the app leaves the foreground.
 * @property deviceIdHeader the header that tells servers the name of this installation; `null`: none does.
 * @property maxBodyBytes the largest answer that is held in memory; `null`: 32 MiB.
 * @property maxConnectionsPerHost how many connections to a host are open at once; `null`: 64.
 * @property answerRules what refusals of the app's API mean.
 * @property retry how often a request is sent after failures that pass; `null`: three times within 20 seconds.
 * @property pins the keys that hosts may have.
 */
public class SessionConfig(
    public val baseUrl: String,
    public val account: String = "default",
    public val namespace: String = "auth-session",
    public val endpoints: TokenEndpoints = TokenEndpoints.Json(),
    public val store: TokenStore = TokenStore.Default,
    public val allowLoopback: Boolean = false,
    public val allowedOrigins: List<String> = emptyList(),
    public val requestTimeout: Duration? = null,
    public val developmentOrigins: List<String> = emptyList(),
    public val developmentAnchors: List<ByteArray> = emptyList(),
    public val idleTimeout: Duration? = null,
    public val absoluteLifetime: Duration? = null,
    public val refreshGrace: Duration? = null,
    public val accessTokenInMemoryOnly: Boolean = false,
    public val readOnly: Boolean = false,
    public val activity: BackgroundActivity? = null,
    public val deviceIdHeader: String? = null,
    public val maxBodyBytes: Long? = null,
    public val maxConnectionsPerHost: Int? = null,
    public val answerRules: AnswerRules? = null,
    public val retry: RetryPolicy? = null,
    public val pins: List<PinSet> = emptyList(),
) {
    internal fun toFfi() = SessionOptions(
        baseUrl = baseUrl,
        account = account,
        namespace = namespace,
        endpoints = endpoints.toFfi(),
        store = store.toFfi(),
        allowLoopback = allowLoopback,
        allowedOrigins = allowedOrigins,
        developmentOrigins = developmentOrigins,
        developmentAnchors = developmentAnchors,
        requestTimeoutMs = requestTimeout?.toMilliseconds(),
        idleTimeoutMs = idleTimeout?.toMilliseconds(),
        absoluteLifetimeMs = absoluteLifetime?.toMilliseconds(),
        refreshGraceMs = refreshGrace?.toMilliseconds(),
        accessTokenInMemoryOnly = accessTokenInMemoryOnly,
        readOnly = readOnly,
        activity = activity?.let(::ActivityAdapter),
        deviceIdHeader = deviceIdHeader,
        maxBodyBytes = maxBodyBytes?.toUnsigned(),
        maxConnectionsPerHost = maxConnectionsPerHost?.coerceAtLeast(0)?.toUInt(),
        answerRules = answerRules?.toFfi(),
        retry = retry?.toFfi(),
        pins = pins.map(PinSet::toFfi),
    )
}

private class ActivityAdapter(private val activity: BackgroundActivity) : ActivityCallbacks {
    override fun begin(): Boolean = callingApp("the background activity") { activity.begin() }

    override fun end() = callingApp("the background activity") { activity.end() }
}
