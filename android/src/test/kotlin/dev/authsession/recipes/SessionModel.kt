package dev.authsession.recipes

import dev.authsession.AuthSession
import dev.authsession.AuthSessionException
import dev.authsession.SessionEvent
import dev.authsession.SessionState
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.stateIn
import kotlinx.coroutines.launch

/** What a screen shows of a session. In an app its scope is the `viewModelScope` of a `ViewModel`. */
class SessionModel(private val session: AuthSession, private val scope: CoroutineScope) {
    val state: StateFlow<SessionState> =
        session.states.stateIn(scope, SharingStarted.WhileSubscribed(5_000), session.state)

    val problem = MutableStateFlow<String?>(null)

    init {
        scope.launch {
            session.events.collect { event ->
                // A server wants a fresher sign-in or more rights, which no refresh brings.
                if (event is SessionEvent.StepUpRequired) problem.value = "Please sign in again."
            }
        }
    }

    fun signIn(email: String, password: String) = trying { session.signIn("email" to email, "password" to password) }

    fun signOut() = trying { session.signOut() }

    private fun trying(action: suspend () -> Unit) = scope.launch {
        problem.value = try {
            action()
            null
        } catch (failure: AuthSessionException) {
            failure.message
        }
    }
}
