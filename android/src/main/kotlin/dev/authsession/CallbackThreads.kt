package dev.authsession

import com.sun.jna.Callback
import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import dev.authsession.ffi.uniffiCallbackInterfaceEventListener
import dev.authsession.ffi.uniffiCallbackInterfaceLogSink
import dev.authsession.ffi.uniffiCallbackInterfaceProgressListener
import dev.authsession.ffi.uniffiRustFutureContinuationCallbackImpl

/** The threads of the core, on which the virtual machine is called back. */
internal object CallbackThreads {
    /**
     * Lets them stay attached to the virtual machine. As it stands, JNA attaches such a thread for each callback and
     * detaches it afterwards, which makes and ends a thread of Java's each time. One that stays is detached when it
     * ends. As daemons they keep no process alive.
     *
     * JNA looks at it when it makes a callback's native half, so this comes before the generated layer is initialised.
     */
    fun keepAttached(): Unit = frequent.forEach(::keepAttached)

    /** The threads that call this one. */
    fun keepAttached(callback: Callback): Unit = Native.setCallbackThreadInitializer(callback, attached)

    private val attached = CallbackThreadInitializer(true, false, "auth-session")

    /** What is called again and again. The others may pay for their threads, or find them attached. */
    private val frequent: List<Callback>
        get() = listOf(
            uniffiRustFutureContinuationCallbackImpl,
            uniffiCallbackInterfaceEventListener.onEvent,
            uniffiCallbackInterfaceLogSink.log,
            uniffiCallbackInterfaceProgressListener.onProgress,
        )
}
