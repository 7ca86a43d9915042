package dev.authsession

import dev.authsession.ffi.Disposition
import dev.authsession.ffi.HttpResponse
import dev.authsession.ffi.IncomingBody
import dev.authsession.ffi.NoHandle
import dev.authsession.ffi.SessionFailure
import java.lang.ref.WeakReference
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield

class AnswersTest {
    private val body = IncomingBody(NoHandle)
    private val answer = HttpResponse(200u, "/", emptyList(), Disposition.ANSWERED, false, body, ByteArray(0))

    @BeforeTest
    fun load() = NativeLibrary.load()

    @Test
    fun `who waits gets the answer to its own request`() = runBlocking {
        var number = 0L
        val waiting = async(start = CoroutineStart.UNDISPATCHED) { Answers.answer { number = it } }
        val other = async(start = CoroutineStart.UNDISPATCHED) { Answers.answer { } }

        Answers.answered(number, answer)

        assertSame(answer, waiting.await())
        assertFalse(body.uniffiIsDestroyed)
        assertTrue(other.isActive)
        other.cancel()
    }

    @Test
    fun `a failure is thrown where the request was sent`() = runBlocking {
        var number = 0L
        val failure = SessionFailure.Failed("timeout", "", true, false, null, null, null)
        val waiting = async(start = CoroutineStart.UNDISPATCHED) {
            assertFailsWith<SessionFailure.Failed> { Answers.answer { number = it } }
        }

        Answers.failed(number, failure)

        assertEquals("timeout", waiting.await().code)
    }

    @Test
    fun `a request that could not begin fails with the reason and is forgotten by its parent`() = runBlocking {
        val failure = assertFailsWith<IllegalStateException> { Answers.answer { error("not begun") } }
        assertEquals("not begun", failure.message)

        val forgotten = WeakReference(failedWith(ByteArray(1_000_000)))
        withTimeout(10.seconds) {
            while (forgotten.get() != null) {
                System.gc()
                yield()
            }
        }
    }

    /** A function of its own, whose frame is gone when it returns. */
    private suspend fun failedWith(content: ByteArray): ByteArray {
        assertFailsWith<IllegalStateException> { Answers.answer { error("not begun with ${content.size} bytes") } }
        return content
    }

    @Test
    fun `a transfer that nobody waits for is ended`() {
        Answers.answered(0L, answer)

        assertTrue(body.uniffiIsDestroyed)
    }

    @Test
    fun `a transfer is ended if its coroutine is cancelled before it goes on`() = runBlocking {
        var number = 0L
        val waiting = launch(start = CoroutineStart.UNDISPATCHED) { Answers.answer { number = it } }

        Answers.answered(number, answer)
        waiting.cancel()
        waiting.join()

        assertTrue(body.uniffiIsDestroyed)
    }

    @Test
    fun `nobody waits for a request that did not begin`() = runBlocking {
        var number = 0L
        assertFailsWith<IllegalStateException> {
            Answers.answer {
                number = it
                error("not begun")
            }
        }

        Answers.answered(number, answer)

        assertTrue(body.uniffiIsDestroyed)
    }
}
