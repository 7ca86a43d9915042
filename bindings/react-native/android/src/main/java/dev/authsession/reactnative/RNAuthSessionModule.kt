package dev.authsession.reactnative

import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReactApplicationContext
import com.facebook.react.bridge.ReadableMap
import com.facebook.react.bridge.WritableMap
import dev.authsession.AuthSessionException
import dev.authsession.ErrorCode
import java.util.concurrent.ConcurrentHashMap
import kotlin.coroutines.cancellation.CancellationException
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
    private val eventStreams = ConcurrentHashMap<String, Job>()

    override fun open(options: ReadableMap, promise: Promise) {
        settle(promise) { OpenSessions.open(sessionConfig(options)).also(::forwardEvents) }
    }

    override fun signIn(sessionId: String, credentialsJson: String, promise: Promise) {
        settle(promise) { OpenSessions[sessionId].signIn(credentials(credentialsJson)).answer.toString() }
    }

    override fun adopt(
        sessionId: String,
        accessToken: String?,
        refreshToken: String?,
        expiresInSeconds: Double?,
        promise: Promise,
    ) {
        settle(promise) { OpenSessions[sessionId].adopt(tokens(accessToken, refreshToken, expiresInSeconds)) }
    }

    override fun importTokens(
        sessionId: String,
        accessToken: String?,
        refreshToken: String?,
        expiresInSeconds: Double?,
        promise: Promise,
    ) {
        settle(promise) { OpenSessions[sessionId].importTokens(tokens(accessToken, refreshToken, expiresInSeconds)) }
    }

    override fun signOut(sessionId: String, promise: Promise) {
        settle(promise) { OpenSessions[sessionId].signOut() }
    }

    override fun getState(sessionId: String): WritableMap = OpenSessions[sessionId].state.toMap()

    override fun networkChanged(sessionId: String): Unit = OpenSessions[sessionId].networkChanged()

    override fun request(sessionId: String, requestId: String, request: ReadableMap, promise: Promise) {
        val job = settle(promise) { OpenSessions[sessionId].send(request).toMap() }
        requests[requestId] = job
        job.invokeOnCompletion { requests.remove(requestId) }
    }

    override fun cancel(requestId: String) {
        requests[requestId]?.cancel()
    }

    override fun invalidate() {
        scope.cancel()
        super.invalidate()
    }

    private fun forwardEvents(sessionId: String) {
        eventStreams.computeIfAbsent(sessionId) {
            // Undispatched, so that it listens before JavaScript hears that the session is open.
            scope.launch(start = CoroutineStart.UNDISPATCHED) {
                OpenSessions[sessionId].events.collect { emit(it.toMap(sessionId)) }
            }
        }
    }

    /** Before React Native 0.88 the generated function fails until JavaScript has attached (react-native#57893). */
    private fun emit(event: WritableMap) {
        if (mEventEmitterCallback != null) emitOnEvent(event)
    }

    private fun settle(promise: Promise, work: suspend () -> Any): Job {
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
            } catch (defect: Exception) {
                // Its message may quote anything, so only its kind is told.
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
