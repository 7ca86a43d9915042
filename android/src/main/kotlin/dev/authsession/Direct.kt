package dev.authsession

import com.sun.jna.Callback
import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import dev.authsession.ffi.FfiConverterTypeHttpResponse
import dev.authsession.ffi.FfiConverterTypeRequestOptions
import dev.authsession.ffi.FfiConverterTypeSessionFailure
import dev.authsession.ffi.HttpResponse
import dev.authsession.ffi.RequestOptions
import dev.authsession.ffi.SessionFailure
import dev.authsession.ffi.findLibraryName
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * The way of a request to the core and back, beside the generated layer: numbers cross, and addresses of what its
 * converters write and read. JNA sets memory aside for each structure that crosses, and has the garbage collector free
 * it, which costs more than all else that a small request does. See `docs/crossings.md`.
 *
 * The functions that native code has or sees are known by their names.
 */
internal object Direct {
    /** Is told how requests end, on threads of the core. What it throws, such as for want of memory, fails the request. */
    interface Receiver {
        fun answered(request: Long, answer: HttpResponse)

        fun failed(request: Long, failure: SessionFailure)
    }

    /** A function that the core calls. Returns 1 when it has read the bytes. */
    interface Told : Callback {
        fun told(request: Long, address: Long, length: Long): Byte
    }

    private lateinit var receiver: Receiver

    /** The core has their addresses, so that they must not be collected. */
    private val answered: Told = object : Told {
        override fun told(request: Long, address: Long, length: Long): Byte {
            receiver.answered(request, FfiConverterTypeHttpResponse.read(buffer(Pointer(address), length)))
            return READ
        }
    }

    private val failed: Told = object : Told {
        override fun told(request: Long, address: Long, length: Long): Byte {
            receiver.failed(request, FfiConverterTypeSessionFailure.read(buffer(Pointer(address), length)))
            return READ
        }
    }

    init {
        Native.register(Direct::class.java, findLibraryName("auth_session_ffi"))
    }

    /** Once in a process: returns whether there is no other receiver. Before any request. */
    fun receive(receiver: Receiver): Boolean {
        this.receiver = receiver
        CallbackThreads.keepAttached(answered)
        CallbackThreads.keepAttached(failed)
        return auth_session_receive_answers(answered, failed) != NONE
    }

    /**
     * Sends [options] under the number [request] for the [sender], a session's or a client's. The receiver is told how
     * that ends, also where it cannot be begun, possibly before this returns. Returns whether there is such a sender;
     * nothing is told if there is not.
     */
    fun send(sender: Long, request: Long, options: RequestOptions): Boolean {
        // More than is needed: the length of a text in UTF-8 is not known before it is written.
        val most = FfiConverterTypeRequestOptions.allocationSize(options).toLong()
        return if (most <= Scratch.BYTES) {
            val scratch = scratch.get()!!
            send(sender, request, options, scratch.memory, scratch.bytes.clear() as ByteBuffer)
        } else {
            Memory(most).use { memory -> send(sender, request, options, memory, buffer(memory, most)) }
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

    /** Where a thread writes its requests, one after the other. */
    private class Scratch {
        val memory = Memory(BYTES)
        val bytes = buffer(memory, BYTES)

        companion object {
            /** Room for a URL, headers and a small body. */
            const val BYTES = 16_384L
        }
    }

    private val scratch = object : ThreadLocal<Scratch>() {
        override fun initialValue() = Scratch()
    }

    private const val NONE: Byte = 0
    private const val READ: Byte = 1

    /** In the order in which the generated converters write and read. */
    private fun buffer(memory: Pointer, length: Long): ByteBuffer =
        memory.getByteBuffer(0, length).order(ByteOrder.BIG_ENDIAN)
}
