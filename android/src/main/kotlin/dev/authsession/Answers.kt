package dev.authsession

import dev.authsession.ffi.HttpResponse
import dev.authsession.ffi.SessionFailure
import dev.authsession.ffi.cancelRequest
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.suspendCancellableCoroutine

/** The requests of the process that are under way, and who waits for them. Called on threads of the core. */
internal object Answers : Direct.Receiver {
    private val waiting = ConcurrentHashMap<Long, CancellableContinuation<HttpResponse>>()
    private val last = AtomicLong()

    /** The answer to the request that [begin] sends under a number. Cancelling the coroutine cancels the request. */
    suspend fun answer(begin: (number: Long) -> Unit): HttpResponse = suspendCancellableCoroutine { continuation ->
        val number = last.incrementAndGet()
        waiting[number] = continuation
        continuation.invokeOnCancellation {
            waiting.remove(number)
            cancelRequest(number.toULong())
        }
        try {
            begin(number)
        } catch (failure: Throwable) {
            // Not thrown here: the coroutine's parent would keep it among its children.
            waiting.remove(number)?.resumeWithException(failure)
        }
        // A cancellation before the request had begun found nothing to cancel.
        if (continuation.isCancelled) cancelRequest(number.toULong())
    }

    override fun answered(request: Long, answer: HttpResponse) {
        // Cancelled meanwhile, now or before its coroutine goes on, it leaves a transfer that somebody must end.
        waiting.remove(request)?.resume(answer) { _, dropped, _ -> dropped.destroy() } ?: answer.destroy()
    }

    override fun failed(request: Long, failure: SessionFailure) {
        waiting.remove(request)?.resumeWithException(failure)
    }
}
