package dev.authsession

import com.sun.net.httpserver.HttpServer
import java.io.File
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.Executors

/** Answers a body with its size, and a GET with 100 MiB. */
internal class DrainingServer : AutoCloseable {
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0)
    private val threads = Executors.newCachedThreadPool()

    val baseUrl: String = "http://127.0.0.1:${server.address.port}"

    init {
        server.executor = threads
        server.createContext("/") { exchange ->
            val piece = ByteArray(64 * 1024)
            if (exchange.requestMethod == "GET") {
                exchange.sendResponseHeaders(200, 100L * 1024 * 1024)
                exchange.responseBody.use { body -> repeat(1_600) { body.write(piece) } }
            } else {
                val sizes = generateSequence { exchange.requestBody.read(piece) }.takeWhile { it >= 0 }
                val size = sizes.sumOf { it.toLong() }
                val answer = "$size".encodeToByteArray()
                exchange.sendResponseHeaders(200, answer.size.toLong())
                exchange.responseBody.use { it.write(answer) }
            }
        }
        server.start()
    }

    override fun close() {
        server.stop(0)
        threads.shutdownNow()
    }
}

/** The memory that this process has, native memory included. */
internal fun residentBytes(): Long =
    File("/proc/self/status").readLines().first { it.startsWith("VmRSS:") }.filter(Char::isDigit).toLong() * 1024
