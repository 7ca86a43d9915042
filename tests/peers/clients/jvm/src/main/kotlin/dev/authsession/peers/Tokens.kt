package dev.authsession.peers

import java.util.concurrent.atomic.AtomicReference
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json

class Tokens(val accessToken: String, val refreshToken: String)

/** What an app keeps its tokens in: here a variable, since how they rest is not what is compared. */
class TokenStore {
    private val tokens = AtomicReference<Tokens>()

    fun load(): Tokens? = tokens.get()

    fun save(new: Tokens) = tokens.set(new)

    fun clear() = tokens.set(null)
}

/**
 * Whether the user has to sign in again after a refresh that was answered with this status: the server says that the
 * refresh token is no good. What else fails may pass.
 */
fun endsSession(status: Int) = status == 401

@Serializable
class Credentials(val email: String, val password: String)

@Serializable
class RefreshToken(@SerialName("refresh_token") val refreshToken: String)

@Serializable
class TokenAnswer(
    @SerialName("access_token") private val accessToken: String,
    /** A server that does not rotate does not repeat it. */
    @SerialName("refresh_token") private val refreshToken: String? = null,
) {
    fun tokens(earlier: String? = null) =
        Tokens(accessToken, requireNotNull(refreshToken ?: earlier) { "no refresh token" })
}

/** Servers add members. */
val json = Json { ignoreUnknownKeys = true }
