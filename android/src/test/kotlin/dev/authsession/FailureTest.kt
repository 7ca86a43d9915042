package dev.authsession

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertTrue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

class FailureTest {
    @ParameterizedTest(name = "{0} is not a base URL")
    @ValueSource(strings = ["", "not a URL", "/path", "ftp://127.0.0.1", "http://api.example.com"])
    fun `a base URL that cannot be used is a configuration error`(baseUrl: String) = runBlocking {
        val failure = assertFailsWith<AuthSessionException> {
            AuthSession.open(SessionConfig(baseUrl, "bad-base-url", allowLoopback = true)).close()
        }

        assertEquals(ErrorCode.INVALID_CONFIGURATION, failure.code)
        assertFalse(failure.retryable)
    }

    @Test
    fun `http on loopback must be allowed explicitly`() = runBlocking {
        val failure = assertFailsWith<AuthSessionException> {
            AuthSession.open(SessionConfig("http://127.0.0.1:1", "plain-loopback")).close()
        }

        assertEquals(ErrorCode.INVALID_CONFIGURATION, failure.code)
    }

    @Test
    fun `a wrong password is a rejected sign-in`() = realmTest { _, session ->
        val failure = assertFailsWith<AuthSessionException> {
            session.signIn("email" to "ada@example.com", "password" to "battery staple")
        }

        assertEquals(ErrorCode.SIGN_IN_REJECTED, failure.code)
        assertEquals(401, failure.status)
        assertFalse(failure.retryable)
        assertEquals(SessionState.SignedOut(SignOutReason.NEVER_SIGNED_IN), session.state)
    }

    @Test
    fun `a sign-in that the server answers with a list is undecodable`() = realmTest { realm, session ->
        realm.command("fault", "endpoint" to "login", "when" to "before", "status" to 200, "body" to "[]")

        val failure = assertFailsWith<AuthSessionException> { session.signIn(*ada) }

        assertEquals(ErrorCode.UNDECODABLE, failure.code)
    }

    @Test
    fun `a server that cannot take a sign-in now says when it can`() = realmTest { realm, session ->
        realm.answerUnavailable("login", retryAfter = 7.seconds)

        val failure = assertFailsWith<AuthSessionException> { session.signIn(*ada) }

        assertEquals(ErrorCode.SIGN_IN_UNAVAILABLE, failure.code)
        assertEquals(503, failure.status)
        assertEquals(7.seconds, failure.retryAfter)
        assertTrue(failure.retryable)
    }

    @Test
    fun `a request of nobody asks for a sign-in`() = realmTest { _, session ->
        val failure = assertFailsWith<AuthSessionException> { session.get("/me") }

        assertEquals(ErrorCode.SIGNED_OUT, failure.code)
        assertTrue(failure.signInRequired)
    }

    @Test
    fun `no request goes to a foreign origin`() = realmTest { _, session ->
        session.signIn(*ada)

        val failure = assertFailsWith<AuthSessionException> { session.get("https://api.example.com/me") }

        assertEquals(ErrorCode.ORIGIN_NOT_ALLOWED, failure.code)
    }

    @Test
    fun `a method that HTTP does not know is an invalid request`() = realmTest { _, session ->
        session.signIn(*ada)

        val failure = assertFailsWith<AuthSessionException> { session.request("GE T", "/me") }

        assertEquals(ErrorCode.INVALID_REQUEST, failure.code)
    }

    @Test
    fun `a server that cannot be reached is a network failure, worth another try`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("offline", "listener" to "api")

        val failure = assertFailsWith<AuthSessionException> { session.get("/me") }

        assertEquals(ErrorCode.NETWORK, failure.code)
        assertTrue(failure.retryable)
    }

    @Test
    fun `a request that takes too long times out`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("hold", "endpoint" to "resource", "path" to "/slow", "when" to "before")

        val failure = assertFailsWith<AuthSessionException> { session.get("/slow", timeout = 50.milliseconds) }

        assertEquals(ErrorCode.TIMEOUT, failure.code)
        assertTrue(failure.retryable)
    }

    @Test
    fun `an expired token that cannot be refreshed now fails with the time of the next attempt`() =
        realmTest { realm, session ->
            val issued = realm.issueTokens()
            session.adopt(Tokens(issued.accessToken, issued.refreshToken, expiresIn = 1.seconds))
            realm.answerUnavailable("refresh", retryAfter = 7.seconds)

            val failure = assertFailsWith<AuthSessionException> { while (true) session.get("/me") }

            assertEquals(ErrorCode.REFRESH_UNAVAILABLE, failure.code)
            assertTrue(failure.retryable)
            val retryAfter = assertNotNull(failure.retryAfter)
            assertTrue(retryAfter.isPositive() && retryAfter <= 7.seconds, "$retryAfter")
        }

    @Test
    fun `a redirect without end is refused`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("fault", "endpoint" to "resource", "when" to "before", "redirect" to "loop")

        assertEquals(Disposition.REDIRECT_REFUSED, session.get("/me").disposition)
    }

    @Test
    fun `an unsuccessful answer is a response, and not to be decoded`() = realmTest { _, session ->
        session.signIn(*ada)
        val response = session.get("/forbidden")

        val failure = assertFailsWith<AuthSessionException> { response.json<JsonObject>() }

        assertEquals(Disposition.PERMISSION_DENIED, response.disposition)
        assertEquals(ErrorCode.UNSUCCESSFUL, failure.code)
        assertEquals(403, failure.status)
    }
}

private suspend fun Realm.answerUnavailable(endpoint: String, retryAfter: Duration) = command(
    "fault",
    buildJsonObject {
        put("endpoint", endpoint)
        put("when", "before")
        put("status", 503)
        putJsonObject("headers") { put("Retry-After", "${retryAfter.inWholeSeconds}") }
    },
)
