package dev.authsession

import java.util.Collections
import java.util.IdentityHashMap
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.Continuation
import kotlin.coroutines.ContinuationInterceptor
import kotlin.test.Test
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.withContext

class CallbackThreadsTest {
    @Test
    fun `the threads of the core stay attached to the virtual machine as daemons`() = realmTest { _, session ->
        session.signIn(*ada)
        val caller = Thread.currentThread()
        val threads = Collections.newSetFromMap(IdentityHashMap<Thread, Boolean>())

        withContext(InPlace) {
            repeat(50) {
                session.get("/me")
                threads += Thread.currentThread()
            }
        }

        assertNotEquals(setOf(caller), threads)
        // A thread that is attached anew is another one of Java's each time; the core has a few.
        assertTrue(threads.size < 10, "${threads.size} threads")
        assertTrue((threads - caller).all { it.isDaemon && it.name == "auth-session" }, "$threads")
    }

    /** A coroutine goes on where it is told of its answer. */
    private object InPlace :
        AbstractCoroutineContextElement(ContinuationInterceptor), ContinuationInterceptor {
        override fun <T> interceptContinuation(continuation: Continuation<T>): Continuation<T> = continuation
    }
}
