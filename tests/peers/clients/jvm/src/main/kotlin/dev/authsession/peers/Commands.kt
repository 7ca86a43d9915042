package dev.authsession.peers

import dev.authsession.AuthSessionException
import java.io.PrintStream
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put

/** Does with [client] what lines of JSON command, and answers with such lines; `tests/peers/README.md` lists them. */
class Commands(private val client: Client, private val output: PrintStream, private val scope: CoroutineScope) {
    /** The parents of the jobs of requests that have begun, by the id of the command that began them. */
    private val underWay = ConcurrentHashMap<JsonElement, Job>()

    /** Begins what [line] commands, and does not wait for it: commands overlap. */
    fun begin(line: String) {
        val command = json.decodeFromString<JsonObject>(line)
        // On this thread up to where it waits, as an app begins on its main thread: so what comes later begins later.
        scope.launch(start = CoroutineStart.UNDISPATCHED) {
            command.answering { obey(command) }
        }
    }

    private suspend fun obey(command: JsonObject) {
        when (command.text("do")) {
            "sign_in" -> {
                client.signIn(command.getText("email"), command.getText("password"))
                command.answer { put("done", true) }
            }
            "sign_out" -> {
                client.signOut()
                command.answer { put("done", true) }
            }
            "network_changed" -> {
                client.networkChanged()
                command.answer { put("done", true) }
            }
            "state" -> command.answer { put("signed_in", client.signedIn) }
            "requests" -> requests(command)
            "cancel" -> {
                underWay[command.getValue("of")]?.cancelChildren()
                command.answer { put("done", true) }
            }
            "load" -> load(command)
            "crossings" if client is AuthSessionPeer -> crossings(client, command)
            else -> command.answer { put("error", "unknown command") }
        }
    }

    private suspend fun requests(command: JsonObject) = coroutineScope {
        val id = command.getValue("id")
        underWay[id] = coroutineContext.job.also { it.invokeOnCompletion { underWay.remove(id) } }
        val method = command.text("method") ?: "GET"
        val path = command.getText("path")
        val body = command.text("body")
        repeat(command.number("count", 1)) {
            launch(start = CoroutineStart.UNDISPATCHED) {
                command.answering {
                    val status = client.send(method, path, body)
                    command.answer { put("status", status) }
                }
            }
        }
    }

    private suspend fun load(command: JsonObject) {
        val load = load(
            client,
            command.getText("path"),
            command.number("concurrency", 1),
            command.number("requests", 1),
            command.number("warmup", 0),
        )
        command.answer {
            put("requests", load.requests)
            put("failed", load.failed)
            put("seconds", load.total / 1e9)
            put("p50_us", load.quantile(0.5) / 1e3)
            put("p99_us", load.quantile(0.99) / 1e3)
            put("max_us", load.quantile(1.0) / 1e3)
        }
    }

    private suspend fun crossings(client: AuthSessionPeer, command: JsonObject) {
        val medians = client.crossings.measure(
            command.number("iterations", 1),
            command.text("path") ?: "/me",
            command.text("echo_path") ?: "/echo",
        )
        command.answer { medians.forEach { (name, microseconds) -> put(name, microseconds) } }
    }

    private inline fun JsonObject.answering(work: () -> Unit) = try {
        work()
    } catch (failure: Throwable) {
        // A cancellation too: whether the command `cancel` is behind it or something that a client waited for.
        answer { put("error", failure.kind()) }
    }

    private fun JsonObject.answer(members: JsonObjectBuilder.() -> Unit) {
        val answer = buildJsonObject {
            put("id", getValue("id"))
            members()
        }
        output.writeLine(answer)
    }
}

/** Whole, and at once. */
fun PrintStream.writeLine(line: JsonElement) = synchronized(this) {
    println(line)
    flush()
}

/** Without its message, which may quote what a server said. */
private fun Throwable.kind(): String = when (this) {
    is AuthSessionException -> code.id
    else -> javaClass.simpleName
}

private fun JsonObject.text(name: String): String? = get(name)?.jsonPrimitive?.contentOrNull

private fun JsonObject.getText(name: String): String = requireNotNull(text(name)) { "no $name" }

private fun JsonObject.number(name: String, default: Int): Int = get(name)?.jsonPrimitive?.int ?: default
