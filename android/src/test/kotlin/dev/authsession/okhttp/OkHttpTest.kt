package dev.authsession.okhttp

import dev.authsession.AnswerRules
import dev.authsession.Auth
import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.ErrorCode
import dev.authsession.RecordingServer
import dev.authsession.SessionConfig
import dev.authsession.SessionState
import dev.authsession.SignOutReason
import dev.authsession.TokenStore
import dev.authsession.Tokens
import dev.authsession.ada
import dev.authsession.realmTest
import dev.authsession.redirect
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFails
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withTimeout
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Dispatcher
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.ResponseBody
import retrofit2.Retrofit
import retrofit2.http.GET
import retrofit2.http.Tag

class OkHttpTest {
    private fun client(session: AuthSession) = OkHttpClient.Builder()
        .authSession(session)
        .dispatcher(Dispatcher().apply { maxRequestsPerHost = 64 })
        .build()

    private suspend fun OkHttpClient.call(url: String, configure: Request.Builder.() -> Unit = {}): Response =
        runInterruptible(Dispatchers.IO) {
            newCall(Request.Builder().url(url).apply(configure).build()).execute().also { it.body?.bytes() }
        }

    @Test
    fun `a request carries the token, and its response does not show it`() = realmTest { realm, session ->
        val issued = realm.issueTokens()
        session.adopt(Tokens(issued.accessToken, issued.refreshToken))

        val response = client(session).call("${realm.apiUrl}/me")

        assertEquals(200, response.code)
        assertNull(response.request.header("Authorization"))
        val shown = listOf(response, response.request, AuthSessionInterceptor(session), AuthSessionAuthenticator(session))
        assertFalse(shown.any { issued.accessToken in "$it" })
    }

    @Test
    fun `many refused requests cause one refresh and no failure`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        val client = client(session)

        val statuses = List(50) { async { client.call("${realm.apiUrl}/me").code } }.awaitAll()

        assertEquals(List(50) { 200 }, statuses)
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `a body is sent once more with the fresh token`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")

        val response = client(session).call("${realm.apiUrl}/echo") { post("hello".toRequestBody()) }

        assertEquals(200, response.code)
        assertEquals(5, realm.counters()["echoed_bytes"])
    }

    @Test
    fun `a server that refuses every token is asked twice and then answers the app`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("fault", "endpoint" to "resource", "when" to "before", "status" to 401)

        assertEquals(401, client(session).call("${realm.apiUrl}/me").code)
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `a 403 is the app's, and changes nothing`() = realmTest { realm, session ->
        session.signIn(*ada)

        assertEquals(403, client(session).call("${realm.apiUrl}/forbidden").code)
        assertEquals(0, realm.counters()["refresh_requests"])
    }

    @Test
    fun `an address that only other hosts have is none of the session's business`() = realmTest { realm, session ->
        session.signIn(*ada)

        assertEquals(200, client(session).call("${realm.apiUrl}/me#a b").code)
    }

    @Test
    fun `a rejected refresh ends the session, and the app gets the 401`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        realm.command("revoke_refresh_tokens")

        assertEquals(401, client(session).call("${realm.apiUrl}/me").code)
        assertEquals(SessionState.SignedOut(SignOutReason.REJECTED), session.state)
    }

    @Test
    fun `without a session a request fails as one of I O, unless it wants no token`() = realmTest { realm, session ->
        val client = client(session)

        val failure = assertFailsWith<IOException> { client.call("${realm.apiUrl}/me") }

        assertEquals(ErrorCode.SIGNED_OUT, (failure as AuthSessionException).code)
        for (auth in listOf(Auth.OPTIONAL, Auth.NEVER)) {
            assertEquals(200, client.call("${realm.apiUrl}/public") { tag(Auth::class.java, auth) }.code)
        }
    }

    @Test
    fun `another origin gets no token, neither directly nor by a redirect, and asks for none`() =
        realmTest { realm, session ->
            session.signIn(*ada)
            RecordingServer(status = 401).use { foreign ->
                val client = client(session)
                assertEquals(401, client.call(foreign.baseUrl).code)

                realm.redirect("/me", foreign.baseUrl)
                assertEquals(401, client.call("${realm.apiUrl}/me").code)

                assertEquals(listOf(null, null), foreign.authorizations.toList())
            }
            assertEquals(0, realm.counters()["refresh_requests"])
        }

    @Test
    fun `what was redirected to another origin gets no token there, allowed or not, nor back at home`() =
        realmTest { realm, _ ->
            RecordingServer(redirectTo = "${realm.apiUrl}/echo").use { away ->
                val config = SessionConfig(
                    realm.apiUrl,
                    "redirected",
                    store = TokenStore.Memory,
                    allowLoopback = true,
                    allowedOrigins = listOf(away.baseUrl),
                )
                AuthSession.open(config).use { session ->
                    session.signIn(*ada)
                    session.authorization(away.baseUrl)
                    realm.redirect("/me", away.baseUrl)

                    assertEquals(401, client(session).call("${realm.apiUrl}/me").code)

                    assertEquals(listOf<String?>(null), away.authorizations.toList())
                }
            }
            assertEquals(0, realm.counters()["refresh_requests"])
        }

    @Test
    fun `a URL of another origin that names a user is sent as it is`() = realmTest { _, session ->
        session.signIn(*ada)
        RecordingServer().use { foreign ->
            val url = foreign.baseUrl.replace("http://", "http://user:password@")

            assertEquals(200, client(session).call(url).code)

            assertEquals(listOf<String?>(null), foreign.authorizations.toList())
        }
    }

    @Test
    fun `what an interceptor behind sends elsewhere has no token there, and asks for none`() = realmTest { realm, session ->
        session.signIn(*ada)
        RecordingServer(status = 401).use { foreign ->
            val client = client(session).newBuilder().addInterceptor { chain ->
                chain.proceed(chain.request().newBuilder().url(foreign.baseUrl).build())
            }.build()

            val response = client.call("${realm.apiUrl}/me")

            assertEquals(401, response.code)
            assertNull(response.request.header("Authorization"))
            assertEquals(listOf<String?>(null), foreign.authorizations.toList())
        }
        assertEquals(0, realm.counters()["refresh_requests"])
    }

    @Test
    fun `an app's own authorization is left alone`() = realmTest { _, session ->
        session.signIn(*ada)
        RecordingServer().use { server ->
            client(session).call(server.baseUrl) { header("Authorization", "Basic abc") }

            assertEquals(listOf<String?>("Basic abc"), server.authorizations.toList())
        }
    }

    @Test
    fun `a call that is cancelled while it waits for a refresh ends at once, and the refresh goes on`() =
        realmTest { realm, session ->
            session.adopt(Tokens(null, realm.issueTokens().refreshToken))
            realm.command("hold", "endpoint" to "refresh", "when" to "after")
            val call = client(session).newCall(Request.Builder().url("${realm.apiUrl}/me").build())
            val ended = CompletableDeferred<IOException>()
            call.enqueue(object : Callback {
                override fun onFailure(call: Call, e: IOException) {
                    ended.complete(e)
                }

                override fun onResponse(call: Call, response: Response) = response.close()
            })
            realm.command("await_held", "endpoint" to "refresh", "count" to 1)

            call.cancel()

            ended.await()
            realm.command("release", "endpoint" to "refresh")
            assertEquals(200, session.get("/me").status)
            assertEquals(1, realm.counters()["refresh_requests"])
        }

    @Test
    fun `a call that is cancelled while its 401 is answered ends at once`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        val call = client(session).newCall(Request.Builder().url("${realm.apiUrl}/me").build())
        val ended = async(Dispatchers.IO) { assertFailsWith<IOException> { call.execute() } }
        realm.command("await_held", "endpoint" to "refresh", "count" to 1)

        call.cancel()

        withTimeout(10.seconds) { ended.await() }
        realm.command("release", "endpoint" to "refresh")
        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `a thread that is interrupted while it waits gets an exception that OkHttp knows`() = realmTest { realm, session ->
        session.adopt(Tokens(null, realm.issueTokens().refreshToken))
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        val call = client(session).newCall(Request.Builder().url("${realm.apiUrl}/me").build())
        val ended = CompletableDeferred<Pair<Throwable?, Boolean>>()
        val caller = thread {
            val failure = runCatching { call.execute() }.exceptionOrNull()
            ended.complete(failure to Thread.currentThread().isInterrupted)
        }
        realm.command("await_held", "endpoint" to "refresh", "count" to 1)

        caller.interrupt()

        val (failure, interrupted) = withTimeout(10.seconds) { ended.await() }
        assertIs<InterruptedIOException>(failure)
        assertEquals(true, interrupted)
        realm.command("release", "endpoint" to "refresh")
    }

    @Test
    fun `a 403 whose caller gives up gives its connection back`() = realmTest(
        { SessionConfig(apiUrl, "realm-$id", allowLoopback = true, answerRules = AnswerRules(refreshOnForbidden = true)) },
    ) { realm, session ->
        session.signIn(*ada)
        // More than is read for a code in it.
        val body = "x".repeat(100_000)
        realm.command("fault", "endpoint" to "resource", "when" to "before", "status" to 403, "body" to body)
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        val client = client(session)
        val caller = thread { assertFails { client.newCall(Request.Builder().url("${realm.apiUrl}/me").build()).execute() } }
        realm.command("await_held", "endpoint" to "refresh", "count" to 1)

        caller.interrupt()
        caller.join()

        // Whether it is closed or kept for the next request: nobody holds it.
        assertEquals(client.connectionPool.idleConnectionCount(), client.connectionPool.connectionCount())
        realm.command("release", "endpoint" to "refresh")
    }

    @Test
    fun `a request of a session that is closed fails as one of I O`() = realmTest { realm, session ->
        val client = client(session)
        session.close()

        assertFailsWith<IOException> { client.call("${realm.apiUrl}/me") }
    }

    private interface Api {
        @GET("me")
        suspend fun me(): ResponseBody

        @GET("public")
        suspend fun public(@Tag auth: Auth = Auth.NEVER): ResponseBody
    }

    @Test
    fun `Retrofit needs nothing else`() = realmTest { realm, session ->
        val api = Retrofit.Builder().baseUrl("${realm.apiUrl}/").client(client(session)).build().create(Api::class.java)
        assertEquals("""{"public":true}""", api.public().string())
        assertFailsWith<AuthSessionException> { api.me() }

        session.signIn(*ada)
        realm.command("expire_access_tokens")

        assertEquals(true, "Ada" in api.me().string())
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `a client with a time limit gives up on a refresh that takes longer`() = realmTest { realm, session ->
        session.adopt(Tokens(null, realm.issueTokens().refreshToken))
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        val client = client(session).newBuilder().callTimeout(200, TimeUnit.MILLISECONDS).build()

        assertFailsWith<IOException> { client.call("${realm.apiUrl}/me") }

        realm.command("release", "endpoint" to "refresh")
    }
}
