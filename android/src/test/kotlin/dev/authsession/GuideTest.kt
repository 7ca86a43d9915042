package dev.authsession

import dev.authsession.recipes.SessionModel
import dev.authsession.recipes.ktor
import dev.authsession.recipes.news
import dev.authsession.recipes.quickStart
import dev.authsession.recipes.retrofit
import dev.authsession.recipes.transfers
import io.ktor.client.engine.java.Java
import io.ktor.client.request.get
import java.io.File
import kotlin.io.path.readText
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.job
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.CsvSource

/** What the guides show is what is compiled and run here. */
class GuideTest {
    @ParameterizedTest(name = "{0} is shown in {1}")
    @CsvSource(
        "QuickStart, android/README.md",
        "Transfers, android/README.md",
        "SessionModel, docs/platforms/android.md",
        "Stacks, docs/guides/okhttp-retrofit-ktor.md",
    )
    fun `the code of a guide is the one that is tested here`(recipe: String, guide: String) {
        val source = Checkout.root.resolve("android/src/test/kotlin/dev/authsession/recipes/$recipe.kt").readText()
        val shown = source.substringAfter("package dev.authsession.recipes\n\n")

        assertContains(Checkout.root.resolve(guide).readText(), "```kotlin\n$shown```")
    }

    /** Compiled by scripts/test-kotlin.sh. */
    @Test
    fun `the screen that the guide shows is the one that is compiled`() {
        val source = Checkout.root.resolve("android/examples/compose/AccountScreen.kt").readText()

        assertContains(Checkout.root.resolve("docs/platforms/android.md").readText(), "```kotlin\n$source```")
    }

    @Test
    fun `the quick start signs in, reads, writes and signs out`() = realmTest { realm, _ ->
        quickStart(realm.config("quick start"), "ada@example.com", "correct horse")

        val counters = realm.counters()
        assertEquals(listOf(1, 2), listOf(counters["logins"], counters["resource_ok"]))
        realm.command("await_counter", "counter" to "logouts", "at_least" to 1)
    }

    @Test
    fun `transfers of every kind`(@TempDir directory: File) = realmTest { realm, session ->
        session.signIn(*ada)
        val photo = directory.resolve("photo.jpg").apply { writeBytes(ByteArray(1_000)) }
        val shown = java.util.concurrent.CopyOnWriteArrayList<String>()

        transfers(session, photo, flowOf(ByteArray(10), ByteArray(10)), shown::add)

        assertTrue(shown.any { "Ada" in it })
        assertContains(directory.resolve("me.json").readText(), "Ada")
        assertEquals(5, realm.counters()["resource_ok"], "those that need a token")
    }

    @Test
    fun `a screen's model follows its session`() = realmTest { _, session ->
        coroutineScope {
            val model = SessionModel(session, this)
            model.signIn("ada@example.com", "wrong").join()
            assertContains(model.problem.value.orEmpty(), "sign_in_rejected")

            model.signIn("ada@example.com", "correct horse").join()
            assertIs<SessionState.SignedIn>(model.state.first { it is SessionState.SignedIn })
            assertEquals(null, model.problem.value)

            model.signOut().join()
            model.state.first { it is SessionState.SignedOut }
            coroutineContext.job.cancelChildren()
        }
    }

    @Test
    fun `Retrofit and Ktor keep their stack`() = realmTest { realm, session ->
        session.signIn(*ada)
        val api = retrofit(session, "${realm.apiUrl}/")
        assertContains(api.me().string(), "Ada")
        assertContains(api.news().string(), "true")

        ktor(session, Java.create()).use { client ->
            assertEquals(200, client.get("${realm.apiUrl}/me").status.value)
            assertEquals(200, news(client, "${realm.apiUrl}/public").status.value)
        }
    }
}
