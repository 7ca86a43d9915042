package dev.authsession.peers

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers

/** A client under test, with as much of an app around it as its documentation shows. */
interface Client {
    /** Whether the app would show its user as signed in. */
    val signedIn: Boolean

    /** Fails unless the server accepts the credentials. */
    suspend fun signIn(email: String, password: String)

    suspend fun signOut()

    /** Sends a request and reads the answer. Returns the status of whatever answer the server gave. */
    suspend fun send(method: String, path: String, body: String?): Int

    /** For a client that wants to know. */
    fun networkChanged() = Unit

    /** As [send], for a GET, in the way of this client that costs least. It may block its thread if [callers] allow. */
    suspend fun get(path: String): Int = send("GET", path, null)

    /** Where so many callers run that each send one request after the other by [get]. */
    fun callers(concurrency: Int): CoroutineDispatcher = Dispatchers.Default
}

/** For comparing, all clients have as many connections to a host as AuthSession has as it stands. */
const val CONNECTIONS_PER_HOST = 64
