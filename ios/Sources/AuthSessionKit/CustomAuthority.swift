import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// An authorization server that only the app knows how to speak to, for
/// ``AuthSession/TokenEndpoints/custom(_:)``.
///
/// The session still decides when to call it, once for any number of requests, and what its answer means; the app sends
/// the call. Each call runs in a task of its own, which nobody cancels. A function that throws has given no answer: a
/// refresh counts as one whose answer was lost, and is sent again with the same token.
public protocol CustomAuthority: Sendable {
    /// Signs in with the credentials that the app passed to ``AuthSession/signIn(_:)``, as JSON.
    func signIn(_ credentials: Data) async throws -> SignInOutcome

    /// Takes the next step of a sign-in: what the app passed to ``AuthSession/continueSignIn(at:_:)``, the body as
    /// JSON.
    func continueSignIn(at step: String, _ body: Data) async throws -> SignInOutcome

    /// Gets new tokens.
    ///
    /// - Parameters:
    ///   - refreshToken: The token to send.
    ///   - attempt: The same for every attempt with this token: an idempotency key.
    /// - Returns: What the server said. An answer that comes later than 10 seconds after the call is lost.
    func refresh(_ refreshToken: Secret, attempt: String) async throws -> RefreshOutcome

    /// Tells the server that the tokens are not needed any more.
    ///
    /// - Returns: Whether the server agreed.
    func revoke(_ refreshToken: Secret, accessToken: Secret?) async throws -> Bool
}

extension CustomAuthority {
    /// For a server that signs in with one step: says that there is no other.
    public func continueSignIn(at step: String, _ body: Data) async throws -> SignInOutcome {
        throw AuthSessionError(.invalidRequest, "this authority has no further steps")
    }

    /// For a server that knows no revocation: a sign-out stays on the device.
    public func revoke(_ refreshToken: Secret, accessToken: Secret?) async throws -> Bool {
        false
    }
}

/// What a ``CustomAuthority`` heard from its server about a sign-in.
public enum SignInOutcome: Sendable {
    /// The user is signed in with these tokens, of which an access token must be one. `answer` is JSON for the app.
    case signedIn(Tokens, answer: Data? = nil)

    /// The server wants another step, which its answer, JSON, describes.
    case nextStep(answer: Data?)

    /// The server said no.
    case rejected(status: Int)

    /// The server cannot take a sign-in now.
    case unavailable(status: Int, retryAfter: TimeInterval? = nil)

    /// There is no connection to the server. A `URLError` that is thrown means the same.
    case unreachable
}

/// What a ``CustomAuthority`` heard from its server about a refresh. Only ``rejected(certain:)`` can end a session.
public enum RefreshOutcome: Sendable {
    /// New tokens. Without a refresh token the old one stays in use; without an access token the new refresh token is
    /// saved, and used for the next attempt.
    case rotated(Tokens)

    /// The request may have taken effect, but no usable answer came: as if the function had thrown.
    case ambiguous

    /// The refresh token is no good. `certain`: the authorization server itself said so, and not something in between,
    /// such as a proxy.
    case rejected(certain: Bool)

    /// The server does not accept this client's set-up: a matter for the app's developer. The session is kept.
    case misconfigured(explanation: String)

    /// The server cannot answer now. The session is kept.
    case unavailable(retryAfter: TimeInterval? = nil)

    /// Nothing was sent.
    case unreachable

    /// An answer that means nothing. The session is kept.
    case unexpected(status: Int)
}

/// The app's authority as the native library calls it: the call returns at once, and the answer goes to the reply. A
/// reply that is let go of without one tells the library that there will be none.
final class AuthorityAdapter: AuthorityCallbacks {
    private let authority: any CustomAuthority

    init(_ authority: any CustomAuthority) {
        self.authority = authority
    }

    func signIn(credentialsJson: String, reply: SignInReply) {
        Task { [authority] in
            await reply.give { try await authority.signIn(Data(credentialsJson.utf8)) }
        }
    }

    func continueSignIn(step: String, bodyJson: String, reply: SignInReply) {
        Task { [authority] in
            await reply.give { try await authority.continueSignIn(at: step, Data(bodyJson.utf8)) }
        }
    }

    func refresh(refreshToken: SecretText, attemptId: String, reply: RefreshReply) {
        Task { [authority] in
            if let outcome = try? await authority.refresh(Secret(refreshToken), attempt: attemptId) {
                reply.give(outcome)
            }
        }
    }

    func revoke(refreshToken: SecretText, accessToken: SecretText?, reply: RevocationReply) {
        Task { [authority] in
            if let confirmed = try? await authority.revoke(
                Secret(refreshToken), accessToken: accessToken.map(Secret.init))
            {
                reply.done(confirmed: confirmed)
            }
        }
    }
}

extension SignInReply {
    fileprivate func give(_ work: () async throws -> SignInOutcome) async {
        do {
            give(try await work())
        } catch is URLError {
            unreachable()
        } catch {
            // Nothing is said: the library reports an authority that gave no answer.
        }
    }

    private func give(_ outcome: SignInOutcome) {
        switch outcome {
        case .signedIn(let tokens, let answer):
            guard let accessToken = tokens.accessToken else { return }
            signedIn(
                accessToken: accessToken, refreshToken: tokens.refreshToken, expiresInSeconds: tokens.expiresInSeconds,
                answerJson: answer.map(text))
        case .nextStep(let answer): nextStep(answerJson: answer.map(text))
        case .rejected(let status): rejected(status: httpStatus(status))
        case .unavailable(let status, let retryAfter):
            unavailable(status: httpStatus(status), retryAfterMs: pause(retryAfter))
        case .unreachable: unreachable()
        }
    }
}

extension RefreshReply {
    fileprivate func give(_ outcome: RefreshOutcome) {
        switch outcome {
        case .rotated(let tokens):
            switch (tokens.accessToken, tokens.refreshToken) {
            case (let accessToken?, let refreshToken):
                rotated(
                    accessToken: accessToken, refreshToken: refreshToken, expiresInSeconds: tokens.expiresInSeconds)
            case (nil, let refreshToken?): salvaged(refreshToken: refreshToken)
            case (nil, nil): ambiguous()
            }
        case .ambiguous: ambiguous()
        case .rejected(let certain): rejected(certain: certain)
        case .misconfigured(let explanation): misconfigured(explanation: explanation)
        case .unavailable(let retryAfter): unavailable(retryAfterMs: pause(retryAfter))
        case .unreachable: unreachable()
        case .unexpected(let status): unexpected(status: httpStatus(status))
        }
    }
}

private func text(_ json: Data) -> String {
    String(decoding: json, as: UTF8.self)
}

/// A status that is none is the server's fault.
private func httpStatus(_ status: Int) -> UInt16 {
    UInt16(exactly: status) ?? 500
}

/// A pause that makes no sense counts as unknown.
private func pause(_ retryAfter: TimeInterval?) -> UInt64? {
    try? milliseconds(retryAfter, of: "retryAfter")
}
