package dev.authsession

import android.content.Context
import dev.authsession.ffi.uniffiEnsureInitialized

/** The library behind the generated layer. Its name, and that of [nativeInit], are known to the native code. */
internal object NativeLibrary {
    /** Android's runtime says that it is Dalvik, whatever it is. */
    val isOnAndroid: Boolean = System.getProperty("java.vm.name").equals("Dalvik", ignoreCase = true)

    /** Loads it on the first call, which reads files, and checks that it is the one that this was compiled for. */
    fun load(): Unit = loaded

    private val loaded: Unit by lazy {
        loading {
            // First: the generated layer of another class loader would take over the callbacks of the one that is there.
            if (!Direct.receive(Answers)) {
                throw AuthSessionException(
                    ErrorCode.ALREADY_OPEN,
                    "another class loader of this process has loaded the library: load AuthSession in one of them",
                )
            }
            CallbackThreads.keepAttached()
            uniffiEnsureInitialized()
        }
    }

    /** Hands the app's context to the native code. Any number of times: the first that succeeds counts. */
    fun init(context: Context): Unit = loading {
        // JNA opens a library in a way that the virtual machine does not look for native methods in it.
        System.loadLibrary("auth_session_ffi")
        try {
            nativeInit(context)
        } catch (failure: IllegalStateException) {
            val code = errorCode(failure.message.orEmpty().substringBefore(':'))
            throw AuthSessionException(code, "the context of the app cannot be used").apply { initCause(failure) }
        }
    }

    private external fun nativeInit(context: Context)

    private inline fun loading(load: () -> Unit) = try {
        load()
    } catch (failure: LinkageError) {
        val mismatch = generateSequence<Throwable>(failure) { it.cause }.any {
            it is RuntimeException || it.message.orEmpty().contains("Error looking up function")
        }
        val explanation = if (mismatch) {
            "the native library auth_session_ffi is of another version than the Kotlin classes: use one release of both"
        } else {
            "the native library auth_session_ffi cannot be loaded: package it for this device's ABI, or on a desktop " +
                "name its folder in jna.library.path"
        }
        throw AuthSessionException(ErrorCode.INVALID_CONFIGURATION, explanation).apply { initCause(failure) }
    }
}
