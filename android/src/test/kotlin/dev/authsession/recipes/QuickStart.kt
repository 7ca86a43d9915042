package dev.authsession.recipes

import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.SessionConfig
import dev.authsession.post
import kotlinx.serialization.Serializable

@Serializable
data class Me(val id: String, val name: String)

@Serializable
data class Note(val text: String)

suspend fun quickStart(config: SessionConfig, email: String, password: String) {
    val session = AuthSession.open(config)                       // signed in, if the store holds a session

    try {
        session.signIn("email" to email, "password" to password)
        val me = session.get("/me").json<Me>()                   // the body of a successful answer
        session.post("/echo", Note("hello from ${me.name}"))     // any @Serializable class
    } catch (failure: AuthSessionException) {                    // there was no answer
        when {
            failure.signInRequired -> println("show the sign-in")
            failure.retryable -> println("offer to try again, after ${failure.retryAfter}")
            else -> println("report ${failure.code}")
        }
    }

    session.signOut()                                            // needs no network
}
