package dev.authsession

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.junit.jupiter.api.io.TempDir

class EventTest {
    @Test
    fun `events come in order to every collector`() = realmTest { realm, session ->
        val collectors = List(2) { collecting(session.events.take(3)) }

        session.signIn(*ada)
        realm.command("expire_access_tokens")
        session.get("/me")
        session.signOut()

        val expected = listOf(
            SessionEvent.SignedIn,
            SessionEvent.Refreshed,
            SessionEvent.SignedOut(SignOutReason.USER),
        )
        for (collector in collectors) assertEquals(expected, collector.await())
    }

    @Test
    fun `a server that wants more than a valid token is an event that tells what`() = realmTest { realm, session ->
        session.signIn(*ada)
        val events = collecting(session.events.take(2))
        val challenges = listOf(
            """Bearer error="insufficient_user_authentication", acr_values="urn:mfa other", max_age=300""",
            """Bearer error="insufficient_scope", scope="notes:write"""",
        )

        for (challenge in challenges) {
            realm.command(
                "fault",
                buildJsonObject {
                    put("endpoint", "resource")
                    put("when", "before")
                    put("times", 1)
                    put("status", 401)
                    putJsonObject("headers") { put("WWW-Authenticate", challenge) }
                },
            )
            assertEquals(Disposition.STEP_UP_REQUIRED, session.get("/me").disposition)
        }

        val expected = listOf(
            SessionEvent.StepUpRequired("urn:mfa other", 5.minutes, null),
            SessionEvent.StepUpRequired(null, null, "notes:write"),
        )
        assertEquals(expected, events.await())
        assertEquals(0, realm.counters()["refresh_requests"])
    }

    @Test
    fun `states start with the present one and follow every change`() = realmTest { _, session ->
        val states = session.states.produceIn(this)
        assertEquals(SessionState.SignedOut(SignOutReason.NEVER_SIGNED_IN), states.receive())

        session.signIn(*ada)
        assertIs<SessionState.SignedIn>(states.receive())

        session.signOut()
        assertEquals(SessionState.SignedOut(SignOutReason.USER), states.receive())
        states.cancel()
    }

    @Test
    fun `states end when the session is closed, even for a collector that is behind`() = realmTest { _, session ->
        val closed = CompletableDeferred<Unit>()
        val states = collecting(session.states.onEach { closed.await() })

        session.signIn(*ada)
        session.close()
        closed.complete(Unit)

        assertEquals(listOf(SessionState.SignedOut(SignOutReason.NEVER_SIGNED_IN)), states.await())
    }

    @Test
    fun `events go on after a sign-out and end when the session is closed, after those that came before`() =
        realmTest { _, session ->
            val events = collecting(session.events)

            session.signIn(*ada)
            session.signOut()
            session.signIn(*ada)
            session.close()

            val expected =
                listOf(SessionEvent.SignedIn, SessionEvent.SignedOut(SignOutReason.USER), SessionEvent.SignedIn)
            assertEquals(expected, events.await())
        }

    @Test
    fun `states and events end with their session although its account is open once more`(@TempDir directory: File) {
        val store = TokenStore.File(directory)
        realmTest(open = { config(store = store) }) { realm, session ->
            AuthSession.open(realm.config(store = store)).use { again ->
                val events = collecting(session.events)
                val states = collecting(session.states)
                val others = collecting(again.events.take(1))

                session.close()

                assertEquals(emptyList(), events.await())
                assertEquals(listOf(SessionState.SignedOut(SignOutReason.NEVER_SIGNED_IN)), states.await())
                again.signIn(*ada)
                assertEquals(listOf(SessionEvent.SignedIn), others.await())
            }
        }
    }
}

/** Collects [flow] from now on: an undispatched start has subscribed when it returns. */
private fun <T> CoroutineScope.collecting(flow: Flow<T>) = async(start = CoroutineStart.UNDISPATCHED) { flow.toList() }
