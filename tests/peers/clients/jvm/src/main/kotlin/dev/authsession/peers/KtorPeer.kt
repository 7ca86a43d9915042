package dev.authsession.peers

import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.call.body
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.engine.okhttp.OkHttpConfig
import io.ktor.client.plugins.auth.Auth
import io.ktor.client.plugins.auth.clearAuthTokens
import io.ktor.client.plugins.auth.providers.BearerTokens
import io.ktor.client.plugins.auth.providers.bearer
import io.ktor.client.plugins.contentnegotiation.ContentNegotiation
import io.ktor.client.request.bearerAuth
import io.ktor.client.request.post
import io.ktor.client.request.request
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsBytes
import io.ktor.http.ContentType
import io.ktor.http.HttpMethod
import io.ktor.http.Url
import io.ktor.http.contentType
import io.ktor.http.isSuccess
import io.ktor.serialization.kotlinx.json.json
import java.io.IOException

/**
 * Ktor's client with its Auth plugin, as https://ktor.io/docs/client-bearer-auth.html and, for the sign-out,
 * https://ktor.io/docs/client-auth.html#token-caching show it. The engine is the one that
 * https://ktor.io/docs/client-engines.html names for apps on Android.
 *
 * @param survivesCancellation the opt-in by which a refresh is finished though the request that began it is cancelled.
 */
class KtorPeer(private val target: Target, survivesCancellation: Boolean) : Client {
    private val tokens = TokenStore()
    private val apiHost = Url(target.apiUrl).host

    private val tokenClient = HttpClient(OkHttp) { common() }

    private val client = HttpClient(OkHttp) {
        common()
        install(Auth) {
            bearer {
                nonCancellableRefresh = survivesCancellation
                loadTokens { tokens.load()?.let { BearerTokens(it.accessToken, it.refreshToken) } }
                refreshTokens {
                    val refreshToken = oldTokens?.refreshToken ?: return@refreshTokens null
                    val response = client.post(target.refreshUrl) {
                        markAsRefreshTokenRequest()
                        contentType(ContentType.Application.Json)
                        setBody(RefreshToken(refreshToken))
                    }
                    if (!response.status.isSuccess()) {
                        // The page leaves open what this means; all clients here take it as [endsSession] has it.
                        if (endsSession(response.status.value)) tokens.clear()
                        return@refreshTokens null
                    }
                    val renewed = response.body<TokenAnswer>().tokens(earlier = refreshToken)
                    tokens.save(renewed)
                    BearerTokens(renewed.accessToken, renewed.refreshToken)
                }
                sendWithoutRequest { request -> request.url.host == apiHost }
            }
        }
    }

    override val signedIn get() = tokens.load() != null

    override suspend fun signIn(email: String, password: String) {
        val response = tokenClient.post(target.loginUrl) {
            contentType(ContentType.Application.Json)
            setBody(Credentials(email, password))
        }
        if (!response.status.isSuccess()) throw IOException("the sign-in was answered with ${response.status.value}")
        tokens.save(response.body<TokenAnswer>().tokens())
        // The plugin keeps what it has loaded, and knows nothing of these.
        client.clearAuthTokens()
    }

    override suspend fun signOut() {
        val current = tokens.load() ?: return
        client.clearAuthTokens()
        tokens.clear()
        // The user is signed out on the device whether the server hears of it or not.
        runCatching {
            tokenClient.post(target.logoutUrl) {
                bearerAuth(current.accessToken)
                contentType(ContentType.Application.Json)
                setBody(RefreshToken(current.refreshToken))
            }
        }
    }

    override suspend fun send(method: String, path: String, body: String?): Int {
        val response = client.request(target.url(path)) {
            this.method = HttpMethod.parse(method)
            if (body != null) {
                contentType(ContentType.Application.Json)
                setBody(body)
            }
        }
        response.bodyAsBytes()
        return response.status.value
    }

    private fun HttpClientConfig<OkHttpConfig>.common() {
        install(ContentNegotiation) { json(json) }
        engine { config { trusting(target).withManyConnections() } }
    }
}
