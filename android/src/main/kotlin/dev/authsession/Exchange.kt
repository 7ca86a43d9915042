package dev.authsession

import dev.authsession.ffi.Delivery
import dev.authsession.ffi.HttpResponse
import dev.authsession.ffi.IncomingBody
import dev.authsession.ffi.OutgoingBody
import dev.authsession.ffi.RequestContent
import dev.authsession.ffi.RequestOptions
import dev.authsession.ffi.SessionFailure
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch

/**
 * An [ApiClient] that sends for the [sender] of the core with this number. [isClosed] keeps it from being collected, and so
 * closed.
 */
internal class Exchange(private val sender: ULong, private val isClosed: () -> Boolean) : ApiClient {

    override suspend fun send(request: Request): Response = exchange(request) { it.toResponse() }

    override suspend fun <T> stream(request: Request, receive: suspend (StreamingResponse) -> T): T =
        exchange(request, Delivery.Arriving) { answer ->
            checkNotNull(answer.arriving).use { body ->
                body.endingTransfer { receive(StreamingResponse(answer, body)) }
            }
        }

    override suspend fun download(request: Request, file: File): Response =
        exchange(request, Delivery.ToFile(file.absolutePath)) { it.toResponse() }

    private suspend fun <T> exchange(
        request: Request,
        delivery: Delivery? = null,
        work: suspend (HttpResponse) -> T,
    ): T = translatingFailures {
        val body = request.body
        if (body !is Body.Written) {
            work(answer(request.toFfi(body?.content(), delivery)))
        } else {
            OutgoingBody().use { outgoing ->
                val options = request.toFfi(RequestContent.Pieces(outgoing), delivery)
                writing(body, outgoing) { work(answer(options)) }
            }
        }
    }

    private suspend fun answer(options: RequestOptions): HttpResponse =
        leavingTheLibrary { Answers.answer { begin(options, it) } }

    private fun begin(options: RequestOptions, number: Long) {
        // The core's session may be there longer, as long as another call of it is under way.
        check(!isClosed()) { "the session is closed" }
        val found = Direct.send(sender.toLong(), number, options)
        // Whoever is asked after the call is not collected before it.
        check(found) { "the session is closed: ${isClosed()}" }
    }
}

private suspend inline fun <T> IncomingBody.endingTransfer(receive: suspend () -> T): T = try {
    receive()
} finally {
    cancel()
}

/** Writes [body] while [request] is sent. Whichever ends first ends the other. */
private suspend fun <T> writing(body: Body.Written, outgoing: OutgoingBody, request: suspend () -> T): T =
    coroutineScope {
        val writer = Writer(outgoing)
        val job = launch { writer.write(body) }
        try {
            request()
        } catch (failure: SessionFailure) {
            // The request broke off because its body did.
            throw writer.failure ?: failure
        } finally {
            job.cancelAndJoin()
        }
    }

private class Writer(private val outgoing: OutgoingBody) : BodySink {
    /** What the app threw while it wrote. */
    @Volatile
    var failure: Throwable? = null
        private set

    suspend fun write(body: Body.Written) = coroutineScope {
        try {
            body.write(this@Writer)
            outgoing.finish()
        } catch (_: SessionFailure) {
            // The request is over before its body, and its end says why.
        } catch (thrown: Throwable) {
            giveUp(thrown)
        }
    }

    private fun CoroutineScope.giveUp(thrown: Throwable) {
        if (!(thrown is AuthSessionException && thrown.code == ErrorCode.CANCELLED)) failure = thrown
        outgoing.abandon()
        ensureActive()
    }

    override suspend fun write(piece: ByteArray) = translatingFailures { outgoing.write(piece) }
}
