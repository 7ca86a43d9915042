@file:OptIn(ExperimentalTime::class)

package dev.authsession

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertTrue
import kotlin.time.Clock
import kotlin.time.Duration
import kotlin.time.ExperimentalTime
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

class SessionTest {
    @Serializable
    private data class User(val id: String, val name: String)

    @Serializable
    private data class Echo(val method: String, val body: String)

    @Test
    fun `signing in returns the server's answer without the tokens`() = realmTest { _, session ->
        val answer = session.signIn(*ada).answer

        assertEquals("Ada", answer.getValue("user").jsonObject.getValue("name").jsonPrimitive.content)
        assertEquals(emptySet(), answer.keys intersect setOf("access_token", "refresh_token"))
    }

    @Test
    fun `a sign-in that wants another step returns what the server says and signs nobody in`() =
        realmTest { realm, session ->
            realm.command("fault", "endpoint" to "login", "when" to "before", "status" to 200, "body" to "{\"otp\":6}")

            val result = session.signIn(*ada)

            assertEquals(jsonOf("otp" to 6), result.answer)
            assertFalse(result.isSignedIn)

            assertEquals(SessionState.SignedOut(SignOutReason.NEVER_SIGNED_IN), session.state)
        }

    @Test
    fun `a step that the server says nothing about is an empty answer`() = realmTest { realm, session ->
        realm.command("fault", "endpoint" to "login", "when" to "before", "status" to 204)

        assertEquals(jsonOf(), session.signIn(*ada).answer)
    }

    @Test
    fun `the state tells who is signed in and until when the access token is valid`() = realmTest { _, session ->
        session.signIn(*ada)

        val state = assertIs<SessionState.SignedIn>(session.state)

        assertEquals("u1", state.subject)
        assertEquals(JsonPrimitive("u1"), state.claims?.get("sub"))
        assertTrue(assertNotNull(state.expiresAt) > Clock.System.now())
    }

    @Test
    fun `an answer is decoded into a class of the app's`() = realmTest { _, session ->
        session.signIn(*ada)

        assertEquals(User("u1", "Ada"), session.get("/me").json<User>())
    }

    @Test
    fun `a posted body arrives as it was`() = realmTest { _, session ->
        session.signIn(*ada)
        val body = JsonArray(listOf(JsonPrimitive("naïve"), JsonPrimitive(1)))

        val echo = session.post("/echo", body).json<Echo>()

        assertEquals(Echo("POST", body.toString()), echo)
    }

    @Test
    fun `a request may wait without limit`() = realmTest { _, session ->
        session.signIn(*ada)

        assertEquals(200, session.get("/me", timeout = Duration.INFINITE).status)
    }

    @Test
    fun `tokens from elsewhere are adopted and refreshed by OAuth`() = realmTest(
        open = { config(endpoints = TokenEndpoints.OAuth2("$authUrl/oauth/token", "demo")) },
    ) { realm, session ->
        val issued = realm.issueTokens()
        session.adopt(Tokens(issued.accessToken, issued.refreshToken))
        realm.command("expire_access_tokens")

        assertEquals(200, session.get("/me").status)
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `after a sign-out nothing is sent`() = realmTest { realm, session ->
        session.signIn(*ada)

        session.signOut()

        assertEquals(SessionState.SignedOut(SignOutReason.USER), session.state)
        val failure = assertFailsWith<AuthSessionException> { session.get("/me") }
        assertEquals(ErrorCode.SIGNED_OUT, failure.code)
        assertEquals(0, realm.counters()["resource_requests"])
        realm.command("await_counter", "counter" to "logouts", "at_least" to 1)
    }

    @Test
    fun `the same session signs in again after a sign-out`() = realmTest { _, session ->
        session.signIn(*ada)
        session.signOut()
        session.signIn(*ada)

        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `a closed session refuses to work`() = realmTest { _, session ->
        session.close()

        assertFailsWith<IllegalStateException> { session.state }
        assertFailsWith<IllegalStateException> { session.get("/me") }
    }
}
