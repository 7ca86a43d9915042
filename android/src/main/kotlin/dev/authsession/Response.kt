package dev.authsession

import dev.authsession.ffi.HttpResponse
import java.nio.charset.Charset
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.MissingFieldException
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer

/**
 * The server's answer. Its text form shows neither body nor URL.
 *
 * @property status the HTTP status.
 * @property url where the answer came from, after redirects.
 * @property headers the header fields.
 * @property bytes the whole body.
 * @property disposition what the session made of the answer.
 * @property isRedirected whether it is the answer to a redirect that was followed.
 */
public class Response internal constructor(
    public val status: Int,
    public val url: String,
    public val headers: Headers,
    public val bytes: ByteArray,
    public val disposition: Disposition,
    public val isRedirected: Boolean,
) {
    /** Whether the status is a 2xx. */
    public val isSuccessful: Boolean
        get() = status in 200..299

    /** The body as text, whatever the status. */
    public fun text(charset: Charset = Charsets.UTF_8): String = bytes.toString(charset)

    /**
     * The body of a successful answer, decoded from JSON.
     *
     * @param T a `@Serializable` class, or `JsonObject` and its like.
     * @param format how to read it; as it stands, fields that [T] does not have are skipped.
     * @throws AuthSessionException [ErrorCode.UNSUCCESSFUL] unless [isSuccessful], else
     *   [ErrorCode.UNDECODABLE] if the body is not a [T].
     */
    public inline fun <reified T> json(format: Json = DefaultFormat): T =
        json(format.serializersModule.serializer<T>(), format)

    /** As the other [json], with a [deserializer] of the caller's. */
    public fun <T> json(deserializer: DeserializationStrategy<T>, format: Json = DefaultFormat): T {
        if (!isSuccessful) {
            throw AuthSessionException(ErrorCode.UNSUCCESSFUL, "the server answered with HTTP $status", status = status)
        }
        return try {
            format.decodeFromString(deserializer, text())
        } catch (failure: SerializationException) {
            val name = deserializer.descriptor.serialName
            throw AuthSessionException(
                ErrorCode.UNDECODABLE,
                "the body could not be decoded as $name${whereIn(failure)}",
                status = status,
            )
        }
    }

    override fun toString(): String = "Response($status, ${disposition.name.lowercase()}, ${bytes.size} bytes)"

    public companion object {
        /** Reads what is there and skips what is not asked for, since servers add fields. */
        @PublishedApi
        internal val DefaultFormat: Json = Json { ignoreUnknownKeys = true }
    }
}

/** What may be told of [failure]: its message quotes the body, which may hold anything, so it is not even a cause. */
@OptIn(ExperimentalSerializationApi::class)
private fun whereIn(failure: SerializationException): String = when (failure) {
    is MissingFieldException -> ": without ${failure.missingFields.joinToString()}"
    // The path is in the message only. A key of a map is part of it, and quoted, so that it does not pass.
    else -> pathInMessage.find(failure.message.orEmpty())?.let { ": at ${it.groupValues[1]}" }.orEmpty()
}

private val pathInMessage = Regex("""at path:? (\$(?:\.\w+|\[\d+])*)(?=\s|$)""")

internal fun HttpResponse.toResponse(): Response =
    Response(status.toInt(), url, Headers.of(headers), body, disposition.toDisposition(), redirected)
