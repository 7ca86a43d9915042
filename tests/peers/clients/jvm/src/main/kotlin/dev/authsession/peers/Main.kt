package dev.authsession.peers

import java.util.Properties
import kotlin.system.exitProcess
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

/** @property libraries what it is made of, as `versions.properties` names it. */
private class Kind(val libraries: List<String>, val open: suspend (Target) -> Client)

// Ktor's engine is OkHttp.
private val ktor = listOf("ktor", "okhttp", "kotlinx-coroutines")

private val clients = mapOf(
    "okhttp" to Kind(listOf("okhttp")) { OkHttpPeer(it) },
    "ktor" to Kind(ktor) { KtorPeer(it, survivesCancellation = false) },
    "ktor-non-cancellable" to Kind(ktor) { KtorPeer(it, survivesCancellation = true) },
    "authsession-kotlin" to Kind(listOf("auth-session", "kotlinx-coroutines")) { AuthSessionPeer.open(it) },
)

fun main(arguments: Array<String>) {
    val kind = arguments.takeIf { it.size == 2 }?.let { clients[it[0]] }
    if (kind == null) {
        System.err.println("usage: NAME ARGUMENTS, where NAME is one of ${clients.keys.joinToString()}")
        exitProcess(2)
    }
    val (name, target) = arguments
    // Whatever else is printed is no answer.
    val output = System.out
    System.setOut(System.err)

    val client = runBlocking { kind.open(json.decodeFromString(target)) }
    val commands = Commands(client, output, CoroutineScope(SupervisorJob() + Dispatchers.Default))
    output.writeLine(
        buildJsonObject {
            put("ready", true)
            put("client", name)
            putJsonObject("versions") { versions(kind.libraries).forEach { (library, version) -> put(library, version) } }
        },
    )
    generateSequence(::readlnOrNull).filter(String::isNotBlank).forEach(commands::begin)
    // Not by returning: requests may be under way that nobody wants any more.
    exitProcess(0)
}

private fun versions(libraries: List<String>): Map<String, String> {
    val built = Properties()
    Target::class.java.getResourceAsStream("/versions.properties").use(built::load)
    return (libraries + "kotlin").associateWith { checkNotNull(built.getProperty(it)) { "no version of $it" } } +
        ("java" to System.getProperty("java.version"))
}
