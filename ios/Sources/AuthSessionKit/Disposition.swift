internal import AuthSessionBindings

/// What the session made of a server's answer.
public enum Disposition: String, Sendable, CaseIterable {
    /// The server's answer as it is.
    case answered

    /// 403: the user is signed in, but may not do this.
    case permissionDenied = "permission_denied"

    /// 401 that a refresh does not cure, or a second 401 after one.
    case refused

    /// 401, and the authorization server rejected the refresh token: the user has to sign in again.
    case sessionEnded = "session_ended"

    /// 401, and the user signed out or switched meanwhile.
    case sessionChanged = "session_changed"

    /// 401, and the token could not be refreshed right now. The session is kept: try again later.
    case refreshFailed = "refresh_failed"

    /// 401 or 403: the user has to sign in again or agree to more, whatever the token. To what,
    /// ``SessionEvent/stepUpRequired(acrValues:maxAge:scope:)`` tells.
    case stepUpRequired = "step_up_required"

    /// 401 or a redirect, and the body was a stream, which cannot be sent twice. The same request with a new stream may
    /// succeed.
    case notReplayable = "not_replayable"

    /// A redirect to where this request must not go, or one too many.
    case redirectRefused = "redirect_refused"
}

extension Disposition {
    init(_ disposition: AuthSessionBindings.Disposition) {
        self =
            switch disposition {
            case .answered: .answered
            case .permissionDenied: .permissionDenied
            case .refused: .refused
            case .sessionEnded: .sessionEnded
            case .sessionChanged: .sessionChanged
            case .refreshFailed: .refreshFailed
            case .stepUpRequired: .stepUpRequired
            case .notReplayable: .notReplayable
            case .redirectRefused: .redirectRefused
            }
    }
}
