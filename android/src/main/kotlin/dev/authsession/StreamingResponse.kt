package dev.authsession

import dev.authsession.ffi.HttpResponse
import dev.authsession.ffi.IncomingBody
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * The server's answer, whose body is read as it arrives. It can be read inside [ApiClient.stream] only. Its text form
 * shows neither body nor URL.
 */
public class StreamingResponse internal constructor(answer: HttpResponse, private val incoming: IncomingBody) {
    /** The HTTP status. */
    public val status: Int = answer.status.toInt()

    /** Where the answer came from, after redirects. */
    public val url: String = answer.url

    /** The header fields. */
    public val headers: Headers = Headers.of(answer.headers)

    /** What the session made of the answer. */
    public val disposition: Disposition = answer.disposition.toDisposition()

    /** Whether it is the answer to a redirect that was followed. */
    public val isRedirected: Boolean = answer.redirected

    /** Whether the status is a 2xx. */
    public val isSuccessful: Boolean
        get() = status in 200..299

    /**
     * The body, piece by piece, as the network delivers them and not faster than they are collected. It is there once:
     * a second collector gets what the first has left.
     */
    public val body: Flow<ByteArray> = flow {
        while (true) emit(translatingFailures { incoming.next() } ?: break)
    }

    override fun toString(): String = "StreamingResponse($status, ${disposition.name.lowercase()})"
}
