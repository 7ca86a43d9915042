package dev.authsession.recipes

import dev.authsession.Auth
import dev.authsession.AuthSession
import dev.authsession.ktor.AuthSessionPlugin
import dev.authsession.ktor.auth
import dev.authsession.okhttp.authSession
import io.ktor.client.HttpClient
import io.ktor.client.engine.HttpClientEngine
import io.ktor.client.request.get
import io.ktor.client.statement.HttpResponse
import okhttp3.OkHttpClient
import okhttp3.ResponseBody
import retrofit2.Retrofit
import retrofit2.http.GET
import retrofit2.http.Tag

interface Api {
    @GET("me")
    suspend fun me(): ResponseBody

    @GET("public")
    suspend fun news(@Tag auth: Auth = Auth.NEVER): ResponseBody
}

fun retrofit(session: AuthSession, baseUrl: String): Api = Retrofit.Builder()
    .baseUrl(baseUrl)
    .client(OkHttpClient.Builder().authSession(session).build())
    .build()
    .create(Api::class.java)

fun ktor(authSession: AuthSession, engine: HttpClientEngine): HttpClient =
    HttpClient(engine) { install(AuthSessionPlugin) { session = authSession } }

suspend fun news(client: HttpClient, url: String): HttpResponse = client.get(url) { auth(Auth.NEVER) }
