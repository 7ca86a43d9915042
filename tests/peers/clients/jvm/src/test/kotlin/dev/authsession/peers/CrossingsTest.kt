package dev.authsession.peers

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.Executors
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.serialization.json.double
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put

class CrossingsTest {
    @Test
    fun `each way across the boundary takes a time`() = withEchoServer { url ->
        DrivenClient("authsession-kotlin", arguments(url, url)).use { client ->
            client.signIn()

            val medians = client.command("crossings") {
                put("iterations", 20)
                put("path", "/echo")
                put("echo_path", "/echo")
            }.single()

            assertEquals(measured, medians.keys)
            assertTrue(medians.values.all { it.jsonPrimitive.double > 0 }, "$medians")
        }
    }

    @Test
    fun `an answer that is not the body that was sent is an error`() = driving("authsession-kotlin") { client, _ ->
        client.signIn()

        assertEquals(setOf("error"), client.command("crossings") { put("echo_path", "/me") }.single().keys)
    }

    private companion object {
        val measured = setOf(
            "sync_call_us", "state_us", "async_call_us", "callback_us", "get_us", "okhttp_get_us",
            "echo_1k_us", "okhttp_echo_1k_us", "echo_1m_us", "okhttp_echo_1m_us",
        )
    }
}

private val tokens = """{"access_token": "a", "refresh_token": "r"}""".encodeToByteArray()

/** A test authority says of a body only how long it was. */
private fun withEchoServer(test: (url: String) -> Unit) {
    val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
    val threads = Executors.newCachedThreadPool()
    server.executor = threads
    server.createContext("/echo") { it.answer(it.requestBody.readBytes()) }
    server.createContext("/auth/login") { it.answer(tokens) }
    server.start()
    try {
        test("http://127.0.0.1:${server.address.port}")
    } finally {
        server.stop(0)
        threads.shutdownNow()
    }
}

private fun HttpExchange.answer(body: ByteArray) = use {
    requestBody.readAllBytes()
    responseHeaders["Content-Type"] = "application/json"
    // None at all, for this server, is a body of which the length is not known.
    sendResponseHeaders(200, if (body.isEmpty()) -1 else body.size.toLong())
    responseBody.write(body)
}
