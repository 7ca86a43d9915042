package dev.authsession

import dev.authsession.ffi.AppFailure

/**
 * Calls an object of the app on behalf of the core. What it throws may quote what it was given, so only its kind is
 * told; and not even an `Error` may unwind through the native frames.
 */
internal inline fun <T> callingApp(what: String, call: () -> T): T = try {
    call()
} catch (_: StoreLockedException) {
    throw AppFailure.Locked()
} catch (_: StoreUnrecoverableException) {
    throw AppFailure.Unrecoverable()
} catch (failure: Throwable) {
    throw AppFailure.Failed("$what of the app threw ${failure.javaClass.simpleName}")
}
