package dev.authsession

import java.io.File
import java.util.concurrent.CountDownLatch
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.flow.fold
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.launch
import kotlinx.coroutines.runInterruptible
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import org.junit.jupiter.api.io.TempDir

class BodyTest {
    @Serializable
    private data class Note(val text: String)

    @Serializable
    private data class Echo(val method: String, val body: String)

    @Test
    fun `every kind of body arrives`(@TempDir directory: File) = realmTest { _, session ->
        session.signIn(*ada)
        val file = directory.resolve("note.txt").apply { writeText("of a file") }
        val bodies = mapOf(
            Body.bytes("of bytes".encodeToByteArray()) to "of bytes",
            Body.text("naïve") to "naïve",
            Body.json(Note("hello")) to """{"text":"hello"}""",
            Body.file(file, "text/plain") to "of a file",
            Body.flow(flowOf("one ", "two").map(String::encodeToByteArray)) to "one two",
            Body.written { sink -> repeat(3) { sink.write("$it".encodeToByteArray()) } } to "012",
            Body.written { } to "",
        )

        for ((body, expected) in bodies) {
            assertEquals(Echo("PUT", expected), session.put("/echo", body).json<Echo>())
        }
        assertEquals(Echo("POST", """{"text":"hi"}"""), session.post("/echo", Note("hi")).json<Echo>())
    }

    @Test
    fun `a form carries text, bytes and files`(@TempDir directory: File) = realmTest { _, session ->
        session.signIn(*ada)
        val file = directory.resolve("photo.bin").apply { writeText("of a file") }
        val form = Body.multipart(
            Part.text("title", "naïve"),
            Part.bytes("data", "data.bin", "application/octet-stream", "of bytes".encodeToByteArray()),
            Part.file("photo", file, "image/png"),
            Part.file("copy", file, "image/png", fileName = "other.png"),
            Part.text("meta", "{}", "application/json"),
        )

        val sent = session.post("/echo", form).json<Echo>().body

        val names = listOf("data.bin", "photo.bin", "other.png").map { "filename=\"$it\"" }
        val typed = "name=\"meta\"\r\nContent-Type: application/json"
        for (part in listOf("naïve", "of bytes", "of a file", typed) + names) {
            assertContains(sent, part)
        }
    }

    @Test
    fun `no more redirects are followed than the request allows`() = realmTest { realm, session ->
        session.signIn(*ada)
        val fault = buildJsonObject {
            put("endpoint", "resource")
            put("when", "before")
            putJsonObject("redirect") { put("hops", 2) }
        }
        realm.command("fault", fault)

        val first = session.send(Request("GET", "/me", maxRedirects = 0))
        assertEquals(Disposition.REDIRECT_REFUSED to false, first.disposition to first.isRedirected)
        session.stream(Request("GET", "/me")) { assertTrue(it.isSuccessful && it.isRedirected) }
        val last = session.send(Request("GET", "/me"))
        assertEquals(Disposition.ANSWERED to true, last.disposition to last.isRedirected)
        assertEquals(200, last.status)
    }

    @Test
    fun `what a body throws while it is written ends the request and is thrown by it`() = realmTest { realm, session ->
        session.signIn(*ada)
        class Thrown : Exception()

        assertFailsWith<Thrown> {
            session.post("/echo", Body.written { it.write(ByteArray(10)); throw Thrown() })
        }

        assertEquals(0, realm.counters()["echoed_bytes"])
        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `an answer that comes before the body is whole is the answer, and the writer is told`() =
        realmTest { realm, session ->
            session.signIn(*ada)
            realm.command("fault", "endpoint" to "resource", "when" to "before", "status" to 413)
            val over = CompletableDeferred<Throwable>()

            val response = session.post(
                "/echo",
                Body.written { sink ->
                    try {
                        while (true) sink.write(ByteArray(64 * 1024))
                    } catch (failure: Throwable) {
                        over.complete(failure)
                        throw failure
                    }
                },
            )

            assertEquals(413, response.status)
            over.await()
        }

    @Test
    fun `cancelling ends an upload, and the writer with it`() = realmTest { _, session ->
        session.signIn(*ada)
        val writing = CompletableDeferred<Unit>()
        val ended = CompletableDeferred<Unit>()
        val upload = launch {
            session.post(
                "/echo",
                Body.written { sink ->
                    try {
                        sink.write(ByteArray(1))
                        writing.complete(Unit)
                        awaitCancellation()
                    } finally {
                        ended.complete(Unit)
                    }
                },
            )
        }
        writing.await()

        upload.cancelAndJoin()

        ended.await()
        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `a source that blocks where it can be interrupted holds up no request that is over`() = realmTest { _, session ->
        session.signIn(*ada)
        val interrupted = CompletableDeferred<Unit>()
        val body = Body.written {
            runInterruptible(Dispatchers.IO) {
                try {
                    CountDownLatch(1).await()
                } catch (interruption: InterruptedException) {
                    interrupted.complete(Unit)
                    throw interruption
                }
            }
        }

        val failure = assertFailsWith<AuthSessionException> {
            session.post("/echo", body, timeout = 200.milliseconds)
        }

        assertEquals(ErrorCode.TIMEOUT, failure.code)
        interrupted.await()
    }

    @Test
    fun `an answer is read as it arrives`() = realmTest { _, session ->
        session.signIn(*ada)

        val name = session.stream(Request("GET", "/me")) { response ->
            assertEquals(200, response.status)
            assertTrue(response.isSuccessful)
            assertEquals(Disposition.ANSWERED, response.disposition)
            assertEquals("application/json", response.headers["content-type"])
            response.body.fold(ByteArray(0), ByteArray::plus).decodeToString()
        }

        assertContains(name, "Ada")
    }

    @Test
    fun `cancelling ends a stream that is being read`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command(
            "fault",
            buildJsonObject {
                put("endpoint", "resource")
                put("when", "before")
                put("status", 200)
                put("body", "x".repeat(100))
                putJsonObject("cut") {
                    put("at", "mid_body")
                    put("by", "silence")
                }
            },
        )
        val reading = CompletableDeferred<Unit>()
        val reader = launch {
            session.stream(Request("GET", "/me")) { it.body.onEach { reading.complete(Unit) }.collect {} }
        }
        reading.await()

        reader.cancelAndJoin()

        realm.command("clear_faults")
        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `a stream may be left before its end`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command(
            "fault",
            buildJsonObject {
                put("endpoint", "resource")
                put("when", "before")
                put("times", 1)
                putJsonObject("content") { put("oversized", 50_000_000) }
            },
        )

        val status = session.stream(Request("GET", "/me")) { it.status }

        assertEquals(200, status)
        assertEquals(200, session.get("/me").status)
    }

    @Test
    fun `a download appears when it is whole, and a refusal leaves the file alone`(@TempDir directory: File) =
        realmTest { realm, session ->
            session.signIn(*ada)
            val file = directory.resolve("me.json")

            val response = session.download(Request("GET", "/me"), file)

            assertEquals(200, response.status)
            assertEquals(0, response.bytes.size)
            assertContains(file.readText(), "Ada")

            realm.command("fault", "endpoint" to "resource", "when" to "before", "status" to 404, "body" to "gone")
            val missing = session.download(Request("GET", "/me"), file)
            assertEquals("gone", missing.text())
            assertContains(file.readText(), "Ada")
            realm.command("clear_faults")

            val failure = assertFailsWith<AuthSessionException> {
                session.download(Request("GET", "/me"), directory.resolve("no/such/folder/me.json"))
            }
            assertEquals(ErrorCode.FILE, failure.code)
        }

    @Test
    fun `cancelling a download leaves no file`(@TempDir directory: File) = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command("hold", "endpoint" to "resource", "path" to "/slow", "when" to "before")
        val file = directory.resolve("slow.json")
        val download = launch { session.download(Request("GET", "/slow"), file) }
        realm.command("await_held", "endpoint" to "resource", "count" to 1)

        download.cancelAndJoin()

        realm.command("release", "endpoint" to "resource")
        assertFalse(file.exists())
    }

    @Test
    fun `progress ends with everything, whatever a listener throws`() = realmTest { _, session ->
        session.signIn(*ada)
        val sent = CompletableDeferred<TransferProgress>()
        val received = CompletableDeferred<TransferProgress>()
        val body = ByteArray(300_000) { 'x'.code.toByte() }

        session.send(
            Request(
                "POST",
                "/echo",
                body = Body.bytes(body),
                onUploadProgress = { if (it.bytes == it.total) sent.complete(it) else error("of the listener") },
                onDownloadProgress = { if (it.bytes == it.total) received.complete(it) else error("of the listener") },
            ),
        )

        assertEquals(TransferProgress(300_000, 300_000), sent.await())
        assertTrue(received.await().bytes > 300_000)
    }

    @Test
    fun `an answer over the limit is an error, not memory`() = realmTest { realm, session ->
        session.signIn(*ada)
        realm.command(
            "fault",
            buildJsonObject {
                put("endpoint", "resource")
                put("when", "before")
                putJsonObject("content") { put("oversized", 2_000_000) }
            },
        )

        val failure = assertFailsWith<AuthSessionException> {
            session.send(Request("GET", "/me", maxBodyBytes = 1_000_000))
        }

        assertEquals(ErrorCode.BODY_TOO_LARGE, failure.code)
    }

    @Test
    fun `a hundred megabytes pass in bounded memory in both directions`() =
        // The authority holds a body that it echoes in memory, so that the server is another one.
        DrainingServer().use { server ->
            realmTest({ config(allowedOrigins = listOf(server.baseUrl)) }) { _, session ->
                session.signIn(*ada)
                val client = session.client(server.baseUrl)
                val before = residentBytes()
                var peak = before
                val piece = ByteArray(64 * 1024) { 1 }

                val response = client.send(
                    Request(
                        "PUT",
                        "/",
                        body = Body.written { sink ->
                            repeat(1_600) {
                                sink.write(piece)
                                if (it % 100 == 0) peak = maxOf(peak, residentBytes())
                            }
                        },
                    ),
                )
                assertEquals("104857600", response.text())

                var received = 0L
                client.stream(Request("GET", "/")) { stream ->
                    stream.body.collect {
                        received += it.size
                        if (received % (1 shl 22) < it.size) peak = maxOf(peak, residentBytes())
                    }
                }
                assertEquals(104_857_600, received)
                // Far below what either body is; the heap of this JVM may grow a little for reasons of its own.
                assertTrue(peak - before < 60_000_000, "grew by ${peak - before} bytes")
            }
        }

    @Test
    fun `a request and its parts show nothing`() {
        val secret = "canary"
        val texts = listOf(
            Request(secret, secret, body = Body.text(secret)),
            Body.text(secret),
            Part.text(secret, secret),
            Part.bytes(secret, secret, secret, secret.encodeToByteArray()),
        ).map { "$it" }

        assertContentEquals(emptyList<String>(), texts.filter { secret in it })
    }
}
