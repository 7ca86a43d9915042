import Foundation

/// Why something did not happen, and what to do next. Contains no token and no credentials.
public struct AuthSessionError: Error, Sendable, Equatable {
    /// What went wrong. Its raw value is the same on every platform and does not change between versions.
    public let code: Code

    /// What went wrong, in words for a developer.
    public let explanation: String

    /// Whether the same call may succeed later.
    public let isRetryable: Bool

    /// Whether the user has to sign in again first.
    public let requiresSignIn: Bool

    /// How many seconds to wait before another try, if that is known.
    public let retryAfter: TimeInterval?

    /// The HTTP status of the server's answer, if there was one.
    public let status: Int?

    init(
        _ code: Code,
        _ explanation: String,
        isRetryable: Bool = false,
        requiresSignIn: Bool = false,
        retryAfter: TimeInterval? = nil,
        status: Int? = nil
    ) {
        self.code = code
        self.explanation = explanation
        self.isRetryable = isRetryable
        self.requiresSignIn = requiresSignIn
        self.retryAfter = retryAfter
        self.status = status
    }
}

extension AuthSessionError {
    /// What went wrong.
    public enum Code: String, Sendable, CaseIterable {
        /// The session was opened with a configuration that cannot work.
        case invalidConfiguration = "invalid_configuration"

        /// The request or the credentials cannot be sent as they are.
        case invalidRequest = "invalid_request"

        /// The request goes to an origin that must not receive the access token.
        case originNotAllowed = "origin_not_allowed"

        /// Nobody is signed in.
        case signedOut = "signed_out"

        /// The authorization server has ended the session.
        case sessionEnded = "session_ended"

        /// The user signed out or switched while the request was under way.
        case sessionChanged = "session_changed"

        /// The server did not accept the credentials.
        case signInRejected = "sign_in_rejected"

        /// The server cannot take a sign-in now; it said nothing about the credentials.
        case signInUnavailable = "sign_in_unavailable"

        /// The access token has expired and cannot be renewed right now. The session is kept.
        case refreshUnavailable = "refresh_unavailable"

        /// The authorization server does not accept this client: a matter for the app's developer.
        case authorityMisconfigured = "authority_misconfigured"

        /// The authorization server gave an answer that means nothing to the session. The session is kept.
        case authorityUnexpected = "authority_unexpected"

        /// The server could not be reached.
        case network

        /// There was no answer in time.
        case timeout

        /// The work was cancelled. Methods throw `CancellationError` instead.
        case cancelled

        /// The answer is larger than the session accepts.
        case bodyTooLarge = "body_too_large"

        /// The body is not what the caller wanted to decode.
        case undecodable

        /// The caller wanted a value, but the server's answer was not 2xx.
        case unsuccessful

        /// The store could not be read or written.
        case storeUnavailable = "store_unavailable"

        /// What the store holds cannot be understood. It has been kept as it is.
        case storeCorrupt = "store_corrupt"

        /// The app lacks what the store needs, such as an entitlement. The session is kept.
        case storeMisconfigured = "store_misconfigured"

        /// The user has dismissed the question that protects the stored session; the app asks again when it likes.
        case unlockCancelled = "unlock_cancelled"

        /// The user could not unlock the stored session. It is kept.
        case unlockFailed = "unlock_failed"

        /// The store cannot be read until the device is unlocked.
        case locked

        /// Of Android: the library has not been given the app's context.
        case notInitialized = "not_initialized"

        /// A file of a request could not be read, or one for its answer could not be written.
        case file

        /// The user signed in longer ago than the app asks for, or nobody knows when.
        case recentSignInRequired = "recent_sign_in_required"

        /// The account is open in this process with another configuration; see ``AuthSession/open(_:)``.
        case alreadyOpen = "already_open"

        /// The session only reads what the app's own session saves: that one must sign in, sign out or refresh.
        case readOnly = "read_only"

        /// A defect of this library.
        case `internal`

        /// A code that this version of the Swift layer does not know.
        case unknown

        init(_ code: String) {
            self = Self(rawValue: code) ?? .unknown
        }
    }
}

extension AuthSessionError: LocalizedError, CustomStringConvertible {
    /// The explanation.
    public var errorDescription: String? { explanation }

    /// The code and the explanation.
    public var description: String { "\(code.rawValue): \(explanation)" }
}
