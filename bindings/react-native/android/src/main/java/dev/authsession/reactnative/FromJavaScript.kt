// Experimental in the Kotlin that the oldest React Native brings, stable since.
@file:OptIn(ExperimentalTime::class)

package dev.authsession.reactnative

import com.facebook.react.bridge.ReadableMap
import dev.authsession.AnswerMeaning
import dev.authsession.AnswerRules
import dev.authsession.CallAdditions
import dev.authsession.ErrorCode
import dev.authsession.Headers
import dev.authsession.PinSet
import dev.authsession.RetryPolicy
import dev.authsession.SessionConfig
import dev.authsession.TokenEndpoints
import dev.authsession.TokenStore
import dev.authsession.Tokens
import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject

/** `NativeConfig` of config.ts. */
internal fun sessionConfig(options: ReadableMap): SessionConfig {
    val fields = Fields(options, ErrorCode.INVALID_CONFIGURATION)
    val defaults = SessionConfig(fields.requiredString("baseURL"))
    return SessionConfig(
        baseUrl = defaults.baseUrl,
        account = fields.string("account") ?: defaults.account,
        namespace = fields.string("namespace") ?: defaults.namespace,
        endpoints = fields.fields("endpoints")?.let(::tokenEndpoints) ?: defaults.endpoints,
        store = fields.fields("store")?.let(::tokenStore) ?: defaults.store,
        allowLoopback = fields.boolean("allowLoopback") ?: defaults.allowLoopback,
        allowedOrigins = fields.strings("allowedOrigins") ?: defaults.allowedOrigins,
        requestTimeout = fields.milliseconds("requestTimeoutMs"),
        developmentOrigins = fields.strings("developmentOrigins") ?: defaults.developmentOrigins,
        developmentAnchors = fields.strings("developmentAnchors").orEmpty().map(String::encodeToByteArray),
        idleTimeout = fields.milliseconds("idleTimeoutMs"),
        absoluteLifetime = fields.milliseconds("absoluteLifetimeMs"),
        refreshGrace = fields.milliseconds("refreshGraceMs"),
        accessTokenInMemoryOnly = fields.boolean("accessTokenInMemoryOnly") ?: defaults.accessTokenInMemoryOnly,
        readOnly = fields.boolean("readOnly") ?: defaults.readOnly,
        deviceIdHeader = fields.string("deviceIdHeader"),
        maxBodyBytes = fields.integer("maxBodyBytes"),
        maxConnectionsPerHost = fields.smallInteger("maxConnectionsPerHost"),
        answerRules = fields.fields("answerRules")?.let(::answerRules),
        retry = fields.fields("retry")?.let(::retryPolicy),
        pins = fields.list("pins").orEmpty().map(::pinSet),
    )
}

private fun tokenEndpoints(fields: Fields): TokenEndpoints = when (fields.string("type")) {
    "json" -> json(fields)
    "oauth2" -> TokenEndpoints.OAuth2(
        tokenEndpoint = fields.requiredString("tokenEndpoint"),
        clientId = fields.requiredString("clientId"),
        revocationEndpoint = fields.string("revocationEndpoint"),
        parameters = fields.texts("parameters").orEmpty(),
        terminalStatuses = fields.integers("terminalStatuses").orEmpty(),
        terminalCodes = fields.strings("terminalCodes").orEmpty(),
    )
    else -> throw fields.refusal("type", "json or oauth2")
}

private fun json(fields: Fields): TokenEndpoints.Json {
    val defaults = TokenEndpoints.Json()
    return TokenEndpoints.Json(
        loginUrl = fields.string("loginURL") ?: defaults.loginUrl,
        refreshUrl = fields.string("refreshURL") ?: defaults.refreshUrl,
        logoutUrl = if (fields.isFalse("logoutURL")) null else fields.string("logoutURL") ?: defaults.logoutUrl,
        logoutMethod = fields.string("logoutMethod"),
        accessTokenAt = fields.strings("accessTokenAt").orEmpty(),
        refreshTokenAt = fields.strings("refreshTokenAt").orEmpty(),
        expiresInAt = fields.strings("expiresInAt").orEmpty(),
        errorCodeAt = fields.strings("errorCodeAt").orEmpty(),
        refreshRequestField = fields.string("refreshRequestField"),
        logoutRequestField = fields.string("logoutRequestField"),
        refreshTokenCookie = fields.string("refreshTokenCookie"),
        login = fields.fields("login")?.let(::callAdditions),
        refresh = fields.fields("refresh")?.let(::callAdditions),
        logout = fields.fields("logout")?.let(::callAdditions),
        terminalStatuses = fields.integers("terminalStatuses"),
        terminalCodes = fields.strings("terminalCodes").orEmpty(),
    )
}

private fun callAdditions(fields: Fields) = CallAdditions(
    fields = fields.string("fieldsJson")?.let { jsonObject(it) ?: throw fields.refusal("fields", "an object") }
        ?: JsonObject(emptyMap()),
    headers = Headers(*fields.texts("headers").orEmpty().toTypedArray()),
)

private fun tokenStore(fields: Fields): TokenStore = when (fields.string("type")) {
    "memory" -> TokenStore.Memory
    "file" -> TokenStore.File(File(fields.requiredString("path")))
    "keystore" -> TokenStore.Keystore(
        strongBox = fields.boolean("strongBox") ?: false,
        unlockedDeviceRequired = fields.boolean("unlockedDeviceRequired") ?: false,
        userAuthentication = fields.milliseconds("userAuthenticationMs"),
    )
    else -> throw fields.refusal("type", "memory, file or keystore on Android")
}

private fun answerRules(fields: Fields) = AnswerRules(
    codes = fields.texts("codes").orEmpty().associate { (code, meaning) ->
        code to when (meaning) {
            "refresh" -> AnswerMeaning.REFRESH
            "end_session" -> AnswerMeaning.END_SESSION
            "pass" -> AnswerMeaning.PASS
            else -> throw fields.refusal("codes.$code", "refresh, end_session or pass")
        }
    },
    refreshOnForbidden = fields.boolean("refreshOnForbidden") ?: false,
    passBareUnauthorized = fields.boolean("passBareUnauthorized") ?: false,
)

private fun retryPolicy(fields: Fields) = RetryPolicy(
    attempts = fields.smallInteger("attempts") ?: throw fields.refusal("attempts", "a number"),
    budget = fields.milliseconds("budgetMs") ?: throw fields.refusal("budgetMs", "a number"),
)

private fun pinSet(fields: Fields) = PinSet(
    host = fields.requiredString("host"),
    pins = fields.strings("sha256") ?: throw fields.refusal("sha256", "a list of strings"),
    expiresAt = fields.integer("expiresAt")?.let(Instant::fromEpochMilliseconds),
)

internal fun Fields.milliseconds(name: String): Duration? = number(name)?.milliseconds

/** What is sent to the login endpoint, as JavaScript wrote it. */
internal fun credentials(json: String): JsonObject =
    jsonObject(json) ?: throw Refusal(ErrorCode.INVALID_REQUEST, "the credentials must be an object")

private fun jsonObject(json: String): JsonObject? = try {
    Json.parseToJsonElement(json) as? JsonObject
} catch (_: SerializationException) {
    // Not as a cause: it quotes the text, which may hold a password or a key.
    null
}

internal fun tokens(accessToken: String?, refreshToken: String?, expiresInSeconds: Double?): Tokens {
    if (expiresInSeconds != null && expiresInSeconds.isNaN()) {
        throw Refusal(ErrorCode.INVALID_REQUEST, "expiresInSeconds must be a number")
    }
    // As in an answer of the server: a lifetime that cannot be one is unknown.
    val expiresIn = expiresInSeconds?.takeIf { it.isFinite() && it >= 0 }
    return Tokens(accessToken, refreshToken, expiresIn?.seconds)
}
