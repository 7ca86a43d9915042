@file:OptIn(ExperimentalTime::class)

package dev.authsession

import java.io.File
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.ExperimentalTime
import kotlin.time.Instant
import org.junit.jupiter.api.io.TempDir

/** What an app may do wrong: each an error that says what to do, never a crash or a hang. */
class BadInputTest {
    private val wrongSettings = mapOf<String, (String) -> SessionConfig>(
        "an empty account" to { SessionConfig(it, account = "", allowLoopback = true) },
        "an allowed origin that is none" to {
            SessionConfig(it, allowedOrigins = listOf("everywhere"), allowLoopback = true)
        },
        "an origin of another scheme" to {
            SessionConfig(it, allowedOrigins = listOf("ftp://a.example"), allowLoopback = true)
        },
        "a login that is no URL" to {
            SessionConfig(it, endpoints = TokenEndpoints.Json(loginUrl = "http://["), allowLoopback = true)
        },
        "a token endpoint without TLS" to {
            SessionConfig(it, endpoints = TokenEndpoints.OAuth2("http://id.example/token", "app"))
        },
        "a logout by no method" to {
            SessionConfig(it, endpoints = TokenEndpoints.Json(logoutMethod = "GO AWAY"), allowLoopback = true)
        },
        "a timeout of nothing" to { SessionConfig(it, requestTimeout = (-1).seconds, allowLoopback = true) },
        "a pin that is none" to {
            SessionConfig(it, pins = listOf(PinSet("a.example", listOf("key"))), allowLoopback = true)
        },
        "an anchor that is none" to {
            SessionConfig(it, developmentAnchors = listOf(byteArrayOf(1)), allowLoopback = true)
        },
        "a header name with a line break" to { SessionConfig(it, deviceIdHeader = "X\n", allowLoopback = true) },
        "a store that this system has not" to {
            SessionConfig(it, store = TokenStore.Keystore(), allowLoopback = true)
        },
        "no attempt at all" to { SessionConfig(it, retry = RetryPolicy(0, 1.seconds), allowLoopback = true) },
        "no connection at all" to { SessionConfig(it, maxConnectionsPerHost = -1, allowLoopback = true) },
    )

    @Test
    fun `a wrong setting is named`() = realmTest { realm, _ ->
        for ((what, config) in wrongSettings) {
            val failure = assertFailsWith<AuthSessionException>(what) { AuthSession.open(config(realm.apiUrl)).close() }
            assertEquals(ErrorCode.INVALID_CONFIGURATION, failure.code, what)
            assertFalse(failure.retryable || failure.signInRequired, what)
        }
    }

    @Test
    fun `every setting reaches the core`() = realmTest { realm, _ ->
        val config = SessionConfig(
            realm.apiUrl,
            account = "all settings",
            endpoints = TokenEndpoints.Json(
                accessTokenAt = listOf("access_token"),
                refreshTokenAt = listOf("refresh_token"),
                expiresInAt = listOf("expires_in"),
                errorCodeAt = listOf("error"),
                refreshRequestField = "refresh_token",
                login = CallAdditions(jsonOf("client" to "app"), Headers("X-Client" to "app")),
                terminalStatuses = listOf(401, 403),
                terminalCodes = listOf("gone"),
            ),
            store = TokenStore.Memory,
            allowLoopback = true,
            allowedOrigins = listOf("https://cdn.example.com"),
            requestTimeout = 30.seconds,
            idleTimeout = 30.days,
            absoluteLifetime = 90.days,
            refreshGrace = 30.seconds,
            accessTokenInMemoryOnly = true,
            deviceIdHeader = "X-Device",
            maxBodyBytes = 100,
            maxConnectionsPerHost = 64,
            answerRules = AnswerRules(mapOf("token_stale" to AnswerMeaning.REFRESH), refreshOnForbidden = true),
            retry = RetryPolicy(1, 1.seconds),
            pins = listOf(
                PinSet("cdn.example.com", List(2) { "${"A".repeat(43)}=" }, Instant.fromEpochSeconds(4_000_000_000)),
            ),
        )
        AuthSession.open(config).use { session ->
            session.signIn(*ada)
            assertEquals(200, session.get("/me").status)
            val failure = assertFailsWith<AuthSessionException> { session.post("/echo", Body.text("x".repeat(200))) }
            assertEquals(ErrorCode.BODY_TOO_LARGE, failure.code)
            assertEquals(403, session.get("/forbidden").status)
            assertEquals(1, realm.counters()["refreshes"], "a 403 was to be about the token")
        }
    }

    @Test
    fun `a session that only reads says so`(@TempDir directory: File) = realmTest { realm, _ ->
        val config = SessionConfig(
            realm.apiUrl,
            store = TokenStore.File(directory),
            allowLoopback = true,
            readOnly = true,
        )
        AuthSession.open(config).use { session ->
            val failure = assertFailsWith<AuthSessionException> { session.signIn(*ada) }
            assertEquals(ErrorCode.READ_ONLY, failure.code)
        }
    }

    @Test
    fun `a request that cannot be sent as it is is an invalid one`() = realmTest { _, session ->
        session.signIn(*ada)
        val requests = listOf(
            Request("GET", "/me", Headers("X-A" to "one\r\nX-B: two")),
            Request("GET", "/me", Headers("X A" to "one")),
            Request("", "/me"),
            Request("GET", "/me", idempotencyKey = "a\nb"),
            Request("GET", "/me", timeout = (-1).milliseconds),
            Request("POST", "/echo", body = Body.bytes(ByteArray(1), mediaType = "text/plain\n")),
        )
        for (request in requests) {
            val failure = assertFailsWith<AuthSessionException> { session.send(request) }
            assertEquals(ErrorCode.INVALID_REQUEST, failure.code)
        }
    }

    @Test
    fun `a URL of another scheme is none of the session's`() = realmTest { _, session ->
        session.signIn(*ada)
        val urls =
            listOf("ftp://a.example/", "file:///etc/passwd", "content://a/b", "ws://a.example/", "javascript:1", "a:b")
        for (url in urls) {
            val failure = assertFailsWith<AuthSessionException>(url) { session.get(url) }
            assertEquals(ErrorCode.INVALID_REQUEST, failure.code, url)
            assertContains(failure.message.orEmpty(), url.substringBefore(':'))
            assertFailsWith<AuthSessionException>(url) { session.authorization(url) }
        }
    }

    @Test
    fun `a file that is not there is an error of files`() = realmTest { _, session ->
        session.signIn(*ada)
        val failure = assertFailsWith<AuthSessionException> {
            session.post("/echo", Body.file(File("/no/such/file")))
        }
        assertEquals(ErrorCode.FILE, failure.code)
    }

    @Test
    fun `a rejected sign-in carries what the server said, and no text shows it`() = realmTest { realm, session ->
        realm.command(
            "fault",
            "endpoint" to "login",
            "when" to "before",
            "status" to 422,
            "body" to """{"errors":{"email":"canary"}}""",
        )
        val failure = assertFailsWith<AuthSessionException> { session.signIn(*ada) }

        assertContains("${failure.answer}", "canary")
        assertFalse("canary" in failure.stackTraceToString())
    }

    @Test
    fun `an answer to what another stack sent may be anything`() = realmTest { realm, session ->
        session.signIn(*ada)
        val authorization = session.authorization("${realm.apiUrl}/me")
        assertEquals("Authorization(redacted)", "$authorization")

        assertFailsWith<AuthSessionException> { session.refused(authorization, -1) }
        assertEquals(null, session.refused(authorization, 200))
        assertEquals(null, session.refused(authorization, 403, Headers("X\n" to "\r\n"), ByteArray(1_000_000)))
    }

    @Test
    fun `the refusal of an origin that did not get the token is final`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        val authorization = session.authorization("${realm.apiUrl}/me")

        assertEquals(null, session.refused(authorization, 401, url = "https://elsewhere.example.com/me"))
        assertEquals(0, realm.counters()["refreshes"])
        assertTrue(session.refused(authorization, 401, url = "${realm.apiUrl}/me") != null)
    }

    @Test
    fun `a client takes the token to no origin that the session was not opened for`() = realmTest { _, session ->
        val failure = assertFailsWith<AuthSessionException> { session.client("https://elsewhere.example.com") }

        assertEquals(ErrorCode.ORIGIN_NOT_ALLOWED, failure.code)
    }

    @Test
    fun `what a sign-in long ago does not allow is asked for again`() = realmTest { _, session ->
        session.signIn(*ada)
        session.requireRecentSignIn(5.minutes)

        val failure = assertFailsWith<AuthSessionException> { session.requireRecentSignIn(Duration.ZERO) }
        assertEquals(ErrorCode.RECENT_SIGN_IN_REQUIRED, failure.code)
        assertTrue(session.trace().isNotEmpty())
    }

    @Test
    fun `initialising Android on a desktop says what is missing`() {
        val failure = assertFailsWith<AuthSessionException> { AuthSession.init(android.app.Application()) }

        assertEquals(ErrorCode.INVALID_CONFIGURATION, failure.code)
    }

    @Test
    fun `the native code finds the function that it is called by`() {
        val function = NativeLibrary::class.java.getDeclaredMethod("nativeInit", android.content.Context::class.java)

        assertTrue(java.lang.reflect.Modifier.isNative(function.modifiers))
    }

    @Test
    fun `a library that is missing or does not match its bindings is an error that says so`(@TempDir directory: File) {
        // Some library that is not ours.
        val other = File("/proc/self/maps").readLines().map { File(it.substringAfterLast(' ')) }
            .first { it.name.startsWith("libc.so") || it.name.startsWith("libc-") || it.name.startsWith("ld-musl") }
        val texts = mapOf(directory.resolve("missing.so") to "cannot be loaded", other to "is of another version")

        for ((library, text) in texts) {
            val said = opening(library).lines().filter { it.startsWith("INVALID_CONFIGURATION: ") }
            assertEquals(2, said.count { "the native library auth_session_ffi $text" in it }, "$said")
        }
    }

    /** What a process of its own says that opens a session with this [library]. */
    private fun opening(library: File): String {
        val process = ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "-Duniffi.component.auth_session_ffi.libraryOverride=$library",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.authsession.OpenOnceKt",
        ).redirectErrorStream(true).start()
        val output = process.inputStream.bufferedReader().readText()
        assertTrue(process.waitFor(30, TimeUnit.SECONDS))
        return output
    }
}
