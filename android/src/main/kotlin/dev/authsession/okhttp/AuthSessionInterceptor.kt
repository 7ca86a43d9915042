package dev.authsession.okhttp

import dev.authsession.Auth
import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.Authorization
import dev.authsession.ErrorCode
import dev.authsession.Headers
import dev.authsession.REFUSAL_BYTES
import java.io.IOException
import java.io.InterruptedIOException
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.delay
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.HttpUrl
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okhttp3.Route

/**
 * Makes every request of this client carry the access token of [session], where its origin may get it. Nothing else of
 * the client changes, so that Retrofit, Apollo or an image loader on top of it need not know.
 *
 * Instead of an interceptor and an authenticator of the app's own, which it replaces; see [AuthSessionInterceptor],
 * [AuthSessionAuthenticator] and [AuthSessionNetworkGuard] for what it does.
 */
public fun OkHttpClient.Builder.authSession(session: AuthSession): OkHttpClient.Builder =
    addInterceptor(AuthSessionInterceptor(session))
        .addNetworkInterceptor(AuthSessionNetworkGuard())
        .authenticator(AuthSessionAuthenticator(session))

/**
 * Gives requests the access token, refreshed where it must be: an application interceptor, so that nothing waits for a
 * refresh with a connection in its hands. It goes with an [AuthSessionAuthenticator], which answers a 401; a 403 is
 * reported by the interceptor itself.
 *
 * - A request to an origin that may not get the token is sent without it, and so is one that has an `Authorization`
 *   header already or is tagged `Auth.NEVER`: `Request.Builder().tag(Auth::class.java, Auth.NEVER)`, or in Retrofit a
 *   parameter `@Tag auth: Auth`.
 * - Where there is no token to be had, the call fails with the [AuthSessionException], which is an `IOException`.
 *   With `Auth.OPTIONAL`, a request of nobody is sent without a token.
 * - An interceptor behind this one that sends the request elsewhere takes the token along, unless there is an
 *   [AuthSessionNetworkGuard]; `authSession` adds one.
 * - After a redirect to another origin OkHttp leaves the token out, and it never comes back for that request.
 * - A response does not show the token: its `request` is without it.
 *
 * It blocks OkHttp's own thread while it waits. A call that is cancelled meanwhile ends at once, and the refresh goes
 * on.
 */
public class AuthSessionInterceptor(private val session: AuthSession) : Interceptor {

    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val auth = request.tag(Auth::class.java) ?: Auth.REQUIRED
        if (auth == Auth.NEVER || request.header(AUTHORIZATION) != null) return chain.proceed(request)
        val authorization = authorization(chain.call(), request, auth) ?: return chain.proceed(request)
        // The authenticator has to know whether its call was cancelled.
        val sent = request.newBuilder()
            .tag(Call::class.java, chain.call())
            .tag(Origin::class.java, request.origin())
            .build()
            .with(authorization)
        val response = chain.proceed(sent)
        return afterForbidden(chain, response).withoutToken()
    }

    private fun authorization(call: Call, request: Request, auth: Auth): Authorization? = try {
        waiting(call) { session.authorization(request.url.withoutFragment()) }
    } catch (failure: AuthSessionException) {
        val withoutToken = failure.code == ErrorCode.ORIGIN_NOT_ALLOWED ||
            auth == Auth.OPTIONAL && failure.code == ErrorCode.SIGNED_OUT
        if (withoutToken) null else throw failure
    }

    /** OkHttp asks an authenticator about 401 only, while a server may mean its token by a 403. */
    private fun afterForbidden(chain: Interceptor.Chain, response: Response): Response {
        val authorization = response.request.authorization()
        if (response.code != FORBIDDEN || authorization == null) return response
        val next = try {
            session.next(chain.call(), authorization, response)
        } catch (failure: IOException) {
            // OkHttp closes what it has handed out only where an authenticator fails.
            response.close()
            throw failure
        }
        val body = response.request.body
        if (next == null || body != null && (body.isOneShot() || body.isDuplex())) return response
        response.close()
        return chain.proceed(response.request.with(next))
    }
}

/**
 * Answers a 401 with another token, once, if the session has one: a fresh one, or one that another request has got
 * meanwhile. However many requests are refused, the token is refreshed once. Where no other token can be had, the app
 * gets the 401.
 *
 * It only acts on what an [AuthSessionInterceptor] of the same session has sent, and never on what was redirected to
 * another origin.
 */
public class AuthSessionAuthenticator(private val session: AuthSession) : Authenticator {

    override fun authenticate(route: Route?, response: Response): Request? {
        val authorization = response.request.authorization() ?: return null
        val call = response.request.tag(Call::class.java)
        return session.next(call, authorization, response)?.let { response.request.with(it) }
    }
}

/**
 * Takes the token out of a request that an interceptor behind [AuthSessionInterceptor] has sent to another origin than
 * the one that it was asked for, where the token might be read by anybody. A network interceptor, which sees what is
 * really sent. A WebSocket's handshake passes by no network interceptor.
 */
public class AuthSessionNetworkGuard : Interceptor {

    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val isElsewhere = request.carried() != null && request.authorization() == null
        return chain.proceed(if (isElsewhere) request.newBuilder().removeHeader(AUTHORIZATION).build() else request)
    }
}

/** Where a token may go that was asked for. */
private data class Origin(val scheme: String, val host: String, val port: Int)

/** A fragment is not sent, and may hold what is no URL elsewhere, such as a space. */
private fun HttpUrl.withoutFragment(): String = newBuilder().fragment(null).build().toString()

private fun Request.origin() = Origin(url.scheme, url.host, url.port)

private const val AUTHORIZATION = "Authorization"
private const val FORBIDDEN = 403

/** OkHttp tells nobody when a call is cancelled, so it is asked this often. */
private val CANCELLATION_INTERVAL = 50.milliseconds

private fun Request.with(authorization: Authorization): Request = newBuilder()
    .header(AUTHORIZATION, authorization.expose())
    .tag(Authorization::class.java, authorization)
    .build()

/** What this request carries; `null` if OkHttp has taken it out, since it was redirected to another origin. */
private fun Request.carried(): Authorization? =
    tag(Authorization::class.java)?.takeIf { header(AUTHORIZATION) == it.expose() }

/** What this request carries rightly; `null` as well if an interceptor has sent it elsewhere. */
private fun Request.authorization(): Authorization? = carried()?.takeIf { origin() == tag(Origin::class.java) }

private fun Response.withoutToken(): Response {
    if (request.carried() == null) return this
    val shown = request.newBuilder()
        .removeHeader(AUTHORIZATION)
        .tag(Authorization::class.java, null)
        .tag(Call::class.java, null)
        .tag(Origin::class.java, null)
        .build()
    return newBuilder().request(shown).build()
}

/** What to send the request with once more; `null` if [response] is final, or no other token can be had now. */
private fun AuthSession.next(call: Call?, authorization: Authorization, response: Response): Authorization? = try {
    val headers = Headers(*response.headers.toList().toTypedArray())
    val body = response.peekBody(REFUSAL_BYTES).bytes()
    waiting(call) { refused(authorization, response.code, headers, body) }
} catch (_: AuthSessionException) {
    null
}

/**
 * Blocks this thread until [work] is done or [call] is cancelled. OkHttp ends the app on anything but an [IOException],
 * so a session that is closed and a thread that is interrupted are ones as well.
 */
private fun <T> waiting(call: Call?, work: suspend () -> T): T = try {
    blocking(call, work)
} catch (interruption: InterruptedException) {
    Thread.currentThread().interrupt()
    throw InterruptedIOException("interrupted")
} catch (_: IllegalStateException) {
    throw IOException("the session of this client is closed")
}

private fun <T> blocking(call: Call?, work: suspend () -> T): T = runBlocking {
    val caller = coroutineContext.job
    val watcher = launch {
        while (call?.isCanceled() == false) delay(CANCELLATION_INTERVAL)
        if (call != null) caller.cancel()
    }
    try {
        work()
    } catch (cancellation: CancellationException) {
        throw IOException("Canceled", cancellation)
    } finally {
        watcher.cancel()
    }
}
