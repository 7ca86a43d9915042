package dev.authsession

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import dev.authsession.ffi.SignInResult as FfiSignInResult

/**
 * What came of a step of a sign-in. Its text form does not show the answer.
 *
 * @property isSignedIn whether tokens came and are in use. If not, the server wants another step, such as a second
 *   factor, which [AuthSession.continueSignIn] takes; nothing has changed.
 * @property answer the server's answer without the tokens; empty where it said nothing. Many servers send the user.
 */
public class SignInResult internal constructor(public val isSignedIn: Boolean, public val answer: JsonObject) {
    override fun toString(): String = "SignInResult(isSignedIn=$isSignedIn)"
}

internal fun FfiSignInResult.toSignInResult() = SignInResult(
    signedIn,
    when (val answer = Json.parseToJsonElement(answerJson)) {
        is JsonObject -> answer
        // The server had nothing to say.
        JsonNull -> JsonObject(emptyMap())
        else -> throw AuthSessionException(ErrorCode.UNDECODABLE, "the sign-in's answer is not a JSON object")
    },
)
