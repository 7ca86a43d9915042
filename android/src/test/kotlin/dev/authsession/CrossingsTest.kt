package dev.authsession

import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.io.path.createTempFile
import kotlin.io.path.deleteExisting
import kotlin.io.path.readLines
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** How often a request crosses the boundary to the core; see `docs/crossings.md`. */
class CrossingsTest {
    @Test
    fun `a request crosses the boundary twice`() {
        val once = listOf("auth_session_send", "callback direct.answered")

        val crossings = counted()

        assertEquals(listOf("get", "post").flatMap { call -> once.map { "$call: 1.0 $it" } }.sorted(), crossings.sorted())
    }

    /** What a process of its own says whose library counts; `scripts/build-counting.sh` builds it. */
    private fun counted(): List<String> {
        val output = createTempFile()
        val process = ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "-Djna.library.path=${Checkout.target.resolve("counting")}",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.authsession.CrossingsKt",
        ).redirectErrorStream(true).redirectOutput(output.toFile()).start()
        val ended = process.waitFor(60, TimeUnit.SECONDS)
        process.destroyForcibly()
        assertTrue(ended, "still running, after it said ${output.readLines()}")
        return output.readLines().also { output.deleteExisting() }
    }
}
