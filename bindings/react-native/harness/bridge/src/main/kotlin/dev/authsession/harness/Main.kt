package dev.authsession.harness

import java.io.FileDescriptor
import java.io.FileOutputStream
import java.io.PrintStream
import kotlin.system.exitProcess
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/**
 * Drives the real module from another process: one JSON object for each line of standard input and output. The
 * thread that reads is JavaScript's: a synchronous method runs on it, and is answered before anything else is read.
 *
 * - `{"id": 1, "method": "open", "arguments": [...]}` calls a method, and is answered by one of
 *   `{"id": 1, "returned": value}`, `{"id": 1, "rejected": error}` and `{"id": 1, "threw": text}`.
 * - `{"id": 2, "control": "attach"}` lets events reach JavaScript from then on.
 * - `{"id": 3, "control": "reload"}` ends the module and makes the next one.
 * - `{"event": name, "value": value}` comes for each event.
 * - `{"threw": text}` comes for anything else that would end an app.
 */
fun main() {
    // What libraries print must not get between the lines.
    val output = PrintStream(FileOutputStream(FileDescriptor.out), true)
    System.setOut(System.err)

    fun write(vararg fields: Pair<String, JsonElement>) {
        val line = JsonObject(mapOf(*fields)).toString()
        synchronized(output) { output.println(line) }
    }

    fun newHost() = ModuleHost(
        onEvent = { name, value -> write("event" to JsonPrimitive(name), "value" to value) },
        onCrash = { write("threw" to JsonPrimitive(it)) },
    )

    var host = newHost()
    for (line in System.`in`.bufferedReader().lineSequence()) {
        val message = Json.parseToJsonElement(line).jsonObject
        val id = message.getValue("id")
        when (val control = message["control"]?.jsonPrimitive?.content) {
            null -> {
                val method = message.getValue("method").jsonPrimitive.content
                host.call(method, message.getValue("arguments").jsonArray) { outcome ->
                    when (outcome) {
                        is Outcome.Returned -> write("id" to id, "returned" to outcome.value)
                        is Outcome.Rejected -> write("id" to id, "rejected" to outcome.error)
                        is Outcome.Threw -> write("id" to id, "threw" to JsonPrimitive("${outcome.throwable}"))
                    }
                }
            }
            "attach" -> {
                host.attachEventEmitter()
                write("id" to id, "returned" to JsonNull)
            }
            "reload" -> {
                host.invalidate()
                host = newHost()
                write("id" to id, "returned" to JsonNull)
            }
            else -> error("no such control: $control")
        }
    }
    exitProcess(0)
}
