package dev.authsession

import java.io.File
import kotlin.time.Duration
import kotlinx.serialization.json.Json

/**
 * Sends requests to one API host with the access token of a session: an [AuthSession] itself, or what
 * [AuthSession.client] returns for another host. An interface, so that an app's tests can have one of their own.
 *
 * A request carries a valid access token: that is refreshed first where it has expired, and once more where the server
 * refuses it. However many requests meet an expired one, it is refreshed once. Any answer of the server is a
 * [Response], an unsuccessful one too; an [AuthSessionException] means that there was none.
 *
 * Every function may be called from any thread; none blocks it. Cancelling the coroutine cancels the request, in
 * whatever it is just doing, and disturbs no other.
 */
public interface ApiClient {

    /** Sends [request] and returns the whole answer. */
    public suspend fun send(request: Request): Response

    /**
     * Sends [request] and hands the answer to [receive] when its head is there; the body is read as it arrives, in
     * bounded memory. The transfer ends with [receive], whether all was read or not.
     *
     * From the head on, [Request.idleTimeout] limits how long the body may be silent, and [Request.timeout] nothing.
     *
     * @return what [receive] returns.
     */
    public suspend fun <T> stream(request: Request, receive: suspend (StreamingResponse) -> T): T

    /**
     * Sends [request] and writes the body of a successful answer to [file], which appears when it is whole: a failure
     * or a cancellation leaves what was there. The answer is returned without its body; one of another status has
     * its body and leaves the file alone.
     *
     * @throws AuthSessionException [ErrorCode.FILE] if the file cannot be written.
     */
    public suspend fun download(request: Request, file: File): Response

    /**
     * Sends a request made of its parts.
     *
     * @param url a path under the base URL, or an absolute URL of an allowed origin.
     * @param timeout the longest that it may take, the wait for a refresh included; `null`: as the session says.
     */
    public suspend fun request(
        method: String,
        url: String,
        headers: Headers = Headers.None,
        body: Body? = null,
        timeout: Duration? = null,
    ): Response = send(Request(method, url, headers, body, timeout = timeout))

    /** Sends a GET [request]. */
    public suspend fun get(url: String, headers: Headers = Headers.None, timeout: Duration? = null): Response =
        request("GET", url, headers, timeout = timeout)

    /** Sends a DELETE [request]. */
    public suspend fun delete(url: String, headers: Headers = Headers.None, timeout: Duration? = null): Response =
        request("DELETE", url, headers, timeout = timeout)

    /** Sends [body] by a POST [request]. */
    public suspend fun post(
        url: String,
        body: Body,
        headers: Headers = Headers.None,
        timeout: Duration? = null,
    ): Response = request("POST", url, headers, body, timeout)

    /** Sends [body] by a PUT [request]. */
    public suspend fun put(
        url: String,
        body: Body,
        headers: Headers = Headers.None,
        timeout: Duration? = null,
    ): Response = request("PUT", url, headers, body, timeout)

    /** Sends [body] by a PATCH [request]. */
    public suspend fun patch(
        url: String,
        body: Body,
        headers: Headers = Headers.None,
        timeout: Duration? = null,
    ): Response = request("PATCH", url, headers, body, timeout)
}

/** Sends [value], a `@Serializable` object or a `JsonElement`, as JSON by a POST request. */
public suspend inline fun <reified T> ApiClient.post(
    url: String,
    value: T,
    headers: Headers = Headers.None,
    timeout: Duration? = null,
    format: Json = Json,
): Response = post(url, Body.json(value, format), headers, timeout)

/** Sends [value], a `@Serializable` object or a `JsonElement`, as JSON by a PUT request. */
public suspend inline fun <reified T> ApiClient.put(
    url: String,
    value: T,
    headers: Headers = Headers.None,
    timeout: Duration? = null,
    format: Json = Json,
): Response = put(url, Body.json(value, format), headers, timeout)

/** Sends [value], a `@Serializable` object or a `JsonElement`, as JSON by a PATCH request. */
public suspend inline fun <reified T> ApiClient.patch(
    url: String,
    value: T,
    headers: Headers = Headers.None,
    timeout: Duration? = null,
    format: Json = Json,
): Response = patch(url, Body.json(value, format), headers, timeout)
