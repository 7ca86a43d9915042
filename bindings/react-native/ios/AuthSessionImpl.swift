import AuthSessionKit
import Foundation

/// Resolves a promise of JavaScript: React Native's `RCTPromiseResolveBlock`.
public typealias Resolve = @Sendable (_ value: Any?) -> Void

/// Rejects a promise of JavaScript: React Native's `RCTPromiseRejectBlock`. JavaScript sees the error's `userInfo`.
public typealias Reject = @Sendable (_ code: String, _ message: String?, _ error: (any Error)?) -> Void

/// What JavaScript sees of the process's sessions. A reload of JavaScript ends this object and its requests; the
/// sessions stay, and the next module finds them.
///
/// It knows nothing of React Native, so that it compiles wherever `AuthSessionKit` does. `RNAuthSession.mm` forwards to
/// it what the codegen's protocol asks for, by the same selectors.
#if canImport(ObjectiveC)
@objcMembers
#endif
public final class AuthSessionImpl: NSObject, @unchecked Sendable {
    private let events: Emitter
    private let progress: Emitter
    /// Guards what follows.
    private let lock = NSLock()
    private var requests: [String: Task<Void, Never>] = [:]
    private var handedOut: [String: HandedOut] = [:]
    private var eventStreams: [String: Task<Void, Never>] = [:]
    private var isInvalidated = false

    /// Makes a module that hands the events of every session it opens to `eventHandler`, and the progress of requests to
    /// `progressHandler`.
    public init(
        eventHandler: @escaping @Sendable ([String: Any]) -> Void,
        progressHandler: @escaping @Sendable ([String: Any]) -> Void
    ) {
        events = Emitter(eventHandler)
        progress = Emitter(progressHandler)
    }

    /// Opens a session, or finds it open, and resolves with its id.
    public func open(_ options: [String: Any], resolve: @escaping Resolve, reject: @escaping Reject) {
        let settings = Result { try SessionSettings(options) }
        settle(resolve, reject) { [self] in
            let id = try await OpenSessions.shared.open(try settings.get())
            forwardEvents(of: id, try OpenSessions.shared.session(id).session)
            return id
        }
    }

    /// Signs in with credentials in JSON and resolves with the server's answer in JSON.
    public func signIn(
        _ sessionId: String, credentialsJson: String, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            let credentials = try JSONObject(credentials: credentialsJson)
            let answer = try await OpenSessions.shared.session(sessionId).session.signIn(credentials)
            return String(decoding: answer.data, as: UTF8.self)
        }
    }

    /// Takes the next step of a sign-in and resolves with the server's answer in JSON.
    public func continueSignIn(
        _ sessionId: String, url: String, bodyJson: String, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            let body = try JSONObject(credentials: bodyJson)
            let address = try Self.url(url)
            let answer = try await OpenSessions.shared.session(sessionId).session.continueSignIn(at: address, body)
            return String(decoding: answer.data, as: UTF8.self)
        }
    }

    /// Starts a session with tokens that the app got elsewhere.
    public func adopt(
        _ sessionId: String, accessToken: String?, refreshToken: String?, expiresInSeconds: NSNumber?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        let tokens = Result { try Self.tokens(accessToken, refreshToken, expiresInSeconds) }
        settle(resolve, reject) {
            try await OpenSessions.shared.session(sessionId).session.adopt(try tokens.get())
            return nil
        }
    }

    /// Takes over the tokens of an earlier version of the app and resolves with whether they took effect.
    public func importTokens(
        _ sessionId: String, accessToken: String?, refreshToken: String?, expiresInSeconds: NSNumber?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        let tokens = Result { try Self.tokens(accessToken, refreshToken, expiresInSeconds) }
        settle(resolve, reject) {
            try await OpenSessions.shared.session(sessionId).session.importTokens(try tokens.get())
        }
    }

    /// Signs out.
    public func signOut(_ sessionId: String, resolve: @escaping Resolve, reject: @escaping Reject) {
        settle(resolve, reject) {
            try await OpenSessions.shared.session(sessionId).session.signOut()
            return nil
        }
    }

    /// What is known of the session now.
    public func getState(_ sessionId: String) -> [String: Any] {
        // JavaScript has its ids from `open`, and no session is ever closed.
        OpenSessions.shared.find(sessionId)?.session.stateDictionary ?? SessionState.restoring.dictionary()
    }

    /// Rejects unless the user signed in no longer ago.
    public func requireRecentSignIn(
        _ sessionId: String, maxAgeMs: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try OpenSessions.shared.session(sessionId).session.requireRecentSignIn(within: maxAgeMs / 1_000)
            return nil
        }
    }

    /// Resolves with the id of a client of another host.
    public func client(
        _ sessionId: String, options: [String: Any], resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        let id = Result { try handedOut(sessionId).client(options) }
        settle(resolve, reject) { try id.get() }
    }

    /// Resolves with what authorises a request that the app sends by other means.
    public func authorization(
        _ sessionId: String, url: String, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try await self.handedOut(sessionId).authorization(for: try Self.url(url))
        }
    }

    /// Resolves with what to send such a request with once more.
    public func refused(
        _ sessionId: String, refusal: [String: Any], resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        let parts = Result {
            let fields = Fields(refusal, code: .invalidRequest)
            guard let status = try fields.integer("status") else { throw fields.refusal("status", "a number") }
            return (
                id: try fields.requiredString("authorizationId"), status: status,
                headers: Dictionary(try fields.headers().map { ($0.name, $0.value) }) { $0 + ", " + $1 },
                body: Data(try fields.string("body")?.utf8 ?? "".utf8)
            )
        }
        settle(resolve, reject) {
            let (id, status, headers, body) = try parts.get()
            return try await self.handedOut(sessionId).refused(id, status: status, headers: headers, body: body)
        }
    }

    /// Resolves with the last decisions in JSON.
    public func trace(_ sessionId: String, resolve: @escaping Resolve, reject: @escaping Reject) {
        settle(resolve, reject) {
            String(decoding: try OpenSessions.shared.session(sessionId).session.trace(), as: UTF8.self)
        }
    }

    /// Tells the session that the app is in the foreground again.
    public func resume(_ sessionId: String) {
        OpenSessions.shared.find(sessionId)?.session.resume()
    }

    /// Tells the session that the device's network has changed.
    public func networkChanged(_ sessionId: String) {
        OpenSessions.shared.find(sessionId)?.session.networkChanged()
    }

    /// Sends a request and resolves with its answer.
    public func request(
        _ sessionId: String, requestId: String, request: [String: Any],
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        let progress = ProgressReports(requestID: requestId, report: progress.emit)
        let values = Values(request)
        // Under the lock, so that a request which ends at once is not entered after it was removed.
        lock.withLock {
            guard !isInvalidated else { return }
            requests[requestId] = settle(resolve, reject) { [self] in
                defer { lock.withLock { _ = requests.removeValue(forKey: requestId) } }
                // Here and not above, where the methods of all modules wait for their turn: it decodes whole bodies.
                let request = try RequestDescription(
                    Fields(values.values, code: .invalidRequest), progress: progress)
                let sender = try handedOut(sessionId).sender(request.clientID)
                let response = try await request.send(by: sender)
                progress.flush()
                return response.dictionary(asBase64: request.answersAsBase64)
            }
        }
    }

    /// Ends a request, whose promise is then rejected.
    public func cancel(_ requestId: String) {
        lock.withLock { requests[requestId] }?.cancel()
    }

    /// Ends this module's requests and events: no handler is called any more when it returns. Its promises have nobody
    /// left to be settled for.
    public func invalidate() {
        // Cancelling does not wait for anybody.
        events.close()
        progress.close()
        let tasks = lock.withLock {
            isInvalidated = true
            return Array(requests.values) + Array(eventStreams.values)
        }
        for task in tasks {
            task.cancel()
        }
    }

    private static func tokens(
        _ accessToken: String?, _ refreshToken: String?, _ expiresInSeconds: NSNumber?
    ) throws -> Tokens {
        let expiresIn = expiresInSeconds?.doubleValue
        if let expiresIn, expiresIn.isNaN {
            throw Refusal(code: .invalidRequest, message: "expiresInSeconds must be a number")
        }
        return Tokens(accessToken: accessToken, refreshToken: refreshToken, expiresIn: expiresIn)
    }

    private static func url(_ text: String) throws -> URL {
        guard let url = URL(string: text) else {
            throw Refusal(code: .invalidRequest, message: "url must be a URL")
        }
        return url
    }

    private func handedOut(_ sessionId: String) throws -> HandedOut {
        let open = try OpenSessions.shared.session(sessionId)
        return lock.withLock {
            if let known = handedOut[sessionId] { return known }
            let new = HandedOut(of: open)
            handedOut[sessionId] = new
            return new
        }
    }

    private func forwardEvents(of sessionId: String, _ session: AuthSession) {
        lock.withLock {
            guard !isInvalidated, eventStreams[sessionId] == nil else { return }
            // Begun here, so that it listens before JavaScript hears that the session is open.
            let stream = session.events
            eventStreams[sessionId] = Task { [self] in
                for await event in stream {
                    // Unless somebody has signed in since, and been given others.
                    if case .signedOut = event, case .signedOut = session.state {
                        try? handedOut(sessionId).forgetAuthorizations()
                    }
                    events.emit(event.dictionary(sessionId: sessionId))
                }
            }
        }
    }

    @discardableResult
    private func settle(
        _ resolve: @escaping Resolve, _ reject: @escaping Reject,
        _ work: @escaping @Sendable () async throws -> Any?
    ) -> Task<Void, Never> {
        Task { [self] in
            do {
                let value = try await work()
                resolve(value)
            } catch {
                guard !lock.withLock({ isInvalidated }) else { return }
                let failure = Failure(error)
                reject(failure.code, failure.message, failure.nsError)
            }
        }
    }
}

/// Calls a handler of JavaScript, until it is closed.
private final class Emitter: @unchecked Sendable {
    /// Held while the handler runs, so that `close` waits for it. Guards what follows.
    private let lock = NSLock()
    private var handler: (@Sendable ([String: Any]) -> Void)?

    init(_ handler: @escaping @Sendable ([String: Any]) -> Void) {
        self.handler = handler
    }

    func emit(_ value: [String: Any]) {
        lock.withLock { handler?(value) }
    }

    func close() {
        lock.withLock { handler = nil }
    }
}

/// What JavaScript passed, on its way to another thread. Nobody changes it.
private struct Values: @unchecked Sendable {
    let values: [String: Any]

    init(_ values: [String: Any]) {
        self.values = values
    }
}
