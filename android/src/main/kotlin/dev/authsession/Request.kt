package dev.authsession

import dev.authsession.ffi.Delivery
import dev.authsession.ffi.ProgressListener
import dev.authsession.ffi.RequestAuth
import dev.authsession.ffi.RequestContent
import dev.authsession.ffi.RequestOptions
import kotlin.time.Duration

/**
 * What to send. Its text form shows nothing of it.
 *
 * @property method the method, in upper case.
 * @property url a path under the base URL of the client, or an absolute URL of an allowed origin.
 * @property headers the app's header fields.
 * @property body what it carries.
 * @property auth whether it carries the access token.
 * @property idempotencyKey says that sending it twice is the same as sending it once, which allows the session to send
 *   it again where an answer was lost; sent as `Idempotency-Key`.
 * @property timeout the longest that it may take, the wait for a refresh included; `null`:
 *   [SessionConfig.requestTimeout].
 * @property idleTimeout how long a body that is read as it arrives may be silent; `null`: 60 seconds.
 * @property maxBodyBytes the largest answer that is held in memory; `null`: [SessionConfig.maxBodyBytes].
 * @property maxRedirects how many redirects are followed at most; `null`: 10, and never more. One more is the answer,
 *   with [Disposition.REDIRECT_REFUSED]: with 0 any redirect is.
 * @property onUploadProgress is told how far the body has come. Called on a thread of the library, one call at a time
 *   and only with the newest state, of the last one before the request has ended. If it blocks it holds nothing up, but
 *   for that end a tenth of a second; what it throws is dropped.
 * @property onDownloadProgress the same for the body of the answer.
 */
public class Request(
    public val method: String,
    public val url: String,
    public val headers: Headers = Headers.None,
    public val body: Body? = null,
    public val auth: Auth = Auth.REQUIRED,
    public val idempotencyKey: String? = null,
    public val timeout: Duration? = null,
    public val idleTimeout: Duration? = null,
    public val maxBodyBytes: Long? = null,
    public val maxRedirects: Int? = null,
    public val onUploadProgress: ((TransferProgress) -> Unit)? = null,
    public val onDownloadProgress: ((TransferProgress) -> Unit)? = null,
) {
    override fun toString(): String = "Request"

    internal fun toFfi(content: RequestContent?, delivery: Delivery?) = RequestOptions(
        method = method,
        url = url,
        headers = (body?.mediaType?.let { headers.withDefault("Content-Type", it) } ?: headers).toFfi(),
        auth = auth.toFfi(),
        idempotencyKey = idempotencyKey,
        timeoutMs = timeout?.toMilliseconds(),
        idleTimeoutMs = idleTimeout?.toMilliseconds(),
        maxBodyBytes = maxBodyBytes?.toUnsigned(),
        maxRedirects = maxRedirects?.coerceAtLeast(0)?.toUInt(),
        uploadProgress = onUploadProgress?.let(::Progress),
        downloadProgress = onDownloadProgress?.let(::Progress),
        delivery = delivery,
        content = content,
    )
}

/** Whether a request carries the session's access token. */
public enum class Auth {
    /** It does; without a session it is not sent. */
    REQUIRED,

    /** It does if somebody is signed in. */
    OPTIONAL,

    /** It does not. */
    NEVER,
}

/** How far a body has come. */
public data class TransferProgress(
    /** So many bytes so far. A request that is sent again begins at zero. */
    val bytes: Long,
    /** Of so many, if that is known. */
    val total: Long?,
)

private fun Auth.toFfi(): RequestAuth = when (this) {
    Auth.REQUIRED -> RequestAuth.REQUIRED
    Auth.OPTIONAL -> RequestAuth.OPTIONAL
    Auth.NEVER -> RequestAuth.NEVER
}

private class Progress(private val tell: (TransferProgress) -> Unit) : ProgressListener {
    override fun onProgress(bytes: ULong, total: ULong?) =
        callingApp("a progress listener") { tell(TransferProgress(bytes.toLong(), total?.toLong())) }
}
