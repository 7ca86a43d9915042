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

private val clients = mapOf<String, suspend (Target) -> Client>(
    "okhttp" to { OkHttpPeer(it) },
    "ktor" to { KtorPeer(it, survivesCancellation = false) },
    "ktor-non-cancellable" to { KtorPeer(it, survivesCancellation = true) },
    "authsession-kotlin" to { AuthSessionPeer.open(it) },
)

fun main(arguments: Array<String>) {
    val open = arguments.takeIf { it.size == 2 }?.let { clients[it[0]] }
    if (open == null) {
        System.err.println("usage: NAME ARGUMENTS, where NAME is one of ${clients.keys.joinToString()}")
        exitProcess(2)
    }
    val (name, target) = arguments
    // Whatever else is printed is no answer.
    val output = System.out
    System.setOut(System.err)

    val client = runBlocking { open(json.decodeFromString(target)) }
    val commands = Commands(client, output, CoroutineScope(SupervisorJob() + Dispatchers.Default))
    output.writeLine(
        buildJsonObject {
            put("ready", true)
            put("client", name)
            putJsonObject("versions") { versions().forEach { (library, version) -> put(library, version) } }
        },
    )
    generateSequence(::readlnOrNull).filter(String::isNotBlank).forEach(commands::begin)
    // Not by returning: requests may be under way that nobody wants any more.
    exitProcess(0)
}

private fun versions(): Map<String, String> {
    val built = Properties()
    Target::class.java.getResourceAsStream("/versions.properties").use(built::load)
    return built.map { (library, version) -> "$library" to "$version" }.toMap() +
        ("java" to System.getProperty("java.version"))
}
