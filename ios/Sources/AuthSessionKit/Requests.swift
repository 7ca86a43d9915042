import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension AuthSession {
    /// Sends a request with a valid access token, like `URLSession.data(for:)`.
    ///
    /// The URL is absolute, or relative to the base URL: `URLRequest(url: URL(string: "/me")!)`. Method, headers, body
    /// and timeout are taken from the request; its cache policy, cookie and service settings do not apply, and a body
    /// stream is refused, since it cannot be sent a second time. A timeout left at `URLRequest`'s default of 60 seconds
    /// means the timeout of the ``Configuration``; it covers the whole request, the wait for a refresh included.
    ///
    /// Every answer of the server is returned, whatever its status: an error means that there was none.
    ///
    /// - Throws: ``AuthSessionError``, or `CancellationError` at once when the calling task is cancelled, which
    ///   disturbs neither a refresh nor any other request.
    public func data(for request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let response = try await response(for: request)
        return (response.data, response.http)
    }

    /// Sends a request like ``data(for:)`` and also says what was made of the server's answer.
    public func response(for request: URLRequest) async throws -> Response {
        let handle = try translatingFailures {
            try session.request(options: RequestOptions(request))
        }
        // UniFFI's futures know nothing of Swift's cancellation: the handle is told, and `send` then ends at once.
        return try await withTaskCancellationHandler {
            try await translatingFailures {
                try Response(try await handle.send())
            }
        } onCancel: {
            handle.cancel()
        }
    }

    /// Sends a GET request to a path under the base URL, or to an absolute URL of an allowed origin.
    public func get(_ path: String) async throws -> Response {
        guard let url = URL(string: path) else {
            throw AuthSessionError(.invalidRequest, "the path is not a URL")
        }
        return try await response(for: URLRequest(url: url))
    }
}

extension RequestOptions {
    /// What a new `URLRequest` has, which says nothing about the caller's wish.
    private static let untouchedTimeout: TimeInterval = 60

    fileprivate init(_ request: URLRequest) throws {
        guard let url = request.url else {
            throw AuthSessionError(.invalidRequest, "the request has no URL")
        }
        guard request.httpBodyStream == nil else {
            throw AuthSessionError(.invalidRequest, "a body stream cannot be sent again after a refresh; set httpBody")
        }
        let timeout = request.timeoutInterval == Self.untouchedTimeout ? nil : request.timeoutInterval
        self.init(
            method: request.httpMethod ?? "GET",
            url: url.absoluteString,
            headers: (request.allHTTPHeaderFields ?? [:]).map { Header(name: $0.key, value: $0.value) },
            content: request.httpBody.map { .bytes(bytes: $0) },
            timeoutMs: timeout.flatMap(milliseconds)
        )
    }
}
