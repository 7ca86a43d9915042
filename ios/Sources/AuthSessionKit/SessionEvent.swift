import Foundation
internal import AuthSessionBindings

/// Something that happened to a session.
public enum SessionEvent: Sendable, Equatable {
    /// A store that could not be read before has been read.
    case restored

    /// A user signed in.
    case signedIn

    /// The tokens were renewed.
    case refreshed

    /// A refresh failed; the session is kept. The server may have said how long to wait.
    case refreshFailed(code: AuthSessionError.Code, retryAfter: TimeInterval?)

    /// The authorization server answers refreshes with nonsense; signing in again may help. The session is kept.
    case signInRecommended

    /// The store does not take the tokens at present. The session goes on in memory, and the store is tried again.
    case persistenceDegraded

    /// The store has taken what it had missed.
    case persistenceRestored

    /// The session ended.
    case signedOut(SignOutReason)

    /// A server wants a fresher sign-in or more rights (RFC 9470, RFC 6750), which no refresh brings. Every part is the
    /// server's word, and nil where it did not say.
    ///
    /// - Parameters:
    ///   - acrValues: How the user is to sign in: authentication context classes, by preference, separated by spaces.
    ///   - maxAge: How many seconds ago the user may have signed in at most.
    ///   - scope: The scopes that the request needs, separated by spaces.
    case stepUpRequired(acrValues: String?, maxAge: TimeInterval?, scope: String?)

    /// This listener was too slow, and this many events are lost to it. Read ``AuthSession/state``.
    case missed(count: UInt64)

    /// What happened, by the name that is the same on every platform, for logs and metrics.
    public var name: String {
        switch self {
        case .restored: "restored"
        case .signedIn: "signed_in"
        case .refreshed: "refreshed"
        case .refreshFailed: "refresh_failed"
        case .signInRecommended: "sign_in_recommended"
        case .persistenceDegraded: "persistence_degraded"
        case .persistenceRestored: "persistence_restored"
        case .signedOut: "signed_out"
        case .stepUpRequired: "step_up_required"
        case .missed: "missed"
        }
    }
}

extension SessionEvent {
    init(_ event: AuthSessionBindings.SessionEvent) {
        self =
            switch event {
            case .restored: .restored
            case .signedIn: .signedIn
            case .refreshed: .refreshed
            case .refreshFailed(let code, let retryAfterMs):
                .refreshFailed(code: .init(code), retryAfter: retryAfterMs.map(interval(milliseconds:)))
            case .signInRecommended: .signInRecommended
            case .persistenceDegraded: .persistenceDegraded
            case .persistenceRestored: .persistenceRestored
            case .signedOut(let reason): .signedOut(SignOutReason(reason))
            case .stepUpRequired(let acrValues, let maxAgeMs, let scope):
                .stepUpRequired(acrValues: acrValues, maxAge: maxAgeMs.map(interval(milliseconds:)), scope: scope)
            case .missed(let count): .missed(count: count)
            }
    }
}
