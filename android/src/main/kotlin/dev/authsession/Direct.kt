package dev.authsession

import com.sun.jna.Callback
import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import dev.authsession.ffi.FfiConverterRustBuffer
import dev.authsession.ffi.FfiConverterTypeHttpResponse
import dev.authsession.ffi.FfiConverterTypeRequestOptions
import dev.authsession.ffi.FfiConverterTypeSessionFailure
import dev.authsession.ffi.HttpResponse
import dev.authsession.ffi.RequestOptions
import dev.authsession.ffi.SessionFailure
import dev.authsession.ffi.findLibraryName
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.concurrent.ConcurrentLinkedQueue

/**
 * The way of a request to the core and back, beside the generated layer: numbers cross, and addresses of what its
 * converters write and read. JNA sets memory aside for each structure that crosses, and has the garbage collector free
 * it, which costs more than all else that a small request does. See `docs/crossings.md`.
 *
 * The functions that native code has or sees are known by their names.
 */
internal object Direct {
    /** Is told how requests end, on threads of the core. An answer that it throws at, for want of memory, is a failure. */
    interface Receiver {
        fun answered(request: Long, answer: HttpResponse)

        fun failed(request: Long, failure: SessionFailure)
    }

    /** A function that the core calls. Returns the number of the request when it has read the bytes. */
    interface Told : Callback {
        fun told(request: Long, address: Long, length: Long): Long
    }

    private lateinit var receiver: Receiver
    private var receives = false

    /** The core has their addresses, so that they must not be collected. */
    private val answered: Told = object : Told {
        override fun told(request: Long, address: Long, length: Long): Long {
            receiver.answered(request, read(FfiConverterTypeHttpResponse, address, length))
            return request
        }
    }

    private val failed: Told = object : Told {
        override fun told(request: Long, address: Long, length: Long): Long {
            receiver.failed(request, read(FfiConverterTypeSessionFailure, address, length))
            return request
        }
    }

    init {
        Native.register(Direct::class.java, findLibraryName("auth_session_ffi"))
    }

    /** Before any request: returns whether the core has no other receiver. Once it has this one, nothing more is done. */
    @Synchronized
    fun receive(receiver: Receiver): Boolean {
        if (!receives) {
            this.receiver = receiver
            CallbackThreads.keepAttached(answered)
            CallbackThreads.keepAttached(failed)
            receives = auth_session_receive_answers(answered, failed) != NONE
        }
        return receives
    }

    /**
     * Sends [options] under the number [request], which is not zero, for the [sender], a session's or a client's. The
     * receiver is told how that ends, also where it cannot be begun. Returns whether there is such a sender; nothing is
     * told if there is not.
     */
    fun send(sender: Long, request: Long, options: RequestOptions): Boolean {
        // More than is needed: the length of a text in UTF-8 is not known before it is written.
        val most = FfiConverterTypeRequestOptions.allocationSize(options).toLong()
        if (most > Scratch.BYTES) {
            return Memory(most).use { memory -> send(sender, request, options, memory, buffer(memory, most)) }
        }
        val scratch = spare.poll() ?: Scratch()
        try {
            return send(sender, request, options, scratch.memory, scratch.bytes.clear() as ByteBuffer)
        } finally {
            spare.offer(scratch)
        }
    }

    private fun send(
        sender: Long,
        request: Long,
        options: RequestOptions,
        memory: Pointer,
        bytes: ByteBuffer,
    ): Boolean {
        FfiConverterTypeRequestOptions.write(options, bytes)
        return auth_session_send(sender, request, Pointer.nativeValue(memory), bytes.position().toLong()) != NONE
    }

    external fun auth_session_receive_answers(answered: Told, failed: Told): Byte

    external fun auth_session_send(sender: Long, request: Long, options: Long, length: Long): Byte

    /** Where requests are written, one after the other. There are as many as have ever been sent at the same time. */
    private class Scratch {
        val memory = Memory(BYTES)
        val bytes = buffer(memory, BYTES)

        companion object {
            /** Room for a URL, headers and a small body. */
            const val BYTES = 16_384L
        }
    }

    private val spare = ConcurrentLinkedQueue<Scratch>()

    private const val NONE: Byte = 0

    private fun <T> read(converter: FfiConverterRustBuffer<T>, address: Long, length: Long): T {
        val bytes = buffer(Pointer(address), length)
        return converter.read(bytes).also { check(!bytes.hasRemaining()) { "the library writes other records" } }
    }

    /** In the order in which the generated converters write and read. */
    private fun buffer(memory: Pointer, length: Long): ByteBuffer =
        memory.getByteBuffer(0, length).order(ByteOrder.BIG_ENDIAN)
}
