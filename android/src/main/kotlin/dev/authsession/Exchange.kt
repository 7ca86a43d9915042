package dev.authsession

import dev.authsession.ffi.IncomingResponse
import dev.authsession.ffi.OutgoingBody
import dev.authsession.ffi.RequestContent
import dev.authsession.ffi.RequestOptions
import dev.authsession.ffi.SessionFailure
import java.io.File
import kotlin.coroutines.cancellation.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import dev.authsession.ffi.Request as Handle

/** An [ApiClient] over what [prepare] makes of a request's parts. */
internal class Exchange(private val prepare: (RequestOptions) -> Handle) : ApiClient {

    override suspend fun send(request: Request): Response = exchange(request) { it.send().toResponse() }

    override suspend fun <T> stream(request: Request, receive: suspend (StreamingResponse) -> T): T =
        exchange(request) { handle ->
            leavingTheLibrary { handle.sendStreaming() }.use { incoming ->
                incoming.endingTransfer { receive(StreamingResponse(it)) }
            }
        }

    override suspend fun download(request: Request, file: File): Response =
        exchange(request) { it.sendToFile(file.absolutePath).toResponse() }

    private suspend fun <T> exchange(request: Request, work: suspend (Handle) -> T): T = translatingFailures {
        val body = request.body
        if (body !is Body.Written) {
            prepare(request.toFfi(body?.content())).use { it.cancelledWithCaller(work) }
        } else {
            OutgoingBody().use { outgoing ->
                prepare(request.toFfi(RequestContent.Pieces(outgoing))).use { handle ->
                    writing(body, outgoing) { handle.cancelledWithCaller(work) }
                }
            }
        }
    }
}

private suspend inline fun <T> Handle.cancelledWithCaller(work: suspend (Handle) -> T): T = try {
    work(this)
} catch (cancellation: CancellationException) {
    // Nobody waits any more, but the request runs on a thread of the core until it is told.
    cancel()
    throw cancellation
}

private suspend inline fun <T> IncomingResponse.endingTransfer(receive: suspend (IncomingResponse) -> T): T = try {
    receive(this)
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
