package dev.authsession.recipes

import dev.authsession.Auth
import dev.authsession.AuthSession
import dev.authsession.Body
import dev.authsession.Part
import dev.authsession.Request
import java.io.File
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.flow.Flow

suspend fun transfers(session: AuthSession, photo: File, pieces: Flow<ByteArray>, show: (String) -> Unit) {
    session.post("/echo", Body.multipart(Part.text("title", "Holiday"), Part.file("photo", photo, "image/jpeg")))
    session.put("/echo", Body.flow(pieces, "application/octet-stream"))    // not faster than the network takes them

    session.send(
        Request(
            "POST",
            "/echo",
            body = Body.file(photo, "image/jpeg"),
            idempotencyKey = "photo-1",                                    // may be sent again if an answer is lost
            timeout = 5.minutes,
            onUploadProgress = { show("${it.bytes} of ${it.total}") },
        ),
    )

    session.download(Request("GET", "/me"), File(photo.parentFile, "me.json"))   // appears when it is whole
    session.stream(Request("GET", "/me")) { response ->
        response.body.collect { piece -> show(piece.decodeToString()) }
    }
    session.send(Request("GET", "/public", auth = Auth.OPTIONAL))          // with the token if somebody is signed in
}
