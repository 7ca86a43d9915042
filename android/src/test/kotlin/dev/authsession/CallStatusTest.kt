package dev.authsession

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertIs
import kotlin.time.Duration

/** The structure by which a call says how it ended serves the next call of its thread. */
class CallStatusTest {
    @Test
    fun `a call that fails harms no later call of its thread`() = realmTest { _, session ->
        session.signIn(*ada)

        // Calls that do not suspend, so all are made by this thread.
        repeat(3) {
            assertIs<SessionState.SignedIn>(session.state)
            val failure = assertFailsWith<AuthSessionException> { session.requireRecentSignIn(Duration.ZERO) }
            assertEquals(ErrorCode.RECENT_SIGN_IN_REQUIRED, failure.code)
            assertIs<SessionState.SignedIn>(session.state)
        }
    }
}
