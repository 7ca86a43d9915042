package dev.authsession

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll

class ConcurrencyTest {
    @Test
    fun `a thousand callers on an expired token cause one refresh and no failure`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("expire_access_tokens")

        val responses = List(1_000) { async { session.get("/me") } }.awaitAll()

        assertEquals(mapOf(200 to 1_000), responses.groupingBy { it.status }.eachCount())
        val counters = realm.counters()
        assertEquals(1, counters["refreshes"])
        assertEquals(1, counters["refresh_requests"])
        assertEquals(1_000, counters["resource_ok"])
    }
}
