import Foundation
internal import AuthSessionBindings

/// What a session is at one moment.
public enum SessionState: Sendable, Equatable {
    /// The store is still being read.
    case restoring

    /// Nobody is signed in.
    case signedOut(SignOutReason)

    /// A user is signed in.
    case signedIn(SignedInUser)

    /// The store cannot be read until the device is unlocked. Nobody has been signed out.
    case locked

    /// Whether a user is signed in.
    public var isSignedIn: Bool {
        if case .signedIn = self { true } else { false }
    }

    /// The state, by the name that is the same on every platform, for logs and metrics.
    public var name: String {
        switch self {
        case .restoring: "restoring"
        case .signedOut: "signed_out"
        case .signedIn: "signed_in"
        case .locked: "locked"
        }
    }
}

/// What the session knows about the signed-in user: what the access token says, if it is a readable one.
///
/// The claims have not been verified on this device. They may decide what to show, never what is allowed.
public struct SignedInUser: Sendable, Equatable {
    /// The user's identifier, the claim `sub`.
    public let subject: String?

    /// When the access token expires. The session renews it: this is not the end of the session.
    public let accessTokenExpiresAt: Date?

    /// The access token's claims as JSON.
    public let claims: Data?
}

/// Why nobody is signed in.
public enum SignOutReason: String, Sendable, CaseIterable {
    /// Nobody has signed in yet.
    case neverSignedIn = "never_signed_in"

    /// The user signed out.
    case user

    /// The authorization server rejected the refresh token.
    case rejected

    /// The authorization server rejected the refresh token after an answer to an earlier refresh was lost.
    case rotationLost = "rotation_lost"

    /// Another process that shares the store signed out, or somebody else signed in there.
    case elsewhere

    /// The app's API said so, by a rule of the app.
    case endedByServer = "ended_by_server"

    /// The session was not used for as long as the app's policy allows.
    case idleTimeout = "idle_timeout"

    /// The session has lasted as long as the app's policy allows.
    case lifetimeExceeded = "lifetime_exceeded"

    /// The key that protected the stored secrets is gone for ever.
    case secretsLost = "secrets_lost"
}

extension SessionState {
    init(_ state: AuthSessionBindings.SessionState) {
        self =
            switch state {
            case .restoring: .restoring
            case .signedOut(let reason): .signedOut(SignOutReason(reason))
            case .signedIn(let subject, let claimsJson, let expiresAtMs):
                .signedIn(
                    SignedInUser(
                        subject: subject,
                        accessTokenExpiresAt: expiresAtMs.map { Date(timeIntervalSince1970: TimeInterval($0) / 1_000) },
                        claims: claimsJson.map { Data($0.utf8) }
                    )
                )
            case .locked: .locked
            }
    }
}

extension SignOutReason {
    init(_ reason: AuthSessionBindings.SignOutReason) {
        self =
            switch reason {
            case .neverSignedIn: .neverSignedIn
            case .user: .user
            case .rejected: .rejected
            case .rotationLost: .rotationLost
            case .elsewhere: .elsewhere
            case .endedByServer: .endedByServer
            case .idleTimeout: .idleTimeout
            case .lifetimeExceeded: .lifetimeExceeded
            case .secretsLost: .secretsLost
            }
    }
}
