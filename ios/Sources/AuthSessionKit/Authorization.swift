import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The value of an `Authorization` header, for a request that the app sends by other means. No description shows it.
public final class Authorization: Sendable {
    let value: AuthorizationValue

    init(_ value: AuthorizationValue) {
        self.value = value
    }

    /// The value for the header. Whoever calls this keeps it out of logs, and sends it to the origin that it was asked
    /// for and to no other, not after a redirect either.
    public func expose() -> String {
        value.expose()
    }

    /// Sets the header of a request.
    public func apply(to request: inout URLRequest) {
        request.setValue(expose(), forHTTPHeaderField: "Authorization")
    }
}

extension Authorization: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Contains no token.
    public var description: String { "Authorization(redacted)" }

    /// Contains no token.
    public var debugDescription: String { description }

    /// A mirror without children, so that `dump` and reflection find no token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension AuthSession {
    /// The value of the `Authorization` header for a request that the app sends by other means, such as `URLSession`,
    /// Alamofire, a web socket or a media player. Waits for a refresh if one is needed.
    ///
    /// - Parameter url: Where the request goes: an allowed origin.
    /// - Throws: ``AuthSessionError``, such as `origin_not_allowed`, `signed_out` or `refresh_unavailable`;
    ///   `CancellationError` at once when the calling task is cancelled, which disturbs no refresh.
    public func authorization(for url: URL) async throws -> Authorization {
        let address = try webAddress(url, orOf: ["wss", "ws"])
        return try await leavingWhenCancelled { [session] in
            Authorization(try await session.authorization(url: address))
        }
    }

    /// Reports the answer to a request that carried this value.
    ///
    /// The answer of another origin than the one that the value is for is final: a redirect has led there, and what that
    /// server refuses is not this token.
    ///
    /// - Returns: What to send the request with once more; nil if the answer is final. Call it for 401 and 403; other
    ///   answers are final.
    /// - Throws: ``AuthSessionError`` if a fresh token was needed and could not be had; `CancellationError` at once when
    ///   the calling task is cancelled, which disturbs no refresh.
    public func refused(
        _ authorization: Authorization, response: HTTPURLResponse, data: Data = Data()
    ) async throws -> Authorization? {
        let headers = response.allHeaderFields.compactMap { field in
            (field.key as? String).map { Header(name: $0, value: "\(field.value)") }
        }
        guard let status = UInt16(exactly: response.statusCode) else {
            throw AuthSessionError(.invalidRequest, "the status is none of HTTP")
        }
        guard let url = response.url, authorization.value.isFor(url: url.absoluteString) else {
            return nil
        }
        return try await leavingWhenCancelled { [session] in
            try await session.refused(
                authorization: authorization.value, status: status, headers: headers, body: data
            ).map(Authorization.init)
        }
    }
}
