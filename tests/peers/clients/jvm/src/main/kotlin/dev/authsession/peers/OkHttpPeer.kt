package dev.authsession.peers

import java.io.IOException
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.serialization.encodeToString
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.Callback
import okhttp3.ConnectionPool
import okhttp3.Dispatcher
import okhttp3.Interceptor
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.Route

private val jsonType = "application/json".toMediaType()

/**
 * OkHttp with an interceptor that attaches the token and an `Authenticator` that refreshes it.
 *
 * It follows https://square.github.io/okhttp/recipes/#handling-authentication-kt-java and, for what that leaves to the
 * app (one refresh at a time, what a failed one means), the usual articles, such as
 * https://proandroiddev.com/handling-token-expiration-in-retrofit-automatic-token-refresh-with-okhttp-d5673e4d4c41
 * and https://stackoverflow.com/a/60130868.
 */
class OkHttpPeer(private val target: Target) : Client {
    private val tokens = TokenStore()

    /** Refreshes must neither carry the token that has expired nor come to the authenticator themselves. */
    private val tokenApi = TokenApi(OkHttpClient.Builder().trusting(target).build(), target)

    private val client = OkHttpClient.Builder()
        .trusting(target)
        .addInterceptor(TokenInterceptor(tokens))
        .authenticator(TokenAuthenticator(tokens, tokenApi))
        .withManyConnections()
        .build()

    override val signedIn get() = tokens.load() != null

    override suspend fun signIn(email: String, password: String) = tokens.save(tokenApi.login(email, password))

    override suspend fun signOut() {
        val current = tokens.load() ?: return
        tokens.clear()
        // The user is signed out on the device whether the server hears of it or not.
        runCatching { tokenApi.logout(current) }
    }

    override suspend fun send(method: String, path: String, body: String?): Int =
        client.newCall(request(method, path, body)).answer { it.code.also { _ -> it.body.bytes() } }

    /** A synchronous call spares OkHttp the way through its dispatcher's threads. */
    override suspend fun get(path: String): Int =
        client.newCall(request("GET", path, null)).execute().use { it.code.also { _ -> it.body.bytes() } }

    override fun callers(concurrency: Int): CoroutineDispatcher =
        Executors.newFixedThreadPool(concurrency).asCoroutineDispatcher()

    private fun request(method: String, path: String, body: String?) = Request.Builder()
        .url(target.url(path))
        .method(method, body?.toRequestBody(jsonType))
        .build()
}

/** As it stands OkHttp sends five requests to a host at once, and keeps five connections. */
fun OkHttpClient.Builder.withManyConnections(): OkHttpClient.Builder =
    dispatcher(Dispatcher().apply { maxRequestsPerHost = CONNECTIONS_PER_HOST })
        .connectionPool(ConnectionPool(CONNECTIONS_PER_HOST, 5, TimeUnit.MINUTES))

private class TokenInterceptor(private val tokens: TokenStore) : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response {
        val accessToken = tokens.load()?.accessToken ?: return chain.proceed(chain.request())
        return chain.proceed(chain.request().carrying(accessToken))
    }
}

private class TokenAuthenticator(private val tokens: TokenStore, private val tokenApi: TokenApi) : Authenticator {
    override fun authenticate(route: Route?, response: Response): Request? {
        if (responseCount(response) >= 3) return null

        // One refresh at a time: who comes second finds that the token is another than the one it has used.
        synchronized(this) {
            val current = tokens.load() ?: return null
            if (response.request.header("Authorization") != "Bearer ${current.accessToken}") {
                return response.request.carrying(current.accessToken)
            }
            return when (val refresh = tokenApi.refresh(current.refreshToken)) {
                is Refresh.Renewed -> {
                    tokens.save(refresh.tokens)
                    response.request.carrying(refresh.tokens.accessToken)
                }
                // OkHttp leaves open what this means; all clients here take it as [endsSession] has it.
                is Refresh.Refused -> {
                    if (endsSession(refresh.status)) tokens.clear()
                    null
                }
            }
        }
    }

    private fun responseCount(response: Response): Int = generateSequence(response) { it.priorResponse }.count()
}

private fun Request.carrying(accessToken: String) =
    newBuilder().header("Authorization", "Bearer $accessToken").build()

private sealed interface Refresh {
    class Renewed(val tokens: Tokens) : Refresh

    class Refused(val status: Int) : Refresh
}

private class TokenApi(private val client: OkHttpClient, private val target: Target) {
    suspend fun login(email: String, password: String): Tokens =
        client.newCall(post(target.loginUrl, json.encodeToString(Credentials(email, password)))).answer { response ->
            if (!response.isSuccessful) throw IOException("the sign-in was answered with ${response.code}")
            response.tokens()
        }

    /** Blocks, since an authenticator cannot wait otherwise. */
    fun refresh(refreshToken: String): Refresh {
        val request = post(target.refreshUrl, json.encodeToString(RefreshToken(refreshToken)))
        return client.newCall(request).execute().use { response ->
            if (response.isSuccessful) {
                Refresh.Renewed(response.tokens(earlier = refreshToken))
            } else {
                Refresh.Refused(response.code)
            }
        }
    }

    suspend fun logout(tokens: Tokens) {
        val request = post(target.logoutUrl, json.encodeToString(RefreshToken(tokens.refreshToken)))
        client.newCall(request.carrying(tokens.accessToken)).answer { }
    }

    private fun post(url: String, body: String) = Request.Builder().url(url).post(body.toRequestBody(jsonType)).build()

    private fun Response.tokens(earlier: String? = null): Tokens {
        val text = body.string()
        return try {
            json.decodeFromString<TokenAnswer>(text).tokens(earlier)
        } catch (_: IllegalArgumentException) {
            // What an authenticator throws beside IOException ends the process on Android. And it quotes the tokens.
            throw IOException("the tokens cannot be read")
        }
    }
}

/** See https://square.github.io/okhttp/recipes/#asynchronous-get-kt-java */
private suspend fun <T> Call.answer(read: (Response) -> T): T = suspendCancellableCoroutine { caller ->
    caller.invokeOnCancellation { cancel() }
    enqueue(object : Callback {
        override fun onResponse(call: Call, response: Response) {
            val result = runCatching { response.use(read) }
            result.fold(caller::resume, caller::resumeWithException)
        }

        override fun onFailure(call: Call, e: IOException) = caller.resumeWithException(e)
    })
}
