package dev.authsession

import kotlinx.coroutines.runBlocking

/** A program that opens a session twice and says why it cannot. */
internal fun main(): Unit = runBlocking {
    repeat(2) {
        try {
            AuthSession.open(SessionConfig("https://api.example.com")).close()
        } catch (failure: AuthSessionException) {
            println("${failure.code}: ${failure.message}")
        }
    }
}
