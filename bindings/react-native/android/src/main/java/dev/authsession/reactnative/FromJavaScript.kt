package dev.authsession.reactnative

import com.facebook.react.bridge.ReadableMap
import dev.authsession.AuthSession
import dev.authsession.Body
import dev.authsession.ErrorCode
import dev.authsession.Headers
import dev.authsession.Response
import dev.authsession.SessionConfig
import dev.authsession.TokenEndpoints
import dev.authsession.TokenStore
import dev.authsession.Tokens
import java.io.File
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject

/** `AuthSessionConfig` of config.ts. */
internal fun sessionConfig(options: ReadableMap): SessionConfig {
    val fields = Fields(options, ErrorCode.INVALID_CONFIGURATION)
    val defaults = SessionConfig(fields.requiredString("baseURL"))
    return SessionConfig(
        baseUrl = defaults.baseUrl,
        account = fields.string("account") ?: defaults.account,
        namespace = fields.string("namespace") ?: defaults.namespace,
        endpoints = fields.fields("endpoints")?.let(::tokenEndpoints) ?: defaults.endpoints,
        store = fields.fields("store")?.let(::tokenStore) ?: TokenStore.Memory,
        allowLoopback = fields.boolean("allowLoopback") ?: defaults.allowLoopback,
        allowedOrigins = fields.strings("allowedOrigins") ?: defaults.allowedOrigins,
        requestTimeout = fields.number("requestTimeoutMs")?.milliseconds,
    )
}

private fun tokenEndpoints(fields: Fields): TokenEndpoints = when (fields.string("type")) {
    "json" -> TokenEndpoints.Json(
        loginUrl = fields.requiredString("loginURL"),
        refreshUrl = fields.requiredString("refreshURL"),
        logoutUrl = fields.requiredString("logoutURL"),
    )
    "oauth2" -> TokenEndpoints.OAuth2(
        tokenEndpoint = fields.requiredString("tokenEndpoint"),
        clientId = fields.requiredString("clientId"),
        revocationEndpoint = fields.string("revocationEndpoint"),
    )
    else -> throw fields.refusal("type", "json or oauth2")
}

private fun tokenStore(fields: Fields): TokenStore = when (fields.string("type")) {
    "memory" -> TokenStore.Memory
    "file" -> TokenStore.File(File(fields.requiredString("path")))
    else -> throw fields.refusal("type", "memory or file")
}

internal fun credentials(json: String): JsonObject = try {
    Json.parseToJsonElement(json) as? JsonObject
} catch (_: SerializationException) {
    // Not as a cause: it quotes the text, which holds a password.
    null
} ?: throw Refusal(ErrorCode.INVALID_REQUEST, "the credentials must be an object")

internal fun tokens(accessToken: String?, refreshToken: String?, expiresInSeconds: Double?): Tokens {
    if (expiresInSeconds != null && expiresInSeconds.isNaN()) {
        throw Refusal(ErrorCode.INVALID_REQUEST, "expiresInSeconds must be a number")
    }
    return Tokens(accessToken, refreshToken, expiresInSeconds?.seconds)
}

/** Sends the request that [description] describes: `NativeRequest` of request.ts. */
internal suspend fun AuthSession.send(description: ReadableMap): Response {
    val fields = Fields(description, ErrorCode.INVALID_REQUEST)
    val headers = fields.list("headers").orEmpty()
        .map { it.requiredString("name") to it.requiredString("value") }
    return request(
        method = fields.requiredString("method"),
        url = fields.requiredString("url"),
        headers = Headers(*headers.toTypedArray()),
        body = fields.string("body")?.let { Body.bytes(it.encodeToByteArray()) },
        timeout = fields.number("timeoutMs")?.milliseconds,
    )
}
