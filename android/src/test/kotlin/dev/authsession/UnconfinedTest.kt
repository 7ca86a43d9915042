package dev.authsession

import java.util.concurrent.CountDownLatch
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel

/** Callers that go on wherever they are resumed. */
class UnconfinedTest {
    private val contexts = listOf(EmptyCoroutineContext, Dispatchers.Unconfined)

    /** More than the library has threads. */
    private val many = 3

    /** Begins [call], whatever comes of it. */
    private fun begin(context: CoroutineContext, call: suspend () -> Unit) =
        call.startCoroutine(Continuation(context) {})

    @Test
    fun `a caller that blocks after its call holds up nobody`() = realmTest { realm, session ->
        session.signIn(*ada)
        val calls = listOf<suspend (suspend () -> Unit) -> Unit>(
            { block -> session.get("/me"); block() },
            { block -> session.authorization("${realm.apiUrl}/me"); block() },
            { block -> runCatching { session.authorization("https://elsewhere.example/") }; block() },
            { block -> session.stream(Request("GET", "/me")) { block() } },
            { block -> session.stream(Request("GET", "/me")) { it.body.collect { block() } } },
        )
        for (context in contexts) {
            for (call in calls) {
                val gate = CountDownLatch(1)
                val blocked = Channel<Unit>(Channel.UNLIMITED)
                repeat(many) {
                    begin(context) { call { blocked.trySend(Unit); gate.await() } }
                }
                repeat(many) { blocked.receive() }

                assertEquals(200, session.get("/me").status)
                gate.countDown()
            }
        }
    }

    @Test
    fun `a collector that blocks holds up nobody`() = realmTest { realm, session ->
        for (context in contexts) {
            val gate = CountDownLatch(1)
            val blocked = Channel<Unit>(Channel.UNLIMITED)
            repeat(many) {
                begin(context) { session.events.collect { blocked.trySend(Unit); gate.await() } }
            }
            session.signIn(*ada)
            repeat(many) { blocked.receive() }

            assertEquals(200, session.get("/me").status)
            gate.countDown()
        }
    }
}
