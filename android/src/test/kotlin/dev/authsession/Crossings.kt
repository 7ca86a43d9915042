package dev.authsession

import com.sun.jna.Memory
import com.sun.jna.NativeLibrary
import kotlinx.coroutines.runBlocking

private const val CALLS = 100

/** For a process of its own, whose library counts: says what crosses the boundary for a request, and how often. */
internal fun main(): Unit = runBlocking {
    val realm = TestAuthority.realm()
    AuthSession.open(realm.config()).use { session ->
        session.signIn(*ada)
        for ((name, call) in calls) {
            // What is done once is done now.
            call(session)
            crossings()
            repeat(CALLS) { call(session) }
            for ((function, count) in crossings()) println("$name: ${count.toDouble() / CALLS} $function")
        }
    }
    realm.delete()
}

private val calls = mapOf<String, suspend (AuthSession) -> Unit>(
    "get" to { it.get("/me") },
    "post" to { it.post("/echo", Body.bytes(ByteArray(1000))) },
)

/** What crossed since the last call, and how often. */
private fun crossings(): Map<String, Int> {
    val lines = Memory(1 shl 16)
    NativeLibrary.getInstance("auth_session_ffi").getFunction("crossings_take").invoke(arrayOf(lines, lines.size()))
    return lines.getString(0).lines().filter(String::isNotEmpty)
        .associate { it.substringAfter(' ') to it.substringBefore(' ').toInt() }
}
