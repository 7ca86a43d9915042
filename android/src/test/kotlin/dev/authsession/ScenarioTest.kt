package dev.authsession

import java.util.concurrent.ConcurrentHashMap
import kotlin.io.path.createDirectories
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.nameWithoutExtension
import kotlin.io.path.readText
import kotlin.io.path.writeText
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

/** Runs every scenario of tests/scenarios, and leaves the results where they are compared with the other languages'. */
class ScenarioTest {
    @TestFactory
    fun scenarios(): List<DynamicTest> {
        val files = Checkout.root.resolve("tests/scenarios").listDirectoryEntries("*.json").sorted()
        check(files.isNotEmpty()) { "no scenarios" }
        return files.map { file ->
            dynamicTest(file.nameWithoutExtension) {
                val outcome = runCatching { runScenario(Json.decodeFromString(file.readText())) }
                results[file.nameWithoutExtension] = outcome.exceptionOrNull()?.let { "${it.message ?: it}" } ?: "ok"
                outcome.getOrThrow()
            }
        }
    }

    companion object {
        private val results = ConcurrentHashMap<String, String>()

        @JvmStatic
        @AfterAll
        fun writeResults() {
            val report = buildJsonObject {
                put("language", "kotlin")
                putJsonObject("results") { for ((name, result) in results.toSortedMap()) put(name, result) }
            }
            Checkout.target.resolve("scenarios").createDirectories().resolve("kotlin.json").writeText("$report\n")
        }
    }
}
