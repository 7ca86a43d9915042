package dev.authsession.peers

import java.io.IOException
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put

private const val SECONDS_TO_ANSWER = 30L

/** A client in a process of its own, as the runner starts it. */
class DrivenClient(name: String, arguments: String) : AutoCloseable {
    private val process = ProcessBuilder(
        Path.of(System.getProperty("java.home"), "bin/java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        "dev.authsession.peers.MainKt",
        name,
        arguments,
    ).redirectError(ProcessBuilder.Redirect.DISCARD).start()

    private val lines = LinkedBlockingQueue<JsonObject>()
    private var last = 0

    init {
        thread(isDaemon = true) {
            try {
                process.inputReader().forEachLine { lines += json.decodeFromString<JsonObject>(it) }
            } catch (_: IOException) {
                // The test is over.
            }
        }
    }

    /** What it says when it is up. */
    val ready: JsonObject = line()

    /** The answers to a command, of which there must be so many. */
    fun command(name: String, answers: Int = 1, members: JsonObjectBuilder.() -> Unit = {}): List<JsonObject> {
        val id = tell(name, members)
        return List(answers) {
            val line = line()
            check(line.getValue("id").jsonPrimitive.content == "$id") { "an answer to another command: $line" }
            JsonObject(line - "id")
        }
    }

    /** Returns the id of the command. */
    private fun tell(name: String, members: JsonObjectBuilder.() -> Unit): Int {
        val id = ++last
        val command = buildJsonObject {
            put("id", id)
            put("do", name)
            members()
        }
        process.outputWriter().run {
            appendLine("$command")
            flush()
        }
        return id
    }

    fun signIn(password: String = "correct horse"): JsonObject = command("sign_in") {
        put("email", "ada@example.com")
        put("password", password)
    }.single()

    fun get(path: String, count: Int = 1): List<JsonObject> = command("requests", count, gets(path, count))

    /** Returns the id of the command, for [cancel]. */
    fun begin(path: String, count: Int): Int = tell("requests", gets(path, count))

    /** Cancels what [begin] has begun. Returns the answers of the requests and of this command, in any order. */
    fun cancel(requests: Int, count: Int): List<JsonObject> {
        tell("cancel") { put("of", requests) }
        return List(count + 1) { JsonObject(line() - "id") }
    }

    private fun gets(path: String, count: Int): JsonObjectBuilder.() -> Unit = {
        put("method", "GET")
        put("path", path)
        put("count", count)
    }

    /** Closes its standard input. Returns the code that it ends with. */
    fun end(): Int {
        process.outputWriter().close()
        check(process.waitFor(SECONDS_TO_ANSWER, TimeUnit.SECONDS)) { "still running" }
        return process.exitValue()
    }

    override fun close() {
        process.destroyForcibly()
    }

    private fun line(): JsonObject =
        checkNotNull(lines.poll(SECONDS_TO_ANSWER, TimeUnit.SECONDS)) { "no answer within $SECONDS_TO_ANSWER s" }
}
