package dev.authsession

import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonPrimitive

class DirectTest {
    @Test
    fun `requests of every size arrive as they are, from many threads`() = realmTest { _, session ->
        session.signIn(*ada)
        // Around what a thread keeps room for, and beyond it.
        val sizes = listOf(0, 1, 1_000, 70_000, 1_000_000) + (15_800..16_400 step 40)
        val random = Random(7)
        val text = { size: Int -> String(CharArray(size) { 'a' + random.nextInt(26) }) }
        sizes.flatMap { size -> List(8) { text(size) } }.shuffled(random).map { content ->
            async(Dispatchers.IO) {
                val echo = session.post("/echo", Body.text(content)).json<JsonObject>()
                assertEquals(content, echo.getValue("body").jsonPrimitive.content)
            }
        }.awaitAll()
    }

    @Test
    fun `a request that cannot be begun fails, and its thread sends the next`() = realmTest { _, session ->
        session.signIn(*ada)
        repeat(3) {
            val failure = assertFailsWith<AuthSessionException> { session.get("https://elsewhere.example/") }
            assertEquals(ErrorCode.ORIGIN_NOT_ALLOWED, failure.code)
            assertEquals(200, session.get("/me").status)
        }
    }
}
