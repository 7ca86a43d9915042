package dev.authsession

import dev.authsession.ffi.RequestContent
import dev.authsession.ffi.RequestOptions
import dev.authsession.ffi.Session
import dev.authsession.ffi.openSession
import dev.authsession.ffi.uniffiEnsureInitialized
import kotlin.coroutines.cancellation.CancellationException
import kotlin.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/**
 * The session of one account: it signs in and out, sends the app's requests with a valid access token,
 * and refreshes that token when it must be refreshed.
 *
 * ```
 * val session = AuthSession.open(SessionConfig("https://api.example.com", account = "main"))
 * val user = session.signIn("email" to email, "password" to password)
 * val me = session.get("/me").json<Me>()
 * session.signOut()
 * ```
 *
 * Every function may be called from any thread; none blocks it. What fails throws an
 * [AuthSessionException], and a cancelled coroutine gets its `CancellationException`, always.
 */
public class AuthSession private constructor(private val session: Session) : AutoCloseable {

    /** Whether somebody is signed in, as known now. Reading it is cheap. */
    public val state: SessionState
        get() = session.state().toSessionState()

    /**
     * The present [state], then each new one. A collector that is slow skips states, never the last.
     * It completes when the session is [closed][close].
     *
     * For a `StateFlow`, share it in a scope of yours:
     * `session.states.stateIn(scope, SharingStarted.WhileSubscribed(), session.state)`.
     */
    public val states: Flow<SessionState> = flow {
        session.events().inOrder(onSubscribed = { emit(state) }) { emit(stateUnlessClosed() ?: return@flow) }
    }.distinctUntilChanged()

    /**
     * What happens to the session, in order, to every collector, from the moment it starts to collect.
     * It completes when the session is [closed][close].
     */
    public val events: Flow<SessionEvent> = flow {
        session.events().inOrder { emit(it.toSessionEvent()) }
    }

    /**
     * Signs in with [credentials], which are sent to the login endpoint as they are, and returns the
     * server's answer without the tokens. Many servers send the user there.
     *
     * An answer that has no tokens wants another step, such as a second factor, and has changed nothing: whether
     * somebody is signed in is told by [state].
     *
     * A sign-in that has been sent may take effect although its caller was cancelled: look at [state].
     */
    public suspend fun signIn(credentials: JsonObject): JsonObject = translatingFailures {
        when (val answer = Json.parseToJsonElement(session.signIn(credentials.toString()).answerJson)) {
            is JsonObject -> answer
            // The server had nothing to say.
            JsonNull -> JsonObject(emptyMap())
            else -> throw AuthSessionException(ErrorCode.UNDECODABLE, "the sign-in's answer is not a JSON object")
        }
    }

    /** Signs in with [credentials] that are all text: `signIn("email" to email, "password" to password)`. */
    public suspend fun signIn(vararg credentials: Pair<String, String>): JsonObject =
        signIn(JsonObject(credentials.associate { (name, value) -> name to JsonPrimitive(value) }))

    /** Starts a session with [tokens] that the app got elsewhere, as from an OAuth code flow. */
    public suspend fun adopt(tokens: Tokens): Unit = translatingFailures {
        session.adopt(tokens.accessToken, tokens.refreshToken, tokens.expiresIn?.toSeconds())
    }

    /**
     * Takes over the [tokens] that an earlier version of the app has kept, so that an update signs nobody out. They
     * take effect only if nobody has ever signed in on this store: a session, or the trace of one that has ended,
     * wins, so that this may be called at every start. See `docs/moving-in.md`.
     *
     * @return whether they took effect; they are saved then. With `false`, too, they are of no use any more.
     * @throws AuthSessionException [ErrorCode.LOCKED], [ErrorCode.STORE_UNAVAILABLE], [ErrorCode.STORE_CORRUPT] or
     *   [ErrorCode.TIMEOUT] if the store could not be read or written: keep the tokens and call it again later.
     *   [ErrorCode.INVALID_REQUEST] if a token could not be sent.
     */
    public suspend fun importTokens(tokens: Tokens): Boolean = translatingFailures {
        session.importTokens(tokens.accessToken, tokens.refreshToken, tokens.expiresIn?.toSeconds())
    }

    /**
     * Signs out. It needs no network: the tokens are gone from this device when it returns, and the
     * server is told in the background to revoke them.
     *
     * @throws AuthSessionException [ErrorCode.STORE_UNAVAILABLE] or [ErrorCode.LOCKED] if the store was not
     *   erased in time. The user is signed out all the same, and erasing is tried until it succeeds.
     */
    public suspend fun signOut(): Unit = translatingFailures { session.signOut() }

    /**
     * Sends one request with the access token, refreshing that first where it has expired, and once more
     * where the server refuses it. Any answer of the server is a [Response], an unsuccessful one too; an
     * exception means that there was none. Cancelling the coroutine cancels the request and disturbs no
     * other.
     *
     * @param url a path under [SessionConfig.baseUrl], or an absolute URL of an allowed origin.
     * @param timeout the longest that this request may take, the wait for a refresh included; `null`:
     *   [SessionConfig.requestTimeout].
     */
    public suspend fun request(
        method: String,
        url: String,
        headers: Headers = Headers.None,
        body: ByteArray? = null,
        timeout: Duration? = null,
    ): Response = translatingFailures {
        val options = RequestOptions(
            method = method,
            url = url,
            headers = headers.toFfi(),
            content = body?.let(RequestContent::Bytes),
            timeoutMs = timeout?.toMilliseconds(),
        )
        session.request(options).use { request ->
            try {
                request.send().toResponse()
            } catch (cancellation: CancellationException) {
                // Nobody waits any more, but the request runs on a thread of the core until it is told.
                request.cancel()
                throw cancellation
            }
        }
    }

    /** Sends a GET [request]. */
    public suspend fun get(url: String, headers: Headers = Headers.None, timeout: Duration? = null): Response =
        request("GET", url, headers, timeout = timeout)

    /** Sends [json] by a POST [request]. */
    public suspend fun post(
        url: String,
        json: JsonElement,
        headers: Headers = Headers.None,
        timeout: Duration? = null,
    ): Response = request(
        "POST",
        url,
        headers.withDefault("Content-Type", "application/json"),
        json.toString().encodeToByteArray(),
        timeout,
    )

    /**
     * Tells the session that the device's network has changed, as a `ConnectivityManager.NetworkCallback`
     * reports it: what waits for its next attempt at a refresh then tries at once.
     */
    public fun networkChanged(): Unit = session.networkChanged()

    /**
     * Lets go of this session without signing out; what is stored stays. Requests that are under way are
     * finished. Any later call throws `IllegalStateException`.
     */
    override fun close(): Unit = session.close()

    /** A collector may still have events to read when the session is closed. */
    private fun stateUnlessClosed(): SessionState? = try {
        state
    } catch (_: IllegalStateException) {
        null
    }

    public companion object {
        /**
         * Opens the session of an account: signed in, if its store holds a session.
         *
         * An account of a [TokenStore.File] that is open already in this process is the same session, whichever
         * part of the app has opened it; with other settings it is [ErrorCode.ALREADY_OPEN]. A [TokenStore.Memory]
         * is a new store each time, so each opening is a session of its own.
         */
        public suspend fun open(config: SessionConfig): AuthSession = translatingFailures {
            // The first use loads the native library, which reads files.
            withContext(Dispatchers.IO) { uniffiEnsureInitialized() }
            AuthSession(openSession(config.toFfi()))
        }
    }
}
