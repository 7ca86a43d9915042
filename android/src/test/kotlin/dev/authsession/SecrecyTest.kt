package dev.authsession

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

class SecrecyTest {
    @Test
    fun `no text form and no message holds a token`() = realmTest { realm, session ->
        val issued = realm.issueTokens()
        val tokens = Tokens(issued.accessToken, issued.refreshToken)
        session.adopt(tokens)
        val secretNote = Headers("X-Note" to issued.refreshToken)
        val response = session.post("/echo", JsonPrimitive(issued.refreshToken), secretNote)
        val texts = buildList {
            add(tokens)
            add(session)
            add(session.state)
            add(response)
            add(response.headers)
            add(secretNote)
            add(Headers("Authorization" to "Bearer ${issued.accessToken}"))
            add(assertFailsWith<AuthSessionException> { response.json<Int>() })
            add(assertFailsWith<AuthSessionException> { session.get("https://${issued.refreshToken}@example.com/") })
            add(assertFailsWith<AuthSessionException> { session.request("${issued.refreshToken} ", "/me") })
            add(assertFailsWith<AuthSessionException> { session.get("/me", Headers("X-\n" to issued.refreshToken)) })
            realm.command("offline", "listener" to "all")
            add(assertFailsWith<AuthSessionException> { session.get("/${issued.refreshToken}") })
        }.map { if (it is Throwable) it.stackTraceToString() else it.toString() }

        val secrets = listOf(issued.accessToken, issued.refreshToken)
        assertEquals(emptyList(), texts.filter { text -> secrets.any { it in text } })
    }

    @Test
    fun `what a backend wants to be sent is not shown`() {
        val additions = CallAdditions(
            JsonObject(mapOf("client_secret" to JsonPrimitive("canary"))),
            Headers("X-Api-Key" to "canary"),
        )
        val json = TokenEndpoints.Json(login = additions)
        val oauth = TokenEndpoints.OAuth2("/token", "app", parameters = listOf("audience" to "canary"))

        for (shown in listOf("$additions", "$json", "$oauth")) assertFalse("canary" in shown, shown)
    }
}
