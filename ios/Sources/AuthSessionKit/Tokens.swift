import Foundation

/// Tokens that an app received itself, to be handed to ``AuthSession/adopt(_:)`` or ``AuthSession/importTokens(_:)``.
///
/// A copy lives as long as the app keeps it: hand it over and let it go. No description shows what is in it.
public struct Tokens: Sendable {
    let accessToken: String?
    let refreshToken: String?
    let expiresInSeconds: UInt64?

    /// Tokens as an authorization server gave them.
    ///
    /// - Parameters:
    ///   - accessToken: What requests carry. With `nil`, the first request gets one with the refresh token.
    ///   - refreshToken: What renews the access token. Without one, the session ends when the access token is refused.
    ///   - expiresIn: Seconds from now until the access token expires, `expires_in` in the server's answer. One that
    ///     makes no sense counts as unknown.
    public init(accessToken: String?, refreshToken: String? = nil, expiresIn: TimeInterval? = nil) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        expiresInSeconds = expiresIn.flatMap { UInt64(exactly: $0.rounded(.down)) }
    }
}

extension Tokens: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Contains no token.
    public var description: String { "Tokens(redacted)" }

    /// Contains no token.
    public var debugDescription: String { description }

    /// A mirror without children, so that `dump` and reflection find no token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
