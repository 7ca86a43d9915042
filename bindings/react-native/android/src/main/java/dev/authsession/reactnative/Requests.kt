// Stable in Kotlin today, experimental in the one that the oldest React Native brings.
@file:OptIn(ExperimentalEncodingApi::class)

package dev.authsession.reactnative

import dev.authsession.ApiClient
import dev.authsession.Auth
import dev.authsession.Body
import dev.authsession.Headers
import dev.authsession.Part
import dev.authsession.Request
import dev.authsession.Response
import java.io.File
import kotlin.io.encoding.Base64
import kotlin.io.encoding.ExperimentalEncodingApi

private const val UNKNOWN_TYPE = "application/octet-stream"

/** The name that the XMLHttpRequest standard gives to bytes that have none. */
private const val UNNAMED_FILE = "blob"

/**
 * Sends the request that [fields] describe: `NativeRequest` of exchange.ts.
 *
 * @param files reads what is named by URI, for as long as the request takes.
 */
internal suspend fun ApiClient.send(fields: Fields, files: RequestFiles, progress: ProgressReports): Response {
    val request = Request(
        method = fields.requiredString("method"),
        url = fields.requiredString("url"),
        headers = headers(fields),
        body = fields.fields("body")?.let { body(it, files) },
        auth = auth(fields),
        idempotencyKey = fields.string("idempotencyKey"),
        timeout = fields.milliseconds("timeoutMs"),
        maxBodyBytes = fields.integer("maxBodyBytes"),
        maxRedirects = fields.smallInteger("maxRedirects"),
        onUploadProgress = if (fields.boolean("reportUpload") == true) progress.of("upload") else null,
        onDownloadProgress = if (fields.boolean("reportDownload") == true) progress.of("download") else null,
    )
    val target = fields.string("downloadTo") ?: return send(request)
    return download(request, fileOf(target) ?: throw fields.refusal("downloadTo", "a file: URI"))
}

internal fun headers(fields: Fields): Headers {
    val pairs = fields.list("headers").orEmpty().map { it.requiredString("name") to it.requiredString("value") }
    return Headers(*pairs.toTypedArray())
}

private fun auth(fields: Fields): Auth = when (fields.string("auth")) {
    null, "required" -> Auth.REQUIRED
    "optional" -> Auth.OPTIONAL
    "never" -> Auth.NEVER
    else -> throw fields.refusal("auth", "required, optional or never")
}

private suspend fun body(fields: Fields, files: RequestFiles): Body = when (fields.string("kind")) {
    "text" -> Body.bytes(fields.requiredString("text").encodeToByteArray())
    "base64" -> Body.bytes(bytes(fields, "base64") ?: throw fields.refusal("base64", "a string"))
    "file" -> Body.file(file(fields, files) ?: throw fields.refusal("uri", "a string"))
    "form" -> Body.multipart(*fields.list("parts").orEmpty().map { part(it, files) }.toTypedArray())
    else -> throw fields.refusal("kind", "text, base64, file or form")
}

private suspend fun part(fields: Fields, files: RequestFiles): Part {
    val name = fields.requiredString("name")
    val fileName = fields.string("fileName")
    val contentType = fields.string("contentType")
    val text = fields.string("text")
    val content = bytes(fields, "base64")
    return when {
        text != null && fileName == null -> Part.text(name, text, contentType)
        text != null -> Part.bytes(name, fileName.orEmpty(), contentType ?: UNKNOWN_TYPE, text.encodeToByteArray())
        content != null -> Part.bytes(name, fileName ?: UNNAMED_FILE, contentType ?: UNKNOWN_TYPE, content)
        else -> {
            val file = file(fields, files) ?: throw fields.refusal("uri", "a string where there is no text or base64")
            Part.file(name, file, contentType ?: UNKNOWN_TYPE, fileName)
        }
    }
}

private fun bytes(fields: Fields, name: String): ByteArray? = fields.string(name)?.let {
    try {
        // Kotlin's own: Java's is not on every Android that React Native runs on.
        Base64.decode(it)
    } catch (_: IllegalArgumentException) {
        throw fields.refusal(name, "Base64")
    }
}

private suspend fun file(fields: Fields, files: RequestFiles): File? = fields.string("uri")?.let {
    files.find(it) ?: throw fields.refusal("uri", "a file: or content: URI")
}
