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
            }
    }
}
