import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What sends requests with a session's access token: the session itself, or an ``APIClient`` for another host.
///
/// Its functions mirror those of `URLSession`. They take a `URLRequest`, whose URL is absolute, or relative to the base
/// URL: `URLRequest(url: URL(string: "/me")!)`. Method, headers, body and timeout are taken from it; its cache policy,
/// cookie and service settings do not apply. A timeout left at `URLRequest`'s default of 60 seconds means that of the
/// ``AuthSession/Configuration``; it covers the wait for a refresh.
///
/// Every answer of the server is returned, whatever its status: an error means that there was none. Every function
/// throws ``AuthSessionError``, or `CancellationError` at once when the calling task is cancelled, which ends the
/// request and disturbs neither a refresh nor any other request.
public protocol RequestSender: Sendable {
    /// Says who sends a request. The functions of this protocol call it; apps do not.
    func prepare(_ request: OutgoingRequest) throws -> PreparedRequest
}

/// A request as the functions of ``RequestSender`` hand it over.
public final class OutgoingRequest: Sendable {
    let options: AuthSessionBindings.RequestOptions

    init(_ options: AuthSessionBindings.RequestOptions) {
        self.options = options
    }
}

/// A request, and who sends it.
public final class PreparedRequest: Sendable {
    private let begin: @Sendable (UInt64) throws -> Void

    init(_ begin: @escaping @Sendable (UInt64) throws -> Void) {
        self.begin = begin
    }

    func send() async throws -> Response {
        try Response(try await answer())
    }

    func answer() async throws -> HttpResponse {
        try await translatingFailures { try await Answers.shared.get().answer(begin) }
    }
}

extension AuthSession: RequestSender {
    /// Says who sends a request. The functions of ``RequestSender`` call it; apps do not.
    public func prepare(_ request: OutgoingRequest) throws -> PreparedRequest {
        PreparedRequest { [session] in try session.send(options: request.options, request: $0) }
    }

    /// A client for another API host, which sends the session's access token there.
    ///
    /// - Parameters:
    ///   - baseURL: Where the host's API is. Paths are relative to it. Its origin is that of the session, or one of
    ///     ``AuthSession/Configuration/allowedOrigins``.
    ///   - headers: Sent with every request of the client.
    ///   - timeout: How many seconds its requests may take. None: as long as the session's.
    /// - Throws: ``AuthSessionError`` with the code `origin_not_allowed` for a base URL of another origin, or
    ///   `invalid_configuration`, naming the setting, for one that cannot work, such as a base URL that is neither HTTPS
    ///   nor allowed for development.
    public func client(
        for baseURL: URL, headers: [String: String] = [:], timeout: TimeInterval? = nil
    ) throws -> APIClient {
        try translatingFailures {
            APIClient(
                of: self,
                try session.client(
                    options: ClientOptions(
                        baseUrl: baseURL.absoluteString,
                        headers: headerFields(headers),
                        timeoutMs: try milliseconds(timeout, of: "timeout")
                    )))
        }
    }
}

/// Another API host of a session; see ``AuthSession/client(for:headers:timeout:)``.
public final class APIClient: RequestSender {
    private let client: AuthSessionBindings.ApiClient
    /// Kept, because it is the session that hears of the app's lifecycle.
    private let session: AuthSession

    init(of session: AuthSession, _ client: AuthSessionBindings.ApiClient) {
        self.session = session
        self.client = client
    }

    /// Says who sends a request. The functions of ``RequestSender`` call it; apps do not.
    public func prepare(_ request: OutgoingRequest) throws -> PreparedRequest {
        PreparedRequest { [client] in try client.send(options: request.options, request: $0) }
    }
}
