package dev.authsession

import dev.authsession.ffi.FormPart
import dev.authsession.ffi.RequestContent
import java.io.File
import kotlinx.coroutines.flow.Flow
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer

/** What a request carries. Its text form shows none of it. */
public sealed class Body(
    /** What it says to be, sent as `Content-Type` where the request's headers do not say otherwise. */
    public val mediaType: String?,
) {
    internal class Bytes(val content: ByteArray, mediaType: String?) : Body(mediaType)

    internal class OfFile(val file: File, mediaType: String?) : Body(mediaType)

    internal class Form(val parts: List<Part>) : Body(null)

    internal class Written(mediaType: String?, val write: suspend (BodySink) -> Unit) : Body(mediaType)

    override fun toString(): String = "Body(${mediaType ?: "of no type"})"

    public companion object {
        /** [content] as it is. */
        public fun bytes(content: ByteArray, mediaType: String? = null): Body = Bytes(content, mediaType)

        /** [content] in UTF-8. */
        public fun text(content: String, mediaType: String = "text/plain; charset=utf-8"): Body =
            Bytes(content.encodeToByteArray(), mediaType)

        /** [value], a `@Serializable` object or a `JsonElement`, as JSON. */
        public inline fun <reified T> json(value: T, format: Json = Json): Body =
            json(format.serializersModule.serializer<T>(), value, format)

        /** As the other [json], with a [serializer] of the caller's. */
        public fun <T> json(serializer: SerializationStrategy<T>, value: T, format: Json = Json): Body =
            Bytes(format.encodeToString(serializer, value).encodeToByteArray(), "application/json")

        /** The content of [file], which is read while it is sent, and read anew if the request is sent again. */
        public fun file(file: File, mediaType: String? = null): Body = OfFile(file, mediaType)

        /** A form with files, `multipart/form-data`. */
        public fun multipart(vararg parts: Part): Body = Form(parts.toList())

        /**
         * The pieces of [content], which is collected while they are sent and not faster than the network takes them.
         * It cannot be sent twice: where the server refuses the token, the answer has [Disposition.NOT_REPLAYABLE].
         * What [content] throws ends the request, and is thrown by it.
         *
         * It is collected in the caller's coroutine and cancelled when the request is over, which ends with it. So it
         * suspends and does not block: what reads from an `InputStream` does so in `runInterruptible(Dispatchers.IO)`;
         * else the request, though it has failed or timed out, is not over before the reading is.
         */
        public fun flow(content: Flow<ByteArray>, mediaType: String? = null): Body =
            Written(mediaType) { sink -> content.collect(sink::write) }

        /**
         * As [flow], with pieces that [write] gives to a sink. The body is whole when [write] returns. It, too, suspends
         * and does not block.
         */
        public fun written(mediaType: String? = null, write: suspend (BodySink) -> Unit): Body =
            Written(mediaType, write)
    }
}

/** Takes a body piece by piece. */
public fun interface BodySink {
    /**
     * Adds a piece; suspends until there is room for it.
     *
     * @throws AuthSessionException [ErrorCode.CANCELLED] if nobody reads any more: the request is over, and says why.
     */
    public suspend fun write(piece: ByteArray)
}

/** A part of a [multipart][Body.multipart] form. Its text form does not show what is in it. */
public sealed class Part {
    internal abstract fun toFfi(): FormPart

    private class Text(val name: String, val value: String, val mediaType: String?) : Part() {
        override fun toFfi() = FormPart.Text(name, value, mediaType)
    }

    private class Bytes(
        val name: String,
        val fileName: String,
        val mediaType: String,
        val content: ByteArray,
    ) : Part() {
        override fun toFfi() = FormPart.Bytes(name, fileName, mediaType, content)
    }

    private class OfFile(
        val name: String,
        val file: File,
        val mediaType: String,
        val fileName: String?,
    ) : Part() {
        override fun toFfi() = FormPart.File(name, file.absolutePath, fileName, mediaType)
    }

    override fun toString(): String = "Part"

    public companion object {
        /** A field of text; with a [mediaType] it says what it is, such as `application/json`. */
        public fun text(name: String, value: String, mediaType: String? = null): Part = Text(name, value, mediaType)

        /** A file whose content is in memory. */
        public fun bytes(name: String, fileName: String, mediaType: String, content: ByteArray): Part =
            Bytes(name, fileName, mediaType, content)

        /** A file, which is read while it is sent, under [fileName]; `null`: its own name. */
        public fun file(name: String, file: File, mediaType: String, fileName: String? = null): Part =
            OfFile(name, file, mediaType, fileName)
    }
}

/** What the core sends by itself; `null` for a body that is written while it is sent. */
internal fun Body.content(): RequestContent? = when (this) {
    is Body.Bytes -> RequestContent.Bytes(content)
    is Body.OfFile -> RequestContent.File(file.absolutePath)
    is Body.Form -> RequestContent.Form(parts.map(Part::toFfi))
    is Body.Written -> null
}
