package dev.authsession.peers

import dev.authsession.AuthSession
import dev.authsession.Body
import dev.authsession.LogLevel
import dev.authsession.SessionConfig
import dev.authsession.Tokens
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody

private const val KIBIBYTE = 1 shl 10
private const val MEBIBYTE = 1 shl 20

/** A large body takes so much longer than a call that there are so many times fewer of them. */
private const val FEWER = 10

/** At a time: reading the clock takes as long as a call. */
private const val CALLS = 100

/** Not more than the library keeps for a sink that is slow, which has to be some hundred at least. */
private const val LINES = 300
private const val SECONDS_TO_LOG = 30L

private val octets = "application/octet-stream".toMediaType()

/** What it costs to cross the boundary between Kotlin and the library, one at a time, beside bare OkHttp. */
class Crossings(private val session: AuthSession, private val config: SessionConfig, private val target: Target) {
    private val client by lazy { OkHttpClient.Builder().trusting(target).build() }

    /**
     * Medians, in microseconds, of so many [iterations].
     *
     * @param path what is got.
     * @param echoPath where a body is posted that comes back.
     */
    suspend fun measure(iterations: Int, path: String, echoPath: String): Map<String, Double> =
        withContext(Dispatchers.Default) {
            val authorization = session.authorization(target.url(path)).expose()
            val small = ByteArray(KIBIBYTE)
            val large = ByteArray(MEBIBYTE)
            val get = pair(iterations, { get(path) }, { okHttp(path, authorization, null) })
            val echo1K = pair(iterations, { echo(echoPath, small) }, { okHttp(echoPath, authorization, small) })
            val echo1M =
                pair(iterations / FEWER + 1, { echo(echoPath, large) }, { okHttp(echoPath, authorization, large) })
            mapOf(
                "sync_call_us" to median(iterations) { repeat(CALLS) { session.lockCause } } / CALLS,
                "state_us" to median(iterations) { repeat(CALLS) { session.state } } / CALLS,
                "async_call_us" to median(iterations) { session.authorization(target.url(path)) },
                "callback_us" to callback(),
                "get_us" to get.first,
                "okhttp_get_us" to get.second,
                "echo_1k_us" to echo1K.first,
                "okhttp_echo_1k_us" to echo1K.second,
                "echo_1m_us" to echo1M.first,
                "okhttp_echo_1m_us" to echo1M.second,
            )
        }

    private suspend fun get(path: String) = check(session.get(path).isSuccessful)

    private suspend fun echo(path: String, content: ByteArray) =
        check(session.post(path, Body.bytes(content, "$octets")).bytes.size == content.size)

    private fun okHttp(path: String, authorization: String, content: ByteArray?) {
        val request = Request.Builder()
            .url(target.url(path))
            .header("Authorization", authorization)
            .apply { content?.let { post(it.toRequestBody(octets)) } }
            .build()
        client.newCall(request).execute().use { response ->
            val answer = response.body.bytes()
            check(response.isSuccessful && (content == null || answer.size == content.size))
        }
    }

    /**
     * A line of the log is a callback with two strings, on a thread that does nothing else. The first one keeps the
     * sink until all are written, so that the time between two is that of a callback and of no waiting for a line.
     */
    private suspend fun callback(): Double {
        val times = LongArray(LINES)
        val last = AtomicInteger()
        val written = CountDownLatch(1)
        val read = CountDownLatch(1)
        AuthSession.setLogSink(LogLevel.TRACE) { _, _, _ ->
            val line = last.getAndIncrement()
            if (line == 0) written.await()
            if (line < LINES) times[line] = System.nanoTime()
            if (line == LINES) read.countDown()
        }
        try {
            // Each sign-in is a line at least.
            AuthSession.open(config).use { other ->
                repeat(LINES + 1) { other.adopt(Tokens("access-token", "refresh-token")) }
            }
            written.countDown()
            check(read.await(SECONDS_TO_LOG, TimeUnit.SECONDS)) { "$last lines of the log" }
        } finally {
            written.countDown()
            AuthSession.setLogSink(LogLevel.ERROR, null)
        }
        return LongArray(LINES - 1) { times[it + 1] - times[it] }.median()
    }
}

/** Once without the watch, so that everything is compiled and connected. */
private suspend inline fun median(iterations: Int, call: suspend () -> Unit): Double {
    repeat(iterations) { call() }
    return LongArray(iterations) { nanoseconds { call() } }.median()
}

/** Of both, in turns, so that what else the machine does falls upon both. */
private suspend inline fun pair(
    iterations: Int,
    ours: suspend () -> Unit,
    theirs: () -> Unit,
): Pair<Double, Double> {
    repeat(iterations) {
        ours()
        theirs()
    }
    val times = Pair(LongArray(iterations), LongArray(iterations))
    repeat(iterations) {
        times.first[it] = nanoseconds { ours() }
        times.second[it] = nanoseconds { theirs() }
    }
    return Pair(times.first.median(), times.second.median())
}

private inline fun nanoseconds(call: () -> Unit): Long {
    val start = System.nanoTime()
    call()
    return System.nanoTime() - start
}

private fun LongArray.median(): Double {
    sort()
    return this[size / 2] / 1e3
}
