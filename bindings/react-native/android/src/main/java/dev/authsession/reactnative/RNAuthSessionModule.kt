package dev.authsession.reactnative

import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReactApplicationContext
import com.facebook.react.bridge.ReadableMap
import com.facebook.react.bridge.WritableMap
import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.ErrorCode
import dev.authsession.SessionEvent
import dev.authsession.SessionState
import java.util.concurrent.ConcurrentHashMap
import kotlin.coroutines.cancellation.CancellationException
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch

/**
 * What JavaScript sees of the process's sessions. A reload of JavaScript ends this object and its requests; the
 * sessions stay, and the next module finds them.
 */
public class RNAuthSessionModule(context: ReactApplicationContext) : NativeAuthSessionSpec(context) {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val requests = ConcurrentHashMap<String, Job>()
    private val handedOut = ConcurrentHashMap<String, HandedOut>()
    private val eventStreams = ConcurrentHashMap<String, Job>()

    /** Held while JavaScript is told something, so that [invalidate] can wait for that. */
    private val emission = Any()

    override fun open(options: ReadableMap, promise: Promise) {
        settle(promise) { OpenSessions.open(sessionConfig(options)).also(::forwardEvents) }
    }

    override fun signIn(sessionId: String, credentialsJson: String, promise: Promise) {
        settle(promise, sessionId) { signIn(credentials(credentialsJson)).answer.toString() }
    }

    override fun continueSignIn(sessionId: String, url: String, bodyJson: String, promise: Promise) {
        settle(promise, sessionId) { continueSignIn(url, credentials(bodyJson)).answer.toString() }
    }

    override fun adopt(
        sessionId: String,
        accessToken: String?,
        refreshToken: String?,
        expiresInSeconds: Double?,
        promise: Promise,
    ) {
        settle(promise, sessionId) { adopt(tokens(accessToken, refreshToken, expiresInSeconds)) }
    }

    override fun importTokens(
        sessionId: String,
        accessToken: String?,
        refreshToken: String?,
        expiresInSeconds: Double?,
        promise: Promise,
    ) {
        settle(promise, sessionId) { importTokens(tokens(accessToken, refreshToken, expiresInSeconds)) }
    }

    override fun signOut(sessionId: String, promise: Promise) {
        settle(promise, sessionId) { signOut() }
    }

    // JavaScript waits for it, and would get what it throws without a code. It has its ids from open().
    override fun getState(sessionId: String): WritableMap =
        OpenSessions.find(sessionId)?.session?.stateToMap() ?: SessionState.Restoring.toMap(null)

    override fun requireRecentSignIn(sessionId: String, maxAgeMs: Double, promise: Promise) {
        settle(promise, sessionId) {
            if (!maxAgeMs.isFinite() || maxAgeMs < 0) {
                throw Refusal(ErrorCode.INVALID_REQUEST, "maxAgeMs must be a number from 0 on")
            }
            requireRecentSignIn(maxAgeMs.milliseconds)
        }
    }

    override fun client(sessionId: String, options: ReadableMap, promise: Promise) {
        settle(promise) {
            val fields = Fields(options, ErrorCode.INVALID_CONFIGURATION)
            val baseUrl = fields.requiredString("baseURL")
            handedOut(sessionId).client(baseUrl, headers(fields), fields.milliseconds("requestTimeoutMs"))
        }
    }

    override fun authorization(sessionId: String, url: String, promise: Promise) {
        settle(promise) {
            val authorization = OpenSessions[sessionId].session.authorization(url)
            authorization.toMap(handedOut(sessionId).keep(authorization))
        }
    }

    override fun refused(sessionId: String, refusal: ReadableMap, promise: Promise) {
        settle(promise) {
            val handedOut = handedOut(sessionId)
            val fields = Fields(refusal, ErrorCode.INVALID_REQUEST)
            val next = OpenSessions[sessionId].session.refused(
                authorization = handedOut.authorization(fields.requiredString("authorizationId")),
                status = fields.smallInteger("status") ?: throw fields.refusal("status", "a number"),
                headers = headers(fields),
                body = fields.string("body").orEmpty().encodeToByteArray(),
            )
            next?.toMap(handedOut.keep(next))
        }
    }

    override fun trace(sessionId: String, promise: Promise) {
        settle(promise, sessionId) { trace().toString() }
    }

    override fun networkChanged(sessionId: String) {
        OpenSessions.find(sessionId)?.session?.networkChanged()
    }

    override fun resume(sessionId: String) {
        OpenSessions.find(sessionId)?.session?.resume()
    }

    override fun request(sessionId: String, requestId: String, request: ReadableMap, promise: Promise) {
        val job = settle(promise) {
            val fields = Fields(request, ErrorCode.INVALID_REQUEST)
            val sender = handedOut(sessionId).sender(fields.string("clientId"))
            val progress = ProgressReports { direction, progress -> emit(progress.toMap(requestId, direction)) }
            RequestFiles(reactApplicationContext).use { files ->
                val response = sender.send(fields, files, progress)
                progress.flush()
                response.toMap(asBase64 = fields.string("answerAs") == "base64")
            }
        }
        requests[requestId] = job
        job.invokeOnCompletion { requests.remove(requestId) }
    }

    override fun cancel(requestId: String) {
        requests[requestId]?.cancel()
    }

    override fun invalidate() {
        // Before React Native 0.88 the callback refers to what C++ destroys next, and cancelling waits for nobody.
        synchronized(emission) { mEventEmitterCallback = null }
        scope.cancel()
        super.invalidate()
    }

    private fun handedOut(sessionId: String): HandedOut =
        handedOut.computeIfAbsent(sessionId) { HandedOut(OpenSessions[it].session) }

    private fun forwardEvents(sessionId: String) {
        eventStreams.computeIfAbsent(sessionId) {
            // Undispatched, so that it listens before JavaScript hears that the session is open.
            scope.launch(start = CoroutineStart.UNDISPATCHED) {
                val session = OpenSessions[sessionId].session
                session.events.collect { event ->
                    // Unless somebody has signed in since, and been given others.
                    if (event is SessionEvent.SignedOut && session.state is SessionState.SignedOut) {
                        handedOut(sessionId).forgetAuthorizations()
                    }
                    emit(event.toMap(sessionId))
                }
            }
        }
    }

    // Before React Native 0.88 the generated functions fail until JavaScript has attached (react-native#57893).
    private fun emit(event: EventMap) = synchronized(emission) {
        if (mEventEmitterCallback != null) emitOnEvent(event.map)
    }

    private fun emit(progress: ProgressMap) = synchronized(emission) {
        if (mEventEmitterCallback != null) emitOnProgress(progress.map)
    }

    private fun settle(promise: Promise, sessionId: String, work: suspend AuthSession.() -> Any): Job =
        settle(promise) { OpenSessions[sessionId].session.work() }

    private fun settle(promise: Promise, work: suspend () -> Any?): Job {
        val job = scope.launch {
            try {
                val result = work()
                promise.resolve(if (result == Unit) null else result)
            } catch (failure: AuthSessionException) {
                promise.reject(failure.code.id, failure.message, failure.userInfo())
            } catch (refusal: Refusal) {
                promise.reject(refusal.code.id, refusal.message, userInfo())
            } catch (cancellation: CancellationException) {
                throw cancellation
            } catch (defect: Throwable) {
                // An OutOfMemoryError over one large body, too, which would else end the app. The message of a
                // defect may quote anything, so only its kind is told.
                val kind = defect.javaClass.simpleName
                promise.reject(ErrorCode.INTERNAL.id, "a defect of AuthSession: $kind", userInfo())
            }
        }
        // Here and not above, since a job that is cancelled before it began runs none of its own code. After
        // invalidate() nobody is left to be told.
        job.invokeOnCompletion { cause ->
            if (cause is CancellationException && scope.isActive) {
                promise.reject(ErrorCode.CANCELLED.id, "the request was cancelled", userInfo())
            }
        }
        return job
    }
}
