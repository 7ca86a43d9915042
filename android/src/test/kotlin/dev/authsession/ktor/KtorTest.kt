package dev.authsession.ktor

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
import com.sun.net.httpserver.HttpServer
import io.ktor.client.HttpClient
import io.ktor.client.engine.java.Java
import io.ktor.client.request.get
import io.ktor.client.request.header
import io.ktor.client.request.post
import io.ktor.client.request.prepareGet
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsChannel
import io.ktor.client.statement.bodyAsText
import io.ktor.http.HttpHeaders
import io.ktor.utils.io.readByteArray
import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch

class KtorTest {
    private suspend fun using(authSession: AuthSession, test: suspend (HttpClient) -> Unit) =
        HttpClient(Java) { install(AuthSessionPlugin) { session = authSession } }.use { test(it) }

    @Test
    fun `a request carries the token, and its response does not show it`() = realmTest { realm, session ->
        val issued = realm.issueTokens()
        session.adopt(Tokens(issued.accessToken, issued.refreshToken))
        using(session) { client ->
            val response = client.get("${realm.apiUrl}/me")

            assertEquals(200, response.status.value)
            assertContains(response.bodyAsText(), "Ada")
            assertFalse(listOf(response, response.call.request, client).any { issued.accessToken in "$it" })
        }
    }

    @Test
    fun `many refused requests cause one refresh and no failure`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        using(session) { client ->
            val statuses = List(50) { async { client.get("${realm.apiUrl}/me").status.value } }.awaitAll()

            assertEquals(List(50) { 200 }, statuses)
        }
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `a body is sent once more with the fresh token`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        using(session) { client ->
            assertContains(client.post("${realm.apiUrl}/echo") { setBody("hello") }.bodyAsText(), "hello")
        }
        assertEquals(5, realm.counters()["echoed_bytes"])
    }

    @Test
    fun `a server that refuses every token is asked twice and then answers the app`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("fault", "endpoint" to "resource", "when" to "before", "status" to 401, "body" to "no")
        using(session) { client ->
            val response = client.get("${realm.apiUrl}/me")

            assertEquals(401 to "no", response.status.value to response.bodyAsText())
        }
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `of a refusal without end only the beginning is read, and the app gets all of it`() = realmTest { realm, _ ->
        EndlessRefusal().use { server ->
            val config = SessionConfig(
                realm.apiUrl,
                store = TokenStore.Memory,
                allowLoopback = true,
                allowedOrigins = listOf(server.baseUrl),
            )
            AuthSession.open(config).use { session ->
                session.signIn(*ada)
                using(session) { client ->
                    val expected = EndlessRefusal.PIECE.repeat(100_000)

                    val received = client.prepareGet(server.baseUrl).execute { response ->
                        response.status.value to response.bodyAsChannel().readByteArray(1_000_000)
                    }

                    assertEquals(401, received.first)
                    assertEquals(expected, received.second.decodeToString())
                }
            }
        }
    }

    /** Refuses in a way that no token cures, and does not stop to say so. */
    private class EndlessRefusal : AutoCloseable {
        private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)

        val baseUrl = "http://127.0.0.1:${server.address.port}"

        init {
            server.createContext("/") { exchange ->
                exchange.responseHeaders.add("WWW-Authenticate", "Basic")
                exchange.sendResponseHeaders(401, 0)
                val piece = PIECE.repeat(1_000).encodeToByteArray()
                try {
                    while (true) exchange.responseBody.write(piece)
                } catch (_: IOException) {
                    // Nobody listens any more.
                }
            }
            server.start()
        }

        override fun close() = server.stop(0)

        companion object {
            const val PIECE = "0123456789"
        }
    }

    @Test
    fun `a 403 is the app's, and changes nothing`() = realmTest { realm, session ->
        session.signIn(*ada)
        using(session) { assertEquals(403, it.get("${realm.apiUrl}/forbidden").status.value) }
        assertEquals(0, realm.counters()["refresh_requests"])
    }

    @Test
    fun `a rejected refresh ends the session, and the app gets the 401`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        realm.command("revoke_refresh_tokens")
        using(session) { assertEquals(401, it.get("${realm.apiUrl}/me").status.value) }
        assertEquals(SessionState.SignedOut(SignOutReason.REJECTED), session.state)
    }

    @Test
    fun `without a session a request fails, unless it wants no token`() = realmTest { realm, session ->
        using(session) { client ->
            val failure = assertFailsWith<AuthSessionException> { client.get("${realm.apiUrl}/me") }

            assertEquals(ErrorCode.SIGNED_OUT, failure.code)
            for (auth in listOf(Auth.OPTIONAL, Auth.NEVER)) {
                assertEquals(200, client.get("${realm.apiUrl}/public") { auth(auth) }.status.value)
            }
        }
    }

    @Test
    fun `another origin gets no token, neither directly nor by a redirect, and asks for none`() =
        realmTest { realm, session ->
            session.signIn(*ada)
            RecordingServer(status = 401).use { foreign ->
                using(session) { client ->
                    assertEquals(401, client.get(foreign.baseUrl).status.value)

                    realm.redirect("/me", foreign.baseUrl)
                    assertEquals(401, client.get("${realm.apiUrl}/me").status.value)
                }
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

                    using(session) { assertEquals(401, it.get("${realm.apiUrl}/me").status.value) }

                    assertEquals(listOf<String?>(null), away.authorizations.toList())
                }
            }
            assertEquals(0, realm.counters()["refresh_requests"])
        }

    @Test
    fun `an app's own authorization is left alone`() = realmTest { _, session ->
        session.signIn(*ada)
        RecordingServer().use { server ->
            using(session) { it.get(server.baseUrl) { header(HttpHeaders.Authorization, "Basic abc") } }

            assertEquals(listOf<String?>("Basic abc"), server.authorizations.toList())
        }
    }

    @Test
    fun `cancelling one that waits for a refresh lets the refresh go on`() = realmTest { realm, session ->
        session.adopt(Tokens(null, realm.issueTokens().refreshToken))
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        using(session) { client ->
            val waiting = launch { client.get("${realm.apiUrl}/me") }
            realm.command("await_held", "endpoint" to "refresh", "count" to 1)

            waiting.cancelAndJoin()

            realm.command("release", "endpoint" to "refresh")
            assertEquals(200, client.get("${realm.apiUrl}/me").status.value)
        }
        assertEquals(1, realm.counters()["refresh_requests"])
    }

    @Test
    fun `the plugin says that it needs a session`() {
        val failure = assertFailsWith<IllegalArgumentException> { HttpClient(Java) { install(AuthSessionPlugin) } }

        assertEquals("AuthSessionPlugin needs a session", failure.message)
        assertNull(AuthSessionPluginConfig().session)
    }
}
