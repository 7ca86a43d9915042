package dev.authsession

import dev.authsession.ffi.uniffiEnsureInitialized

/** The library behind the generated layer. */
internal object NativeLibrary {
    /** Loads it on the first call, which reads files, and checks that it is the one that this was compiled for. */
    fun load(): Unit = try {
        uniffiEnsureInitialized()
    } catch (failure: LinkageError) {
        val mismatch = generateSequence<Throwable>(failure) { it.cause }.any { it is RuntimeException }
        val explanation = if (mismatch) {
            "the native library auth_session_ffi is of another version than the Kotlin classes: use one release of both"
        } else {
            "the native library auth_session_ffi cannot be loaded: package it for this device's ABI, or on a desktop " +
                "name its folder in jna.library.path"
        }
        throw AuthSessionException(ErrorCode.INVALID_CONFIGURATION, explanation).apply { initCause(failure) }
    }
}
