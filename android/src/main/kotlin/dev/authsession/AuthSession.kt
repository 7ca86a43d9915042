package dev.authsession

import android.content.Context
import dev.authsession.android.DeviceNews
import dev.authsession.ffi.ClientOptions
import dev.authsession.ffi.EventQueue
import dev.authsession.ffi.Session
import dev.authsession.ffi.openSession
import java.util.Collections
import java.util.WeakHashMap
import kotlin.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import dev.authsession.ffi.ApiClient as HostClient

/**
 * The session of one account: it signs in and out, sends the app's requests with a valid access token,
 * and refreshes that token when it must be refreshed.
 *
 * ```
 * val session = AuthSession.open(SessionConfig("https://api.example.com", account = "main"))
 * val user = session.signIn("email" to email, "password" to password).answer
 * val me = session.get("/me").json<Me>()
 * session.signOut()
 * ```
 *
 * Every function may be called from any thread; none blocks it. What fails throws an
 * [AuthSessionException], and a cancelled coroutine gets its `CancellationException`, always.
 */
public class AuthSession private constructor(private val session: Session) :
    ApiClient by Exchange(session.sender(), session::uniffiIsDestroyed),
    AutoCloseable {

    /** Each holds the core's session, which would not end before the last of them has gone. */
    private val clients: MutableSet<HostClient> =
        Collections.synchronizedSet(Collections.newSetFromMap(WeakHashMap()))

    /** What collectors read from, who would wait for ever where another opening keeps the core's session. */
    private val queues: MutableSet<EventQueue> =
        Collections.synchronizedSet(Collections.newSetFromMap(WeakHashMap()))

    @Volatile
    private var closed = false

    /** Whether somebody is signed in, as known now. Reading it is cheap. */
    public val state: SessionState
        get() = session.state().toSessionState()

    /** Why the state is [SessionState.Locked]; `null` if it is not. */
    public val lockCause: ErrorCode?
        get() = session.lockCause()?.let(::errorCode)

    /**
     * The present [state], then each new one. A collector that is slow skips states, never the last. It goes on over
     * any number of sign-ins and sign-outs, and completes only when this session is [closed][close].
     *
     * For a `StateFlow`, share it in a scope of yours:
     * `session.states.stateIn(scope, SharingStarted.WhileSubscribed(), session.state)`.
     */
    public val states: Flow<SessionState> = flow {
        collecting { queue ->
            emit(state)
            queue.inOrder { emit(stateUnlessClosed() ?: return@flow) }
        }
    }.distinctUntilChanged()

    /**
     * What happens to the session, in order, to every collector, from the moment it starts to collect. It goes on over
     * any number of sign-ins and sign-outs. It completes when this session is [closed][close], after the events that
     * came before that; also if the account is open once more elsewhere in the app.
     */
    public val events: Flow<SessionEvent> = flow {
        collecting { queue -> queue.inOrder { emit(it.toSessionEvent()) } }
    }

    /**
     * Signs in with [credentials], which are sent to the login endpoint as they are.
     *
     * A sign-in that has been sent may take effect although its caller was cancelled: look at [state].
     *
     * @throws AuthSessionException [ErrorCode.SIGN_IN_REJECTED], with the server's
     *   [answer][AuthSessionException.answer].
     */
    public suspend fun signIn(credentials: JsonObject): SignInResult = translatingFailures {
        session.signIn(credentials.toString()).toSignInResult()
    }

    /** Signs in with [credentials] that are all text: `signIn("email" to email, "password" to password)`. */
    public suspend fun signIn(vararg credentials: Pair<String, String>): SignInResult =
        signIn(JsonObject(credentials.associate { (name, value) -> name to JsonPrimitive(value) }))

    /**
     * Takes the next step of a sign-in, such as a second factor: posts [body] as JSON to [url], which is absolute or a
     * path under the base URL. The answer is read as that of a [signIn].
     */
    public suspend fun continueSignIn(url: String, body: JsonObject): SignInResult = translatingFailures {
        session.continueSignIn(url, body.toString()).toSignInResult()
    }

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
     * Fails unless the user signed in no longer ago than [maxAge], as an app wants it before a payment.
     *
     * @throws AuthSessionException [ErrorCode.RECENT_SIGN_IN_REQUIRED].
     */
    public fun requireRecentSignIn(maxAge: Duration): Unit = translating {
        session.requireRecentSignIn(maxAge.toMilliseconds())
    }

    /**
     * A client for another API host with this session's tokens. It keeps the session open, and is closed with it.
     *
     * @param baseUrl an `https` URL of an origin that the session was opened for: that of [SessionConfig.baseUrl] or one
     *   of [SessionConfig.allowedOrigins].
     * @param headers sent with every request of the client.
     * @param timeout the longest that a request of the client may take; `null`: as the session's.
     * @throws AuthSessionException [ErrorCode.ORIGIN_NOT_ALLOWED] for another origin.
     */
    public fun client(baseUrl: String, headers: Headers = Headers.None, timeout: Duration? = null): ApiClient =
        translating {
            val client = session.client(ClientOptions(baseUrl, headers.toFfi(), timeout?.toMilliseconds()))
            clients += client
            // With this object, which hears of the device's network as long as somebody can reach it.
            Exchange(client.sender()) { closed || client.uniffiIsDestroyed }
        }

    /**
     * The value of the `Authorization` header for a request that the app sends by other means, such as a WebSocket, an
     * image loader or another HTTP stack; refreshed where it must be. For OkHttp and Ktor there is more in
     * `dev.authsession.okhttp` and `dev.authsession.ktor`.
     *
     * @param url where the request goes, under the same rule of origins as requests of the session.
     */
    public suspend fun authorization(url: String): Authorization = translatingFailures {
        Authorization(session.authorization(url))
    }

    /**
     * Reports the answer, usually a 401, to a request that carried [authorization], and returns what to send it with
     * once more; `null` if the answer is final.
     *
     * @param body as much of the answer as is known: it counts where [AnswerRules.codes] are set.
     * @param url where the answer came from, if the stack follows redirects: the refusal of an origin that did not get
     *   the token says nothing about it, and is final.
     */
    public suspend fun refused(
        authorization: Authorization,
        status: Int,
        headers: Headers = Headers.None,
        body: ByteArray = ByteArray(0),
        url: String? = null,
    ): Authorization? = translatingFailures {
        if (url != null && !authorization.value.isFor(url)) return@translatingFailures null
        session.refused(authorization.value, status.toStatus(), headers.toFfi(), body)?.let(::Authorization)
    }

    /** The last decisions of the session, for a report of a problem. It holds no secret. */
    public fun trace(): JsonArray = translating { Json.parseToJsonElement(session.traceJson()).jsonArray }

    /**
     * Tells the session that the device's network has changed, as a `ConnectivityManager.NetworkCallback`
     * reports it: what waits for its next attempt at a refresh then tries at once.
     */
    public fun networkChanged(): Unit = session.networkChanged()

    /**
     * Tells the session that the app is in the foreground again: timers may have slept, and another process may have
     * signed out or refreshed.
     */
    public fun resume(): Unit = session.resume()

    /**
     * Tells the session that the process is about to be suspended, and blocks until what is queued or under way is
     * written and it holds no lock on the store: milliseconds, and never more than a second. A write that takes longer
     * may still hold its lock then. For processes that share a store.
     *
     * From here on no refresh begins: what needs one fails with `store_unavailable`, or gets the server's refusal with
     * [Disposition.REFRESH_FAILED]. It ends with [resume], and with the next request that the app begins, since only
     * a process that runs does that.
     */
    public fun suspend(): Unit = session.suspend()

    /**
     * Lets go of this session without signing out; what is stored stays. Requests that are under way are
     * finished, and [states] and [events] complete. Any later call throws `IllegalStateException`.
     */
    override fun close() {
        closed = true
        OpenSessions.remove(this)
        synchronized(queues) { queues.toList() }.forEach(EventQueue::finishUnlessClosed)
        synchronized(clients) { clients.toList() }.forEach(HostClient::close)
        session.close()
    }

    private suspend inline fun collecting(collect: (EventQueue) -> Unit) = session.events().use { queue ->
        queues += queue
        // It may have been closed before the queue was there to be found.
        if (closed) queue.finish()
        collect(queue)
    }

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
            withContext(Dispatchers.IO) { NativeLibrary.load() }
            AuthSession(openSession(config.toFfi())).also(OpenSessions::add)
        }

        /**
         * Prepares the process on Android: hands the app's context to the native code, which needs it for the Keystore
         * and to check certificates, and from then on tells open sessions of another network and of the app's return
         * to the front. `AuthSessionInitializer` calls it in the app's main process; another process, or an app that
         * has removed that provider, calls it before it opens a session. It may be called any number of times, from any
         * thread, and reads the native library the first time.
         *
         * @throws AuthSessionException [ErrorCode.INVALID_CONFIGURATION] if there is no native library for this device,
         *   or, as always on a desktop, none that is made for Android.
         */
        public fun init(context: Context) {
            NativeLibrary.init(context)
            DeviceNews.listen(context)
        }

        /**
         * Hands the log up to [level] to [sink], for the whole process; a later call replaces both, and `null` ends it.
         * It may be called before any session is open; the first call of all loads the native library.
         */
        public fun setLogSink(level: LogLevel, sink: LogSink?): Unit = translating {
            NativeLibrary.load()
            dev.authsession.ffi.setLogSink(sink?.let(::LogSinkAdapter), level.toFfi())
        }
    }
}
