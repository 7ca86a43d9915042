package dev.authsession

import dev.authsession.ffi.KeystoreOptions
import dev.authsession.ffi.StoreCallbacks
import dev.authsession.ffi.StoreKind
import dev.authsession.ffi.StoredContent
import kotlin.time.Duration
import java.io.File as JavaFile

/** Where tokens rest between two starts of the app. */
public sealed interface TokenStore {

    /** Nowhere: the session ends with the process. Each opening is a new store. */
    public data object Memory : TokenStore

    /** Files of a directory, no better protected than their permissions: for the desktop and for development. */
    public data class File(
        /** The directory. It is made when it is needed. */
        val path: JavaFile,
    ) : TokenStore

    /**
     * Files under a key of the Android Keystore that never leaves the device, in the directory that is not backed up.
     * The default on Android, and only there.
     */
    public data class Keystore(
        /** Where the files are instead; `null`: in `Context.getNoBackupFilesDir()`. */
        val directory: JavaFile? = null,
        /** Asks for a key in a security chip (StrongBox), where the device has one. */
        val strongBox: Boolean = false,
        /** The key works only while the device is unlocked; else the session is [SessionState.Locked]. */
        val unlockedDeviceRequired: Boolean = false,
        /** How long ago the user may have authenticated; `null`: it does not matter. */
        val userAuthentication: Duration? = null,
    ) : TokenStore

    /** A place of the app's own. */
    public data class App(
        /** Which place it is: two of the same name are the same place, and an account of it is one session. */
        val name: String,
        /** Reads and writes it. */
        val store: AppTokenStore,
        /** Where processes that share the place keep their locks; `null`: only this process uses it. */
        val sharedDirectory: JavaFile? = null,
    ) : TokenStore

    public companion object {
        /** [Keystore] on Android; [Memory] on another JVM, which has no place for secrets. */
        public val Default: TokenStore
            get() = if (NativeLibrary.isOnAndroid) Keystore() else Memory
    }
}

/**
 * A place for secrets that the app implements. Its functions may block: they are called on threads of the library, one
 * at a time for one account.
 *
 * A [StoreLockedException] says that the device must be unlocked first, a [StoreUnrecoverableException] that the key
 * is gone for ever, which ends the session; anything else that is thrown may pass, and is tried again.
 */
public interface AppTokenStore {
    /** What was written last for this account; `null` if nothing ever was. Changes nothing. */
    public fun load(namespace: String, account: String): ByteArray?

    /**
     * Replaces what is stored for this account: durable and whole when it returns, unchanged where it throws. The
     * [content] holds tokens.
     */
    public fun replace(namespace: String, account: String, content: ByteArray)
}

/** Thrown by an [AppTokenStore]: the device or the key is locked; try again after it is unlocked. */
public class StoreLockedException : Exception("the store is locked")

/** Thrown by an [AppTokenStore]: the key that protects what was stored is provably gone for ever. */
public class StoreUnrecoverableException : Exception("the key of the store is gone")

internal fun TokenStore.toFfi(): StoreKind = when (this) {
    TokenStore.Memory -> StoreKind.Memory
    is TokenStore.File -> StoreKind.File(path.absolutePath)
    is TokenStore.Keystore -> StoreKind.Keystore(
        KeystoreOptions(
            directory?.absolutePath,
            strongBox,
            unlockedDeviceRequired,
            userAuthentication?.toMilliseconds(),
        ),
    )
    is TokenStore.App -> StoreKind.App(name, AppTokenStoreAdapter(store), sharedDirectory?.absolutePath)
}

private class AppTokenStoreAdapter(private val store: AppTokenStore) : StoreCallbacks {
    override fun load(namespace: String, account: String): StoredContent? =
        callingApp("the store") { store.load(namespace, account)?.let(::StoredContent) }

    override fun replace(namespace: String, account: String, content: StoredContent) =
        callingApp("the store") { store.replace(namespace, account, content.use { it.bytes() }) }
}
