package dev.authsession

import dev.authsession.ffi.AppFailure
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CountDownLatch
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** Objects of the app that the core calls: they throw, block and call back. */
class AppObjectTest {
    /** Keeps content in memory, and does [misbehave] before it does anything. */
    private class Store(private val misbehave: () -> Unit = {}) : AppTokenStore {
        val content = ConcurrentHashMap<String, ByteArray>()

        override fun load(namespace: String, account: String): ByteArray? {
            misbehave()
            return content["$namespace/$account"]
        }

        override fun replace(namespace: String, account: String, content: ByteArray) {
            misbehave()
            this.content["$namespace/$account"] = content
        }
    }

    @Test
    fun `a session rests in a store of the app's`() = realmTest { realm, _ ->
        val store = Store()
        AuthSession.open(realm.config(store = TokenStore.App("first", store))).use { it.signIn(*ada) }

        // Another name is another place: this one only has the same content, as after a restart.
        AuthSession.open(realm.config(store = TokenStore.App("second", store))).use { session ->
            assertIs<SessionState.SignedIn>(session.state)
            assertEquals(200, session.get("/me").status)
        }
    }

    @Test
    fun `what a store throws is a typed error that quotes nothing`() = realmTest { realm, _ ->
        val failures = mapOf(
            StoreLockedException() to ErrorCode.LOCKED,
            IllegalStateException("canary") to ErrorCode.STORE_UNAVAILABLE,
            StackOverflowError("canary") to ErrorCode.STORE_UNAVAILABLE,
        )
        for ((thrown, code) in failures) {
            val name = "throws ${thrown.javaClass.simpleName}"
            AuthSession.open(realm.config(store = TokenStore.App(name, Store { throw thrown }))).use { session ->
                assertEquals(SessionState.Locked, session.state)
                assertEquals(code, session.lockCause)
                val failure = assertFailsWith<AuthSessionException> { session.get("/me") }
                assertEquals(code, failure.code)
                assertFalse("canary" in failure.stackTraceToString())
            }
        }
    }

    @Test
    fun `nothing that the app throws unwinds through native frames, and of its text nothing is told`() {
        for (thrown in listOf(IllegalStateException("canary"), StackOverflowError("canary"))) {
            val failure = assertFailsWith<AppFailure.Failed> { callingApp("the store") { throw thrown } }

            assertEquals("the store of the app threw ${thrown.javaClass.simpleName}", failure.reason)
        }
    }

    @Test
    fun `a store whose key is gone ends the session`() = realmTest { realm, _ ->
        val store = TokenStore.App("gone", Store { throw StoreUnrecoverableException() })
        AuthSession.open(realm.config(store = store)).use { session ->
            assertEquals(SessionState.SignedOut(SignOutReason.SECRETS_LOST), session.state)
        }
    }

    @Test
    fun `a store that blocks holds up its own session and no other`() = realmTest { realm, session ->
        val gate = CountDownLatch(1)
        val entered = CompletableDeferred<Unit>()
        val store = TokenStore.App("blocks", Store { entered.complete(Unit); gate.await() })
        val opening = launch { AuthSession.open(realm.config("blocked", store = store)).close() }
        entered.await()

        session.signIn(*ada)
        assertEquals(200, session.get("/me").status)

        gate.countDown()
        opening.join()
    }

    @Test
    fun `a store may call back into a session`() = realmTest { realm, session ->
        session.signIn(*ada)
        val statuses = Channel<Int>(Channel.UNLIMITED)
        val store = Store { statuses.trySend(runBlocking { session.get("/me").status }) }

        AuthSession.open(realm.config("calls back", store = TokenStore.App("calls back", store))).use { other ->
            other.signIn(*ada)
            assertIs<SessionState.SignedIn>(other.state)
        }

        assertEquals(200, statuses.receive())
    }

    @Test
    fun `a collector that blocks or throws holds up nobody else`() = realmTest { realm, session ->
        val gate = CountDownLatch(1)
        val blocked = launch(start = CoroutineStart.UNDISPATCHED) { session.events.collect { gate.await() } }
        val thrown = CompletableDeferred<Throwable?>()
        launch(start = CoroutineStart.UNDISPATCHED) {
            thrown.complete(runCatching { session.events.collect { error("of the app") } }.exceptionOrNull())
        }
        val calledBack = CompletableDeferred<Int>()
        val caller = launch(start = CoroutineStart.UNDISPATCHED) {
            session.events.collect { calledBack.complete(session.get("/me").status) }
        }

        session.signIn(*ada)
        realm.command("expire_access_tokens")

        assertEquals(200, session.get("/me").status)
        assertEquals("of the app", thrown.await()?.message)
        assertEquals(200, calledBack.await())
        gate.countDown()
        blocked.cancel()
        caller.cancel()
    }

    @Test
    fun `the log reaches the app without secrets, whatever its sink throws`() = realmTest { realm, session ->
        val lines = Channel<String>(Channel.UNLIMITED)
        AuthSession.setLogSink(LogLevel.TRACE) { level, target, message ->
            lines.trySend("$level $target $message")
            error("of the sink")
        }
        try {
            val issued = realm.issueTokens()
            session.adopt(Tokens(issued.accessToken, issued.refreshToken))
            realm.command("expire_access_tokens")
            session.get("/me")
            session.signOut()

            val line = lines.receive()
            assertContains(line, "auth_session")
            val all = generateSequence { lines.tryReceive().getOrNull() }.toList() + line
            assertEquals(emptyList(), all.filter { issued.accessToken in it || issued.refreshToken in it })
        } finally {
            AuthSession.setLogSink(LogLevel.ERROR, null)
        }
    }

    /** Speaks to the authority as its own dialect would, in Kotlin. */
    private class Own(
        val realm: Realm,
        val refreshing: suspend (suspend () -> RefreshOutcome) -> RefreshOutcome = { it() },
    ) : Authority {
        val seen = mutableListOf<String>()

        override suspend fun signIn(credentials: JsonObject): SignInOutcome = when (credentials["step"]) {
            null -> SignInOutcome.NextStep(jsonOf("wants" to "otp"))
            JsonPrimitive("wrong") -> SignInOutcome.Rejected(401)
            JsonPrimitive("throw") -> error("canary")
            else -> SignInOutcome.Unavailable(503, 1.minutes)
        }

        override suspend fun continueSignIn(step: String, body: JsonObject): SignInOutcome {
            val issued = realm.issueTokens()
            return SignInOutcome.SignedIn(issued.accessToken, issued.refreshToken, 60.minutes, jsonOf("step" to step))
        }

        override suspend fun refresh(refreshToken: Secret, attemptId: String): RefreshOutcome {
            seen += "$refreshToken"
            return refreshing {
                val issued = realm.issueTokens()
                RefreshOutcome.Rotated(issued.accessToken, issued.refreshToken)
            }
        }

        override suspend fun revoke(refreshToken: Secret, accessToken: Secret?): Boolean {
            seen += "$refreshToken $accessToken"
            return true
        }
    }

    @Test
    fun `an authority of the app's own signs in by steps, refreshes and revokes`() = realmTest { realm, _ ->
        val authority = Own(realm)
        val config = realm.config("own", endpoints = TokenEndpoints.Custom(authority))
        AuthSession.open(config).use { session ->
            val first = session.signIn()
            assertFalse(first.isSignedIn)
            assertEquals(jsonOf("wants" to "otp"), first.answer)
            val second = session.continueSignIn("otp", jsonOf("code" to 123456))
            assertTrue(second.isSignedIn)
            assertEquals(jsonOf("step" to "otp"), second.answer)
            realm.command("expire_access_tokens")

            assertEquals(200, session.get("/me").status)
            session.signOut()

            assertEquals(setOf("[redacted]"), authority.seen.take(1).toSet())
        }
    }

    @Test
    fun `what an authority of the app's own says or throws is a typed error`() = realmTest { realm, _ ->
        val config = realm.config("refuses", endpoints = TokenEndpoints.Custom(Own(realm)))
        AuthSession.open(config).use { session ->
            val expected = mapOf(
                "wrong" to ErrorCode.SIGN_IN_REJECTED,
                "later" to ErrorCode.SIGN_IN_UNAVAILABLE,
                "throw" to ErrorCode.INTERNAL,
            )
            for ((step, code) in expected) {
                val failure = assertFailsWith<AuthSessionException> { session.signIn("step" to step) }
                assertEquals(code, failure.code)
                assertFalse("canary" in failure.stackTraceToString())
            }
        }
    }

    @Test
    fun `an authority of the app's own may call back into its session while it refreshes`() = realmTest { realm, _ ->
        val opened = CompletableDeferred<AuthSession>()
        val authority = Own(realm) { refresh ->
            assertIs<SessionState.SignedIn>(opened.await().states.first())
            refresh()
        }
        AuthSession.open(realm.config("re-entrant", endpoints = TokenEndpoints.Custom(authority))).use { session ->
            opened.complete(session)
            session.continueSignIn("otp", jsonOf())
            realm.command("expire_access_tokens")

            assertEquals(200, session.get("/me").status)
        }
    }
}
