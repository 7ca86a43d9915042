package dev.authsession

import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.intercepted
import kotlin.coroutines.intrinsics.suspendCoroutineUninterceptedOrReturn
import kotlin.coroutines.resume
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.MainCoroutineDispatcher
import kotlinx.coroutines.Runnable
import kotlinx.coroutines.currentCoroutineContext

/**
 * Runs [block], which waits for the library, and returns or throws on another thread than the library's. A caller that
 * has no dispatcher (`suspend fun main`), or `Dispatchers.Unconfined`, goes on where it is resumed: on one of two
 * threads that serve all requests, which would wait for whatever it does next.
 */
internal suspend inline fun <T> leavingTheLibrary(block: () -> T): T = try {
    block()
} finally {
    leaveTheLibrary()
}

internal suspend fun leaveTheLibrary() {
    if (currentCoroutineContext()[ContinuationInterceptor].dispatches()) return
    // Not by `withContext`, which can be cancelled: what the library has returned would be lost. Nor by
    // `suspendCoroutine`, which goes on where it is if the other thread is quicker. And not to the default dispatcher,
    // whose few threads may all wait for this.
    suspendCoroutineUninterceptedOrReturn<Unit> { caller ->
        Dispatchers.IO.dispatch(EmptyCoroutineContext, Runnable { caller.intercepted().resume(Unit) })
        COROUTINE_SUSPENDED
    }
}

private fun ContinuationInterceptor?.dispatches(): Boolean = when (this) {
    null -> false
    // `Main.immediate` does not where it is on the main thread already, and does anywhere else.
    is MainCoroutineDispatcher -> true
    is CoroutineDispatcher -> isDispatchNeeded(EmptyCoroutineContext)
    else -> true
}
