package dev.authsession.peers

import dev.authsession.AuthSession
import dev.authsession.Body
import dev.authsession.SessionConfig
import dev.authsession.SessionState
import dev.authsession.TokenEndpoints
import dev.authsession.TokenStore as SessionStore

/** AuthSession as `android/README.md` shows it. */
class AuthSessionPeer private constructor(private val session: AuthSession, val crossings: Crossings) : Client {
    override val signedIn get() = session.state is SessionState.SignedIn

    override suspend fun signIn(email: String, password: String) {
        session.signIn("email" to email, "password" to password)
    }

    override suspend fun signOut() = session.signOut()

    override suspend fun send(method: String, path: String, body: String?): Int =
        session.request(method, path, body = body?.let { Body.text(it, "application/json") }).status

    override fun networkChanged() = session.networkChanged()

    companion object {
        suspend fun open(target: Target): AuthSessionPeer {
            // Read when it starts, so that a benchmark can point to another build of the library.
            System.getenv("AUTHSESSION_LIBRARY_DIR")?.let { System.setProperty("jna.library.path", it) }
            val config = SessionConfig(
                target.apiUrl,
                endpoints = TokenEndpoints.Json(target.loginUrl, target.refreshUrl, target.logoutUrl),
                store = SessionStore.Memory,
                allowLoopback = true,
                developmentAnchors = listOfNotNull(target.root?.readBytes()),
            )
            val session = AuthSession.open(config)
            return AuthSessionPeer(session, Crossings(session, config, target))
        }
    }
}
