package dev.authsession.reactnative

import android.content.Context
import android.net.Uri
import dev.authsession.ErrorCode
import java.io.ByteArrayOutputStream
import java.io.Closeable
import java.io.File
import java.io.IOException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext

/** The files that a request reads, for as long as it takes. */
internal class RequestFiles(private val context: Context) : Closeable {
    private val copies = mutableListOf<File>()
    private val folder = Copies.folder(context)

    /**
     * The file that a `file:` or `content:` URI names; null for any other URI.
     *
     * What another app provides is copied: it may be readable once only and tell no length, and a request needs its
     * length first and is sent again after a refresh.
     */
    suspend fun find(uri: String): File? =
        if (uri.startsWith("content:", ignoreCase = true)) copyOf(uri) else fileOf(uri)

    private suspend fun copyOf(uri: String): File = withContext(Dispatchers.IO) {
        try {
            val copy = File.createTempFile("upload", null, folder.apply(File::mkdirs)).also(copies::add)
            val source = context.contentResolver.openInputStream(Uri.parse(uri))
                ?: throw Refusal(ErrorCode.FILE, "the content of a URI cannot be read")
            source.use { input ->
                copy.outputStream().use { output ->
                    val piece = ByteArray(PIECE_BYTES)
                    while (true) {
                        ensureActive()
                        val count = input.read(piece)
                        if (count < 0) break
                        output.write(piece, 0, count)
                    }
                }
            }
            copy
        } catch (_: IOException) {
            throw Refusal(ErrorCode.FILE, "the content of a URI cannot be read")
        } catch (_: SecurityException) {
            // The permission to read what the user has picked ends with the activity that got it.
            throw Refusal(ErrorCode.FILE, "the content of a URI may not be read any more")
        }
    }

    override fun close() {
        copies.forEach(File::delete)
    }

    private companion object {
        /** So much is copied before a cancellation is heard. */
        const val PIECE_BYTES = 64 shl 10
    }
}

/** Where the copies of this process are. */
private object Copies {
    private var isEmptied = false

    /** Empties the folder the first time: a process that is killed cannot delete its copies. */
    @Synchronized
    fun folder(context: Context): File {
        val folder = File(context.cacheDir, "auth-session-uploads")
        if (!isEmptied) folder.listFiles()?.forEach(File::delete)
        isEmptied = true
        return folder
    }
}

/** The file that a `file:` URI (RFC 8089) names; null for one of another scheme, host or form. */
internal fun fileOf(uri: String): File? {
    if (!uri.startsWith("file:", ignoreCase = true)) return null
    // Query and fragment are no part of a path.
    var path = uri.substring("file:".length).substringBefore('#').substringBefore('?')
    if (path.startsWith("//")) {
        val host = path.substring(2).substringBefore('/')
        if (host.isNotEmpty() && !host.equals("localhost", ignoreCase = true)) return null
        path = path.substring(2 + host.length)
    }
    if (!path.startsWith('/')) return null
    return percentDecoded(path)?.takeUnless { '\u0000' in it }?.let(::File)
}

private fun percentDecoded(text: String): String? {
    val bytes = text.encodeToByteArray()
    val decoded = ByteArrayOutputStream(bytes.size)
    var index = 0
    while (index < bytes.size) {
        if (bytes[index] == '%'.code.toByte()) {
            val high = digit(bytes, index + 1) ?: return null
            val low = digit(bytes, index + 2) ?: return null
            decoded.write(high * 16 + low)
            index += 3
        } else {
            decoded.write(bytes[index].toInt())
            index += 1
        }
    }
    return try {
        decoded.toByteArray().decodeToString(throwOnInvalidSequence = true)
    } catch (_: CharacterCodingException) {
        null
    }
}

private fun digit(bytes: ByteArray, index: Int): Int? =
    bytes.getOrNull(index)?.let { Character.digit(it.toInt(), 16) }?.takeIf { it >= 0 }
