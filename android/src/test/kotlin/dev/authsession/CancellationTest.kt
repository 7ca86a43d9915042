package dev.authsession

import java.net.InetAddress
import java.net.ServerSocket
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withTimeout

class CancellationTest {
    @Test
    fun `cancelling one request disturbs no other`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("hold", "endpoint" to "resource", "path" to "/slow", "when" to "before")
        val cancelled = Caller(this) { session.get("/slow") }
        val others = List(10) { async { session.get("/slow") } }
        realm.command("await_held", "endpoint" to "resource", "count" to 11)

        cancelled.job.cancelAndJoin()
        realm.command("release", "endpoint" to "resource")

        assertIs<CancellationException>(cancelled.failure.await())
        assertEquals(List(10) { 200 }, others.awaitAll().map { it.status })
    }

    @Test
    fun `cancelling one that waits for a refresh disturbs no other`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        val cancelled = Caller(this) { session.get("/me") }
        realm.command("await_held", "endpoint" to "refresh", "count" to 1)
        val others = List(10) { async { session.get("/me") } }

        cancelled.job.cancelAndJoin()
        realm.command("release", "endpoint" to "refresh")

        assertIs<CancellationException>(cancelled.failure.await())
        assertEquals(List(10) { 200 }, others.awaitAll().map { it.status })
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `a refresh outlives the only caller that waited for it`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")
        realm.command("hold", "endpoint" to "refresh", "when" to "after")
        val cancelled = Caller(this) { session.get("/me") }
        realm.command("await_held", "endpoint" to "refresh", "count" to 1)

        cancelled.job.cancelAndJoin()
        realm.command("release", "endpoint" to "refresh")

        assertEquals(200, session.get("/me").status)
        val counters = realm.counters()
        assertEquals(1, counters["refresh_requests"])
        assertEquals(0, counters["reuse_detected"])
    }

    @Test
    fun `a cancelled request closes its connection`() = runBlocking(Dispatchers.IO) {
        withTimeout(60_000) {
            ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { server ->
                val baseUrl = "http://127.0.0.1:${server.localPort}"
                AuthSession.open(SessionConfig(baseUrl, "connection", allowLoopback = true)).use { session ->
                    session.adopt(Tokens("access-token"))
                    val cancelled = Caller(this) { session.get("/") }
                    runInterruptible { server.accept() }.use { connection ->
                        val lines = connection.getInputStream().bufferedReader()
                        runInterruptible { generateSequence(lines::readLine).first(String::isEmpty) }

                        cancelled.job.cancelAndJoin()

                        assertEquals(-1, runInterruptible { lines.read() }, "the connection is open")
                    }
                }
            }
        }
    }
}

/** A coroutine that makes [call], and what the call itself threw. */
private class Caller(scope: CoroutineScope, call: suspend () -> Unit) {
    val failure = CompletableDeferred<Throwable?>()
    val job: Job = scope.launch { failure.complete(runCatching { call() }.exceptionOrNull()) }
}
