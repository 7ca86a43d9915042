package dev.authsession

import android.content.SharedPreferences
import dev.authsession.recipes.moveIn
import java.nio.file.Files
import javax.crypto.AEADBadTagException
import kotlin.io.path.readText
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertIs
import kotlin.test.assertTrue

class MovingInTest {
    /** Preferences in memory, whose next writes may fail. */
    private class OldPreferences(val values: MutableMap<String, String>) : SharedPreferences {
        var failures = 0

        override fun getString(key: String, defValue: String?): String? = values[key] ?: defValue

        override fun edit(): SharedPreferences.Editor = object : SharedPreferences.Editor {
            private val removed = mutableSetOf<String>()

            override fun remove(key: String) = apply { removed += key }

            override fun commit(): Boolean {
                if (failures-- > 0) return false
                values.keys -= removed
                return true
            }
        }
    }

    private suspend fun Realm.oldPreferences(): OldPreferences {
        val issued = issueTokens()
        return OldPreferences(
            mutableMapOf("access_token" to issued.accessToken, "refresh_token" to issued.refreshToken),
        )
    }

    /** Each start of the app opens the same store. */
    private fun startsTest(test: suspend (realm: Realm, start: suspend (suspend (AuthSession) -> Unit) -> Unit) -> Unit) =
        realmTest { realm, _ ->
            val folder = Files.createTempDirectory("moving-in").toFile()
            test(realm) { body ->
                AuthSession.open(realm.config(store = TokenStore.File(folder))).use { body(it) }
            }
            folder.deleteRecursively()
        }

    @Test
    fun `imported tokens are used, once, and never after a sign-out`() = realmTest { realm, session ->
        val issued = realm.issueTokens()

        assertTrue(session.importTokens(Tokens(issued.accessToken, issued.refreshToken)))
        assertEquals(200, session.get("/me").status)
        assertEquals(false, session.importTokens(Tokens("another")))
        session.signOut()
        assertEquals(false, session.importTokens(Tokens(issued.accessToken, issued.refreshToken)))
        assertEquals(SessionState.SignedOut(SignOutReason.USER), session.state)
    }

    @Test
    fun `a refresh token alone is enough, and nothing at all is refused`() = realmTest { realm, session ->
        val refused = assertFailsWith<AuthSessionException> { session.importTokens(Tokens(null)) }
        assertEquals(ErrorCode.INVALID_REQUEST, refused.code)

        assertTrue(session.importTokens(Tokens(null, realm.issueTokens().refreshToken)))
        assertEquals(200, session.get("/me").status)
        assertEquals(1, realm.counters()["refreshes"])
    }

    @Test
    fun `the recipe signs in and empties the old place, and the next start finds nothing to do`() =
        startsTest { realm, start ->
            val old = realm.oldPreferences()

            start { session ->
                moveIn(session) { old }
                assertIs<SessionState.SignedIn>(session.state)
            }
            assertEquals(emptyMap(), old.values)
            start { session ->
                moveIn(session) { old }
                assertEquals(200, session.get("/me").status)
            }
        }

    @Test
    fun `the recipe sends no old token again where the old place could not be emptied`() =
        startsTest { realm, start ->
            val old = realm.oldPreferences().apply { failures = 1 }

            start { session ->
                assertFailsWith<IllegalStateException> { moveIn(session) { old } }
                realm.command("expire_access_tokens")
                assertEquals(200, session.get("/me").status)
            }
            start { session ->
                moveIn(session) { old }
                realm.command("expire_access_tokens")
                assertEquals(200, session.get("/me").status)
            }
            assertEquals(emptyMap(), old.values)
            assertEquals(listOf(2, 0), listOf("refreshes", "reuse_detected").map(realm.counters()::get))
        }

    @Test
    fun `the recipe does not sign in again whoever has signed out`() = startsTest { realm, start ->
        val old = realm.oldPreferences().apply { failures = 1 }

        start { session ->
            assertFailsWith<IllegalStateException> { moveIn(session) { old } }
            session.signOut()
        }
        start { session ->
            moveIn(session) { old }
            assertEquals(SessionState.SignedOut(SignOutReason.USER), session.state)
        }
        assertEquals(emptyMap(), old.values)
    }

    @Test
    fun `the recipe leaves an old place alone that cannot be opened now`() = startsTest { realm, start ->
        val old = realm.oldPreferences()

        start { session ->
            assertFailsWith<AEADBadTagException> { moveIn(session) { throw AEADBadTagException() } }
            assertEquals(SessionState.SignedOut(SignOutReason.NEVER_SIGNED_IN), session.state)
            assertEquals(2, old.values.size)
            moveIn(session) { old }
            assertIs<SessionState.SignedIn>(session.state)
        }
    }

    @Test
    fun `the recipe of the guide is the one that is tested here`() {
        val recipe = Checkout.root.resolve("android/src/test/kotlin/dev/authsession/recipes/MoveIn.kt").readText()
        val shown = recipe.substringAfter("package dev.authsession.recipes\n\n")

        assertContains(Checkout.root.resolve("docs/moving-in.md").readText(), "```kotlin\n$shown```")
    }
}
