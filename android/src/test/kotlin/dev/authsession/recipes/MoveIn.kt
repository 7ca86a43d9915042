package dev.authsession.recipes

import android.content.SharedPreferences
import dev.authsession.AuthSession
import dev.authsession.SessionState
import dev.authsession.SignOutReason
import dev.authsession.Tokens
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * Brings the sign-in from its old place into the session. Call it at every start.
 *
 * @param openOldPlace opens the preferences as the app always has: `EncryptedSharedPreferences.create(…)` with the
 *   same names and schemes, or `context.getSharedPreferences(…)`. It may throw, and so may reading what is in there.
 */
suspend fun moveIn(session: AuthSession, openOldPlace: () -> SharedPreferences): Unit = withContext(Dispatchers.IO) {
    val old = openOldPlace()
    val accessToken = old.getString("access_token", null)
    val refreshToken = old.getString("refresh_token", null)
    if (accessToken == null && refreshToken == null) return@withContext
    // False where somebody has signed in or out since: the old tokens are of no use then.
    session.importTokens(Tokens(accessToken, refreshToken))
    val isKnown = when (val state = session.state) {
        is SessionState.SignedIn -> true
        is SessionState.SignedOut -> state.reason != SignOutReason.NEVER_SIGNED_IN
        else -> false
    }
    if (isKnown) {
        // Not apply(), which does not say whether it has been written.
        check(old.edit().remove("access_token").remove("refresh_token").commit()) { "the old place is not empty" }
    }
}
