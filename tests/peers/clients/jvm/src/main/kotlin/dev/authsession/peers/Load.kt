package dev.authsession.peers

import java.util.concurrent.atomic.AtomicInteger
import kotlin.math.ceil
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExecutorCoroutineDispatcher
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch

/** How long requests took, in nanoseconds. */
class Load(val failed: Int, val total: Long, private val sorted: LongArray) {
    val requests get() = sorted.size

    /** The smallest time that this [share] of the requests did not exceed. */
    fun quantile(share: Double): Long = sorted[(ceil(share * sorted.size).toInt() - 1).coerceIn(sorted.indices)]
}

/** [concurrency] callers of [client] that each send one request after the other, until there were [requests]. */
suspend fun load(client: Client, path: String, concurrency: Int, requests: Int, warmup: Int): Load {
    val callers = client.callers(concurrency)
    try {
        if (warmup > 0) closedLoop(callers, concurrency, warmup) { client.get(path) }
        return closedLoop(callers, concurrency, requests) { client.get(path) }
    } finally {
        if (callers !== Dispatchers.Default) (callers as? ExecutorCoroutineDispatcher)?.close()
    }
}

private suspend fun closedLoop(
    callers: CoroutineDispatcher,
    concurrency: Int,
    requests: Int,
    send: suspend () -> Int,
): Load {
    val times = LongArray(requests)
    val next = AtomicInteger()
    val failed = AtomicInteger()
    val start = System.nanoTime()
    coroutineScope {
        repeat(concurrency) {
            launch(callers) {
                while (true) {
                    val number = next.getAndIncrement()
                    if (number >= requests) break
                    val sent = System.nanoTime()
                    if (!succeeds(send)) failed.incrementAndGet()
                    times[number] = System.nanoTime() - sent
                }
            }
        }
    }
    val total = System.nanoTime() - start
    times.sort()
    return Load(failed.get(), total, times)
}

private suspend fun succeeds(send: suspend () -> Int): Boolean = try {
    send() in 200..299
} catch (_: Exception) {
    false
}
