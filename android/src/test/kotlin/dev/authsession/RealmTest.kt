package dev.authsession

import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** Runs [test] with a realm and a session of its own. The time limit only keeps a defect from hanging the build. */
internal fun realmTest(
    open: Realm.() -> SessionConfig = { config() },
    test: suspend CoroutineScope.(realm: Realm, session: AuthSession) -> Unit,
): Unit = runBlocking(Dispatchers.Default) {
    withTimeout(60.seconds) {
        val realm = TestAuthority.realm()
        AuthSession.open(realm.open()).use { session -> test(realm, session) }
        realm.delete()
    }
}
