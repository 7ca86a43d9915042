package dev.authsession

import java.io.File
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runInterruptible
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.io.TempDir

/**
 * The way from `AuthSession.init(context)` through JNI and the Keystore's store, in processes that come and go. How the
 * native code uses the virtual machine is checked by the tier `keystore`: JNA's own would drown what is said of it here.
 */
class KeystoreTest {
    @TempDir
    lateinit var device: File

    private val keys get() = device.resolve("keys")
    private val files get() = device.resolve("no-backup")

    @BeforeEach
    fun `a device without keys`() {
        assertTrue(keys.mkdir() && files.mkdir())
    }

    /** A process of the app, which has done all that it was asked for and goes on until it is killed or closed. */
    private inner class Running(private val process: Process, val said: List<String>) {
        fun kill() {
            process.destroyForcibly().waitFor()
        }

        fun end() {
            process.outputWriter().close()
            assertTrue(process.waitFor(30, TimeUnit.SECONDS))
            assertEquals(0, process.exitValue())
        }
    }

    private suspend fun start(realm: Realm, vararg acts: String): Running = runInterruptible(Dispatchers.IO) {
        val built = Checkout.target.resolve("kotlin-keystore")
        val process = ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "-Xbootclasspath/a:${built.resolve("classes")}",
            "-Djava.library.path=$built",
            "-Djna.library.path=$built",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.authsession.KeystoreAppKt",
            realm.apiUrl,
            "keep $keys",
            "directory $files",
            *acts,
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val reader = process.inputReader()
        val said = List(2 + acts.size) { reader.readLine() ?: "(it has ended)" }
        Running(process, said.drop(2))
    }

    /** What a process says that does this and then ends in order. */
    private suspend fun run(realm: Realm, vararg acts: String): List<String> =
        start(realm, *acts).run { end(); said }

    @Test
    fun `without the context of the app there is no Keystore, and with it there is`() = realmTest { realm, _ ->
        assertEquals(
            listOf("NOT_INITIALIZED", "kotlin.Unit", "SignedOut(reason=NEVER_SIGNED_IN)", "kotlin.Unit"),
            run(realm, "open", "init", "open", "init"),
        )
    }

    @Test
    fun `a context that throws is a typed error, and the next one counts`() = realmTest { realm, _ ->
        assertEquals(
            listOf("", "INTERNAL", "NOT_INITIALIZED", "kotlin.Unit", "SignedOut(reason=NEVER_SIGNED_IN)"),
            run(realm, "fail getApplicationContext java.lang.Error 1", "init", "open", "init", "open"),
        )
    }

    @Test
    fun `a session is there again after its process was killed, and so is what was refreshed and ended`() =
        realmTest { realm, _ ->
            val first = start(realm, "init", "open", "sign in")
            assertEquals(listOf("kotlin.Unit", "SignedOut(reason=NEVER_SIGNED_IN)", "true"), first.said)
            first.kill()

            val second = start(realm, "init", "open", "request")
            assertEquals(listOf("kotlin.Unit", "SignedIn(u1)", "200"), second.said)
            second.kill()
            assertEquals(0, realm.counters()["refresh_requests"])

            realm.command("expire_access_tokens")
            val third = start(realm, "init", "open", "request")
            assertEquals(listOf("kotlin.Unit", "SignedIn(u1)", "200"), third.said)
            third.kill()

            realm.command("expire_access_tokens")
            val last = listOf("init", "open", "request", "sign out", "close", "open")
            assertEquals(
                listOf("kotlin.Unit", "SignedIn(u1)", "200", "kotlin.Unit", "kotlin.Unit", "SignedOut(reason=USER)"),
                run(realm, *last.toTypedArray()),
            )
            assertEquals(listOf(2, 0), listOf("refreshes", "reuse_detected").map { realm.counters()[it] })
        }

    @Test
    fun `nothing of the session can be read in the files, and nothing is kept elsewhere`() = realmTest { realm, _ ->
        run(realm, "init", "open", "sign in")

        val written = files.walk().filter(File::isFile).toList()
        assertTrue(written.isNotEmpty())
        assertFalse(written.any { "ada" in it.readText(Charsets.ISO_8859_1) })
        assertEquals(1, keys.list()?.size)
    }

    @Test
    fun `while the device is locked so is the session, and afterwards it is as it was`() = realmTest { realm, _ ->
        val acts = arrayOf(
            "init",
            "open, unlocked device required",
            "sign in",
            "close",
            "device locked",
            "open, unlocked device required",
            "lock cause",
            "request",
            "device unlocked",
            "request",
            "state",
        )

        assertEquals(
            listOf("true", "kotlin.Unit", "", "Locked", "LOCKED", "LOCKED", "", "200", "SignedIn(u1)"),
            run(realm, *acts).drop(2),
        )
    }

    @Test
    fun `a key that is invalidated ends the session as lost, and the next sign-in is kept`() = realmTest { realm, _ ->
        val acts = arrayOf("init", "open", "sign in", "close", "invalidate", "open", "sign in", "close", "open")

        assertEquals(
            listOf("SignedOut(reason=SECRETS_LOST)", "true", "kotlin.Unit", "SignedIn(u1)"),
            run(realm, *acts).drop(5),
        )
    }

    @Test
    fun `a key that is away is believed to be lost only by the second process that misses it`() = realmTest { realm, _ ->
        run(realm, "init", "open", "sign in")
        assertTrue(checkNotNull(keys.listFiles()).single().delete())

        assertEquals(listOf("Locked", "STORE_UNAVAILABLE"), run(realm, "init", "open", "lock cause").drop(1))
        assertEquals(listOf("SignedOut(reason=SECRETS_LOST)"), run(realm, "init", "open").drop(1))
    }
}
