package dev.authsession.ktor

import dev.authsession.Auth
import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.Authorization
import dev.authsession.ErrorCode
import dev.authsession.Headers
import dev.authsession.REFUSAL_BYTES
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.replaceResponse
import io.ktor.client.plugins.api.ClientPlugin
import io.ktor.client.plugins.api.Send
import io.ktor.client.plugins.api.createClientPlugin
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.bodyAsChannel
import io.ktor.http.HttpHeaders
import io.ktor.http.HttpStatusCode
import io.ktor.http.URLBuilder
import io.ktor.http.Url
import io.ktor.http.content.ByteArrayContent
import io.ktor.http.content.OutgoingContent
import io.ktor.http.content.TextContent
import io.ktor.util.AttributeKey
import io.ktor.util.flattenEntries
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.cancel
import io.ktor.utils.io.copyTo
import io.ktor.utils.io.readRemaining
import io.ktor.utils.io.writeFully
import io.ktor.utils.io.writer
import kotlinx.coroutines.CoroutineScope
import kotlinx.io.readByteArray

/** The settings of [AuthSessionPlugin]. */
public class AuthSessionPluginConfig {
    /** Whose access token requests carry. It must be set. */
    public var session: AuthSession? = null
}

/**
 * Makes every request of a Ktor client carry the access token of a session, where its origin may get it. It takes the
 * place of Ktor's `Auth` plugin with bearer tokens:
 *
 * ```
 * val client = HttpClient(engine) { install(AuthSessionPlugin) { session = authSession } }
 * ```
 *
 * - A request to an origin that may not get the token is sent without it, and so is one that has an `Authorization`
 *   header already or asks for [Auth.NEVER] with [auth].
 * - Where there is no token to be had, the request fails with the [AuthSessionException], which is an `IOException`.
 *   With [Auth.OPTIONAL], a request of nobody is sent without a token.
 * - A refused token is refreshed, once for however many requests, and the request is sent once more if its body can
 *   be; else the app gets the answer.
 * - What was redirected to another origin has no token, and gets none back on a later hop.
 * - Of a refusal the plugin reads 64 KiB at most, for a code in it; the app gets it whole, as it arrives.
 * - The request that a response belongs to does not show the token's value to `toString()`, nor does the builder.
 *
 * Cancelling the coroutine cancels the request; a refresh that it waits for goes on.
 */
public val AuthSessionPlugin: ClientPlugin<AuthSessionPluginConfig> =
    createClientPlugin("AuthSession", ::AuthSessionPluginConfig) {
        val session = requireNotNull(pluginConfig.session) { "AuthSessionPlugin needs a session" }
        on(Send) { request ->
            val auth = request.attributes.getOrNull(authKey) ?: Auth.REQUIRED
            val withoutToken = auth == Auth.NEVER || request.headers.contains(HttpHeaders.Authorization)
            if (withoutToken || request.hasLeftItsOrigin()) return@on proceed(request)
            val authorization = session.authorizationOrNull(request, auth) ?: return@on proceed(request)
            val call = request.carrying(authorization) { proceed(request) }
            if (!call.isRefusal()) return@on call
            val refusal = Refusal.of(call)
            val next = session.next(authorization, refusal)
            if (next == null || !request.isReplayable()) return@on refusal.answer()
            refusal.discard()
            request.carrying(next) { proceed(request) }
        }
    }

/** Says whether this request carries the access token; without it, it does. */
public fun HttpRequestBuilder.auth(auth: Auth): Unit = attributes.put(authKey, auth)

private val authKey = AttributeKey<Auth>("AuthSessionAuth")
private val originKey = AttributeKey<String>("AuthSessionOrigin")

/** In [originKey], once a redirect has led elsewhere: no origin is called that. */
private const val ELSEWHERE = ""

/** Ktor's redirects copy the attributes of the request, so that the first hop leaves its origin to the later ones. */
private fun HttpRequestBuilder.hasLeftItsOrigin(): Boolean {
    val origin = url.build().origin()
    val first = attributes.computeIfAbsent(originKey) { origin }
    if (first != origin) attributes.put(originKey, ELSEWHERE)
    return first != origin
}

private fun Url.origin(): String = "${protocol.name}://${host.lowercase()}:$port"

private suspend fun AuthSession.authorizationOrNull(request: HttpRequestBuilder, auth: Auth): Authorization? = try {
    // Without the fragment, which is not sent.
    authorization(URLBuilder(request.url).apply { fragment = "" }.buildString())
} catch (failure: AuthSessionException) {
    val withoutToken = failure.code == ErrorCode.ORIGIN_NOT_ALLOWED ||
        auth == Auth.OPTIONAL && failure.code == ErrorCode.SIGNED_OUT
    if (withoutToken) null else throw failure
}

/** The header is there only while this hop is sent: Ktor makes the next hop of a redirect from this one. */
private inline fun HttpRequestBuilder.carrying(
    authorization: Authorization,
    send: () -> HttpClientCall,
): HttpClientCall = try {
    headers[HttpHeaders.Authorization] = authorization.expose()
    send()
} finally {
    headers.remove(HttpHeaders.Authorization)
}

private fun HttpClientCall.isRefusal(): Boolean =
    response.status == HttpStatusCode.Unauthorized || response.status == HttpStatusCode.Forbidden

/** A refusal of which [beginning] has been read, for a code in it, and which the app gets whole. */
private class Refusal(val call: HttpClientCall, val beginning: ByteArray, private val rest: ByteReadChannel) {

    fun answer(): HttpClientCall {
        // Once: it is asked for again when the call is cleaned up.
        val whole = whole()
        return call.replaceResponse { whole }
    }

    /** Nobody reads the rest. */
    fun discard() = rest.cancel()

    private fun whole(): ByteReadChannel = CoroutineScope(call.coroutineContext).writer {
        try {
            channel.writeFully(beginning)
            rest.copyTo(channel)
        } finally {
            // The app may not want all of it.
            rest.cancel()
        }
    }.channel

    companion object {
        suspend fun of(call: HttpClientCall): Refusal {
            val body = call.response.bodyAsChannel()
            return Refusal(call, body.readRemaining(REFUSAL_BYTES).readByteArray(), body)
        }
    }
}

/** What to send the request with once more; `null` if the answer is final, or no other token can be had now. */
private suspend fun AuthSession.next(authorization: Authorization, refusal: Refusal): Authorization? {
    val response = refusal.call.response
    val headers = Headers(*response.headers.flattenEntries().toTypedArray())
    return try {
        refused(authorization, response.status.value, headers, refusal.beginning)
    } catch (_: AuthSessionException) {
        null
    }
}

private fun HttpRequestBuilder.isReplayable(): Boolean = when (body) {
    is OutgoingContent.NoContent, is ByteArrayContent, is TextContent, is OutgoingContent.ByteArrayContent -> true
    else -> body !is OutgoingContent
}
