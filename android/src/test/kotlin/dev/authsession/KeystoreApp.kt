package dev.authsession

import android.content.Context
import kotlinx.coroutines.runBlocking

/**
 * An app on a device, as far as a desktop's JVM can be one: with the library that is built for the Keystore, and with
 * the Keystore and the context of `tests/keystore/java` on the boot class path. It does what its arguments say, one
 * after the other, says what came of each in a line, and ends when nobody wants more of it.
 */
internal fun main(arguments: Array<String>): Unit = runBlocking {
    val app = KeystoreApp(apiUrl = arguments.first())
    for (act in arguments.drop(1)) {
        val outcome = try {
            app.act(act)
        } catch (failure: AuthSessionException) {
            failure.code
        }
        println(outcome)
    }
    readlnOrNull()
}

private class KeystoreApp(private val apiUrl: String) {
    private var session: AuthSession? = null

    private val open: AuthSession
        get() = checkNotNull(session)

    suspend fun act(act: String): Any = when (act) {
        "init" -> AuthSession.init(context())
        "open" -> open(TokenStore.Keystore())
        "open, unlocked device required" -> open(TokenStore.Keystore(unlockedDeviceRequired = true))
        "state" -> describe(open.state)
        "lock cause" -> open.lockCause.toString()
        "sign in" -> open.signIn(*ada).isSignedIn
        "request" -> open.get("/me").status
        "sign out" -> open.signOut()
        "close" -> open.close()
        else -> tellKeystore(act)
    }

    private suspend fun open(store: TokenStore): String {
        session = AuthSession.open(SessionConfig(apiUrl, store = store, allowLoopback = true))
        return describe(open.state)
    }
}

/** Without the time of expiry, which no test knows. */
private fun describe(state: SessionState) =
    if (state is SessionState.SignedIn) "SignedIn(${state.subject})" else state.toString()

private val fakeKeystore: Class<*> by lazy {
    Class.forName("dev.authsession.fake.FakeKeystore").also { it.getMethod("install").invoke(null) }
}

private fun tellKeystore(command: String): String =
    fakeKeystore.getMethod("command", String::class.java).invoke(null, command) as String

/** A context of an app, with itself as the application's. */
private fun context(): Context {
    val constructor = Context::class.java.getConstructor(Context::class.java)
    return constructor.newInstance(constructor.newInstance(null))
}
