package dev.authsession

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlinx.serialization.Serializable

class ResponseTest {
    @Serializable
    private data class User(val id: Int, val name: String)

    @Test
    fun `fields that are not asked for are skipped`() {
        assertEquals(User(1, "Ada"), answer("""{"id":1,"name":"Ada","since":1815}""").json<User>())
    }

    @Test
    fun `a body that cannot be decoded tells where, and not what was there`() {
        val failure = assertFailsWith<AuthSessionException> {
            answer("""{"id":"not for the log","name":"Ada"}""").json<User>()
        }

        assertEquals(ErrorCode.UNDECODABLE, failure.code)
        assertEquals(
            "the body could not be decoded as dev.authsession.ResponseTest.User: at \$.id [undecodable]",
            failure.message,
        )
    }

    @Test
    fun `a body that lacks a field tells which`() {
        val failure = assertFailsWith<AuthSessionException> { answer("""{"id":1}""").json<User>() }

        assertEquals(
            "the body could not be decoded as dev.authsession.ResponseTest.User: without name [undecodable]",
            failure.message,
        )
    }

    @Test
    fun `header names differ in more than case`() {
        val headers = Headers("Set-Cookie" to "a=1", "set-cookie" to "b=2")

        assertEquals("a=1", headers["SET-COOKIE"])
        assertEquals(listOf("a=1", "b=2"), headers.getAll("Set-Cookie"))
    }

    private fun answer(body: String) =
        Response(200, "https://api.example.com/me", Headers.None, body.encodeToByteArray(), Disposition.ANSWERED, false)
}
