package dev.authsession

import dev.authsession.ffi.AuthorityCallbacks
import dev.authsession.ffi.RefreshReply
import dev.authsession.ffi.RevocationReply
import dev.authsession.ffi.SecretText
import dev.authsession.ffi.SignInReply
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject

/** The app's [Authority] as the core calls it: each call begins a coroutine, whose outcome goes to the reply. */
internal class AuthorityAdapter(private val authority: Authority) : AuthorityCallbacks {
    // Not the default dispatcher: an app that blocks its few threads until a token comes would wait for itself.
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO)

    override fun signIn(credentialsJson: String, reply: SignInReply) =
        answering(reply) { it.give(authority.signIn(parse(credentialsJson))) }

    override fun continueSignIn(step: String, bodyJson: String, reply: SignInReply) =
        answering(reply) { it.give(authority.continueSignIn(step, parse(bodyJson))) }

    override fun refresh(refreshToken: SecretText, attemptId: String, reply: RefreshReply) =
        answering(reply) { it.give(authority.refresh(refreshToken.toSecret(), attemptId)) }

    override fun revoke(refreshToken: SecretText, accessToken: SecretText?, reply: RevocationReply) =
        answering(reply) { it.done(authority.revoke(refreshToken.toSecret(), accessToken?.toSecret())) }

    private fun <R : AutoCloseable> answering(reply: R, answer: suspend (R) -> Unit) {
        scope.launch {
            // A reply that is closed without an answer tells the core that there is none. What was thrown may quote
            // a token.
            runCatching { reply.use { answer(it) } }
        }
    }
}

private fun parse(json: String): JsonObject = Json.parseToJsonElement(json).jsonObject

private fun SecretText.toSecret(): Secret = use { Secret(it.expose()) }

private fun SignInReply.give(outcome: SignInOutcome): Unit = when (outcome) {
    is SignInOutcome.SignedIn -> signedIn(
        outcome.accessToken,
        outcome.refreshToken,
        outcome.expiresIn?.toSeconds(),
        outcome.answer.toString(),
    )
    is SignInOutcome.NextStep -> nextStep(outcome.answer.toString())
    is SignInOutcome.Rejected -> rejected(outcome.status.toStatus())
    is SignInOutcome.Unavailable -> unavailable(outcome.status.toStatus(), outcome.retryAfter?.toMilliseconds())
    SignInOutcome.Unreachable -> unreachable()
}

private fun RefreshReply.give(outcome: RefreshOutcome): Unit = when (outcome) {
    is RefreshOutcome.Rotated ->
        rotated(outcome.accessToken, outcome.refreshToken, outcome.expiresIn?.toSeconds())
    is RefreshOutcome.Salvaged -> salvaged(outcome.refreshToken)
    RefreshOutcome.Ambiguous -> ambiguous()
    is RefreshOutcome.Rejected -> rejected(outcome.certain)
    is RefreshOutcome.Misconfigured -> misconfigured(outcome.explanation)
    is RefreshOutcome.Unavailable -> unavailable(outcome.retryAfter?.toMilliseconds())
    RefreshOutcome.Unreachable -> unreachable()
    is RefreshOutcome.Unexpected -> unexpected(outcome.status.toStatus())
}
