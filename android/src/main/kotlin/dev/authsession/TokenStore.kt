package dev.authsession

import dev.authsession.ffi.StoreKind

/** Where tokens rest between two starts of the app. */
public sealed interface TokenStore {

    /** Nowhere: the session ends with the process. */
    public data object Memory : TokenStore

    /** Files of a directory, no better protected than their permissions: for the desktop and for development. */
    public data class File(
        /** The directory. It is made when it is needed. */
        val path: java.io.File,
    ) : TokenStore
}

internal fun TokenStore.toFfi(): StoreKind = when (this) {
    TokenStore.Memory -> StoreKind.Memory
    is TokenStore.File -> StoreKind.File(path.absolutePath)
}
