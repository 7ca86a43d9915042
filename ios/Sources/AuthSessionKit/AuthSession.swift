import Foundation
internal import AuthSessionBindings

/// A user's session with an authorization server: signs in, keeps the tokens valid, and sends requests with them.
///
/// ```swift
/// let session = try await AuthSession.open(.init(baseURL: URL(string: "https://api.example.com")!, account: "main"))
/// try await session.signIn(["email": email, "password": password])
/// let me = try await session.get("/me").decode(Me.self)
/// ```
///
/// An expired access token is refreshed once, however many requests need it, and the requests wait for it. A session
/// is ended only by ``signOut()`` or by the authorization server's rejection, never by a race, a timeout or a bad
/// network.
///
/// No method hands out a token, and no description, error or event contains one.
public final class AuthSession: Sendable {
    let session: AuthSessionBindings.Session

    private init(_ session: AuthSessionBindings.Session) {
        self.session = session
    }

    /// Opens the session of one account and restores what its store holds. A store that cannot be read now is no
    /// error: the session is ``SessionState/locked`` then.
    ///
    /// An account of a store that is open already in this process is the same session, whichever part of the app has
    /// opened it. A ``Store/memory`` is a new store each time, so each opening is a session of its own.
    ///
    /// - Throws: ``AuthSessionError`` with the code `invalid_configuration` for a configuration that cannot work, or
    ///   `already_open` if the account is open with another one.
    public static func open(_ configuration: Configuration) async throws -> AuthSession {
        try requireMatchingLibrary()
        if configuration.followsAppLifecycle {
            await SystemLifecycle.prepare()
        }
        let session = try await translatingFailures {
            AuthSession(try await openSession(options: try configuration.bindings()))
        }
        if configuration.followsAppLifecycle {
            SystemLifecycle.follow(session)
        }
        return session
    }

    /// Signs in with the credentials that the server's login endpoint expects, encoded as a JSON object.
    ///
    /// An answer that has no tokens wants another step, such as a second factor, and has changed nothing: whether
    /// somebody is signed in is told by ``state``.
    ///
    /// Cancelling the calling task does not stop a sign-in: the server may have begun the session already.
    ///
    /// - Returns: What the server answered beside the tokens, often the user.
    /// - Throws: ``AuthSessionError``, with the code `sign_in_rejected` and the HTTP status if the server said no.
    @discardableResult
    public func signIn(_ credentials: some Encodable) async throws -> SignInAnswer {
        let json = try encodeJSON(credentials, "credentials")
        return try await translatingFailures {
            SignInAnswer(try await session.signIn(credentialsJson: json))
        }
    }

    /// Takes the next step of a sign-in, such as a second factor: sends `body`, encoded as JSON, to the URL that the
    /// app knows or the server named.
    ///
    /// - Parameters:
    ///   - url: A path under the base URL, or an absolute URL of an allowed origin.
    ///   - body: What the server wants to know, encoded as JSON.
    /// - Returns: What the server answered: tokens are in use if ``SignInAnswer/isSignedIn`` says so.
    /// - Throws: ``AuthSessionError``, as ``signIn(_:)``.
    @discardableResult
    public func continueSignIn(at url: URL, _ body: some Encodable) async throws -> SignInAnswer {
        let json = try encodeJSON(body, "answer to the step")
        return try await translatingFailures {
            SignInAnswer(try await session.continueSignIn(url: try webAddress(url), bodyJson: json))
        }
    }

    /// Begins a session with tokens that the app received itself, for example from a browser sign-in.
    public func adopt(_ tokens: Tokens) async throws {
        try await translatingFailures {
            try await session.adopt(
                accessToken: tokens.accessToken,
                refreshToken: tokens.refreshToken,
                expiresInSeconds: tokens.expiresInSeconds
            )
        }
    }

    /// Takes over the tokens that an earlier version of the app has kept, so that an update signs nobody out.
    ///
    /// They take effect only if nobody has ever signed in on this store: a session, or the trace of one that has ended,
    /// wins, so that this may be called at every launch. See `docs/moving-in.md`.
    ///
    /// - Returns: Whether they took effect; they are saved then. With `false`, too, they are of no use any more.
    /// - Throws: ``AuthSessionError``, with the code `locked`, `store_unavailable`, `store_corrupt` or `timeout` if the
    ///   store could not be read or written: keep the tokens and call it again later. `invalid_request` if a token
    ///   could not be sent.
    @discardableResult
    public func importTokens(_ tokens: Tokens) async throws -> Bool {
        try await translatingFailures {
            try await session.importTokens(
                accessToken: tokens.accessToken,
                refreshToken: tokens.refreshToken,
                expiresInSeconds: tokens.expiresInSeconds
            )
        }
    }

    /// Ends the session on this device at once, without waiting for the network, and tells the server if it can be
    /// reached.
    public func signOut() async throws {
        try await translatingFailures {
            try await session.signOut()
        }
    }

    /// What the session is right now. Never blocks.
    public var state: SessionState {
        SessionState(session.state())
    }

    /// Why the ``state`` is ``SessionState/locked``; nil if it is not.
    public var lockCause: AuthSessionError.Code? {
        session.lockCause().map(AuthSessionError.Code.init)
    }

    /// Checks that the user signed in no longer ago than this, for what needs a fresher proof than a session.
    ///
    /// - Parameter maximumAge: Seconds.
    /// - Throws: ``AuthSessionError`` with the code `recent_sign_in_required`, also if nobody knows when the user
    ///   signed in, or `signed_out`.
    public func requireRecentSignIn(within maximumAge: TimeInterval) throws {
        try translatingFailures {
            let milliseconds = try milliseconds(maximumAge, of: "maximumAge", code: .invalidRequest) ?? 0
            try session.requireRecentSignIn(maxAgeMs: milliseconds)
        }
    }

    /// The session's last decisions about the tokens, oldest first, as a JSON array: for support and bug reports. It
    /// holds no secret.
    public func trace() throws -> Data {
        Data(try translatingFailures { try session.traceJson() }.utf8)
    }

    /// Says that the app is in the foreground again, and ends a ``suspend()``: a locked store is read again, and what should have happened
    /// meanwhile happens now. On iOS and macOS the library does it by itself; see
    /// ``Configuration/followsAppLifecycle``.
    public func resume() {
        session.resume()
    }

    /// Says that the process is about to be suspended, to this session only: see ``suspendAll()``.
    public func suspend() {
        session.suspend()
    }

    /// Says that the process is about to be suspended, to every session in it, also to those that the app has let go of
    /// and that finish a refresh or a write. On iOS the library does it by itself, when the time of its background
    /// activity is over; an activity of the app's own does it then, before it ends.
    ///
    /// Blocks until what is queued or under way is written, and no session holds a lock on its store: milliseconds, and
    /// never more than a second. A write that takes longer, such as one of a store that hangs, may still hold its lock.
    ///
    /// From here on no refresh begins: what needs one gets an ``AuthSessionError`` with the code `store_unavailable`, or
    /// the server's refusal with the disposition ``Disposition/refreshFailed``. It ends with ``resume()``, and with the
    /// next request that the app begins, since only a process that runs does that. A refresh that is on its way goes on
    /// as far as it comes, and what it brings is saved.
    public static func suspendAll() {
        // Without a library that matches no session is open.
        guard libraryMatchesBindings else { return }
        suspendSessions()
    }

    /// Tells the session that the network came back or changed, so that a refresh that failed is tried again at once
    /// when it is needed. On iOS and macOS the library does it by itself; see ``Configuration/followsAppLifecycle``.
    public func networkChanged() {
        session.networkChanged()
    }

    /// The version of the native library; empty if it is not the one that belongs to this package, which
    /// ``open(_:)`` explains.
    public static var libraryVersion: String {
        libraryMatchesBindings ? AuthSessionBindings.libraryVersion() : ""
    }

    /// Must come before anything else that reaches the native library: UniFFI ends the process otherwise.
    static func requireMatchingLibrary() throws {
        guard libraryMatchesBindings else {
            throw AuthSessionError(
                .invalidConfiguration,
                "the native library is of another version than AuthSessionKit: take both from the same release, or "
                    + "build the library again (scripts/build-ios.sh, on Linux scripts/build-host.sh)")
        }
    }

    private func encodeJSON(_ value: some Encodable, _ name: String) throws -> String {
        do {
            return String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        } catch {
            // The encoder's own error quotes the value, and the value may be a password.
            throw AuthSessionError(.invalidRequest, "the \(name) cannot be encoded as JSON")
        }
    }
}
