package dev.authsession

import java.io.IOException
import kotlin.test.assertEquals
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** How the requests of a scenario are sent: by the session itself, or by a stack that it serves. */
internal fun interface Sender {
    suspend fun send(method: String, url: String, body: String?): Sent
}

/** An answer; another stack knows no dispositions. */
internal class Sent(val status: Int, val disposition: String? = null)

/** Runs [scenario] against a realm of its own; throws at the first step that does not go as described. */
internal fun runScenario(
    scenario: Scenario,
    sender: (Realm, AuthSession) -> Sender = ::bySession,
): Unit = runBlocking(Dispatchers.Default) {
    val realm = TestAuthority.realm(scenario.realm)
    val tokensAt = when (scenario.client.tokenEndpoints) {
        Scenario.Listener.API -> realm.apiUrl
        Scenario.Listener.AUTH -> realm.authUrl
    }
    val endpoints = TokenEndpoints.Json("$tokensAt/auth/login", "$tokensAt/auth/refresh", "$tokensAt/auth/logout")
    AuthSession.open(realm.config(account = scenario.name, endpoints = endpoints)).use { session ->
        val events = MutableStateFlow(emptyList<String>())
        val collector = launch(start = CoroutineStart.UNDISPATCHED) {
            session.events.map(::nameOf).collect { event -> events.update { it + event } }
        }
        val run = ScenarioRun(this, realm, session, sender(realm, session), events)
        scenario.steps.forEachIndexed { index, step ->
            try {
                run.take(step)
            } catch (failure: Throwable) {
                throw AssertionError("step ${index + 1}, $step: ${failure.message}", failure)
            }
        }
        collector.cancelAndJoin()
    }
    realm.delete()
}

private fun bySession(@Suppress("UNUSED_PARAMETER") realm: Realm, session: AuthSession) = Sender { method, url, body ->
    val response = session.request(method, url, body = body?.let { Body.bytes(it.encodeToByteArray()) })
    Sent(response.status, response.disposition.name.lowercase())
}

private class ScenarioRun(
    private val scope: CoroutineScope,
    private val realm: Realm,
    private val session: AuthSession,
    private val sender: Sender,
    private val events: MutableStateFlow<List<String>>,
) {
    private val started = mutableMapOf<String, List<Deferred<Result<Sent>>>>()

    suspend fun take(step: Step): Unit = when (step) {
        Step.SignIn -> signIn()
        Step.SignOut -> session.signOut()
        Step.NetworkChanged -> session.networkChanged()
        is Step.Authority -> realm.command(step.command, step.body)
        is Step.Start -> started[step.name] = start(step.method, step.path, step.body, step.count)
        is Step.Finish -> finish(checkNotNull(started.remove(step.name)) { "nothing started" }, step.expect)
        is Step.Request -> finish(start(step.method, step.path, step.body, step.count), step.expect)
        is Step.ExpectState -> expectState(step)
        is Step.ExpectEvents -> expectEvents(step.events)
        is Step.ExpectCounters -> assertEquals(step.counters, realm.counters().filterKeys { it in step.counters })
    }

    private suspend fun signIn() {
        val user = session.signIn(*ada).answer.getValue("user").jsonObject
        assertEquals("u1", user.getValue("id").jsonPrimitive.content)
    }

    /** An undispatched start has handed the request to the core when it returns. */
    private fun start(method: String, path: String, body: String?, count: Int) = List(count) {
        scope.async(start = CoroutineStart.UNDISPATCHED) {
            runCatching { sender.send(method, path, body) }
        }
    }

    private suspend fun finish(requests: List<Deferred<Result<Sent>>>, expected: Expectation) {
        for (result in withTimeout(30.seconds) { requests.awaitAll() }) {
            val answer = result.getOrNull()
            if (answer == null) {
                val failure = result.exceptionOrNull()
                val code = (failure as? AuthSessionException)?.code?.id ?: "network".takeIf { failure is IOException }
                assertEquals(expected, Expectation(error = code), "$failure")
            } else if (answer.disposition == null || expected.disposition == null) {
                assertEquals(expected.copy(disposition = null), Expectation(answer.status))
            } else {
                assertEquals(expected, Expectation(answer.status, answer.disposition))
            }
        }
    }

    private fun expectState(expected: Step.ExpectState) {
        val state = session.state
        val reason = (state as? SessionState.SignedOut)?.reason?.name?.lowercase().takeIf { expected.reason != null }
        assertEquals(expected, Step.ExpectState(nameOf(state), reason))
    }

    private suspend fun expectEvents(expected: List<String>) {
        withTimeoutOrNull(10.seconds) { events.first { it.size >= expected.size } }
        assertEquals(expected, events.value)
    }
}

private fun nameOf(state: SessionState): String = when (state) {
    SessionState.Restoring -> "restoring"
    is SessionState.SignedOut -> "signed_out"
    is SessionState.SignedIn -> "signed_in"
    SessionState.Locked -> "locked"
}

private fun nameOf(event: SessionEvent): String = when (event) {
    SessionEvent.SignedIn -> "signed_in"
    SessionEvent.Refreshed -> "refreshed"
    is SessionEvent.RefreshFailed -> "refresh_failed"
    SessionEvent.Restored -> "restored"
    SessionEvent.SignInRecommended -> "sign_in_recommended"
    SessionEvent.PersistenceDegraded -> "persistence_degraded"
    SessionEvent.PersistenceRestored -> "persistence_restored"
    is SessionEvent.SignedOut -> "signed_out:${event.reason.name.lowercase()}"
    is SessionEvent.StepUpRequired -> "step_up_required"
    is SessionEvent.Missed -> "missed"
}
