package dev.authsession

import dev.authsession.android.Front
import java.lang.ref.WeakReference
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield

class LifetimeTest {
    @Test
    fun `ten thousand calls leave nothing behind`() = runBlocking(Dispatchers.Default) {
        withTimeout(5.minutes) {
            val realm = TestAuthority.realm()
            AuthSession.open(realm.config()).use { session ->
                session.signIn(*ada)
                suspend fun calls(count: Int) = repeat(count / 100) {
                    List(25) { async { session.get("/me") } }.awaitAll()
                    List(25) { async { session.stream(Request("GET", "/me")) { it.body.toList() } } }.awaitAll()
                    List(25) { async { session.post("/echo", Body.written { it.write(ByteArray(10)) }) } }.awaitAll()
                    List(25) { async { session.authorization("${realm.apiUrl}/me").expose() + session.states.first() } }
                        .awaitAll()
                }
                // What is made once is made now.
                calls(2_000)
                System.gc()
                val before = residentBytes()

                calls(10_000)
                System.gc()

                val growth = residentBytes() - before
                // A thousand bytes that each call left behind would be ten million.
                assertTrue(growth < 40_000_000, "grew by $growth bytes")
            }
            realm.delete()
        }
    }

    @Test
    fun `a closed session refuses every call and ends every collector`() = realmTest { realm, session ->
        session.signIn(*ada)
        val client = session.client(realm.apiUrl)
        val collector = launch(start = CoroutineStart.UNDISPATCHED) { session.events.collect {} }

        session.close()
        session.close()

        collector.join()
        assertFailsWith<IllegalStateException> { session.signIn(*ada) }
        assertFailsWith<IllegalStateException> { session.send(Request("GET", "/me")) }
        assertFailsWith<IllegalStateException> { session.authorization("/me") }
        assertFailsWith<IllegalStateException> { session.trace() }
        assertFailsWith<IllegalStateException> { client.get("/") }
    }

    @Test
    fun `a session that is closed while a call is under way sends nothing any more`() = realmTest { realm, session ->
        session.signIn(*ada)
        val client = session.client(realm.apiUrl)
        realm.command("hold", "endpoint" to "login", "when" to "before")
        val signIn = launch { runCatching { session.signIn(*ada) } }
        realm.command("await_held", "endpoint" to "login", "count" to 1)

        session.close()

        assertFailsWith<IllegalStateException> { session.get("/me") }
        assertFailsWith<IllegalStateException> { client.get("/me") }
        realm.command("release", "endpoint" to "login")
        signIn.join()
    }

    @Test
    fun `news of the device reach the sessions that are open`() = realmTest { realm, session ->
        val told = mutableListOf<AuthSession>()
        AuthSession.open(realm.config("closed")).close()

        OpenSessions.tell { told += it }

        assertTrue(session in told)
        OpenSessions.tell(AuthSession::networkChanged)
        OpenSessions.tell(AuthSession::resume)
        OpenSessions.tell { if (it === session) it.suspend() }
        session.resume()
        session.signIn(*ada)
        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `a session that nobody holds is not kept alive`() = realmTest { realm, _ ->
        val reference = opened(realm)

        // The collector may need several rounds; the time limit of the test ends what never ends.
        while (reference.get() != null) {
            System.gc()
            yield()
        }
    }

    @Test
    fun `a session is told of the device as long as somebody holds one of its clients`() = realmTest { realm, _ ->
        val (reference, client) = openedWithClient(realm)
        val forgotten = opened(realm)

        while (forgotten.get() != null) {
            System.gc()
            yield()
        }

        val told = mutableListOf<AuthSession>()
        OpenSessions.tell { told += it }
        assertTrue(checkNotNull(reference.get()) in told)
        assertEquals(200, client.send(Request("GET", "/public", auth = Auth.NEVER)).status)
    }

    private suspend fun openedWithClient(realm: Realm): Pair<WeakReference<AuthSession>, ApiClient> {
        val session = AuthSession.open(realm.config("held by a client"))
        return WeakReference(session) to session.client(realm.apiUrl)
    }

    /** A function of its own, whose frame is gone when it returns. */
    private suspend fun opened(realm: Realm) = WeakReference(AuthSession.open(realm.config("forgotten")))

    @Test
    fun `the app reaches the front with the first activity that is visible`() {
        var reached = 0
        val front = Front { reached++ }

        front.stopped()
        front.started()
        front.started()
        front.stopped()
        assertEquals(1, reached)

        front.stopped()
        front.started()
        assertEquals(2, reached)
    }
}
