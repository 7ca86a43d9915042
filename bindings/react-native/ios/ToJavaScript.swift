import AuthSessionKit
import Foundation

extension AuthSession {
    /// `NativeState` of NativeAuthSession.ts.
    var stateDictionary: [String: Any] { state.dictionary(lockCause: lockCause) }
}

extension SessionState {
    /// `NativeState` of NativeAuthSession.ts.
    func dictionary(lockCause: AuthSessionError.Code? = nil) -> [String: Any] {
        var reason: String?
        var user: SignedInUser?
        switch self {
        case .signedOut(let why): reason = why.rawValue
        case .signedIn(let who): user = who
        case .restoring, .locked: break
        }
        return withNulls([
            "status": name,
            "reason": reason,
            // As below, and a part of a name may be another's. The claims have it whole.
            "subject": user?.subject.flatMap { $0.contains("\0") ? nil : $0 },
            "claimsJson": user?.claims.map { String(decoding: $0, as: UTF8.self) },
            "expiresAtMs": user?.accessTokenExpiresAt.map { ($0.timeIntervalSince1970 * 1_000).rounded() },
            "code": self == .locked ? lockCause?.rawValue : nil,
        ])
    }
}

extension SessionEvent {
    /// `NativeEvent` of NativeAuthSession.ts.
    func dictionary(sessionId: String) -> [String: Any] {
        var reason: String?
        var code: String?
        var retryAfter: TimeInterval?
        var acrValues: String?
        var maxAge: TimeInterval?
        var scope: String?
        var lost: UInt64?
        switch self {
        case .signedOut(let why): reason = why.rawValue
        case .refreshFailed(let failure, let delay):
            code = failure.rawValue
            retryAfter = delay
        case .stepUpRequired(let classes, let age, let scopes):
            acrValues = classes
            maxAge = age
            scope = scopes
        case .missed(let count): lost = count
        case .restored, .signedIn, .refreshed, .signInRecommended, .persistenceDegraded, .persistenceRestored: break
        }
        return withNulls([
            "sessionId": sessionId,
            "type": name,
            "reason": reason,
            "code": code,
            "retryAfterMs": retryAfter.map(milliseconds),
            "acrValues": acrValues,
            "maxAgeMs": maxAge.map(milliseconds),
            "scope": scope,
            "count": lost,
        ])
    }
}

extension Response {
    /// `NativeResponse` of NativeAuthSession.ts.
    func dictionary(asBase64: Bool) -> [String: Any] {
        // React Native hands a string to JavaScript as a C string, which ends at the first NUL. There is none in
        // header fields and URLs, nor in JSON, which escapes it.
        let text = asBase64 || data.contains(0) ? nil : String(data: data, encoding: .utf8)
        let headers = headerFields.map { ["name": $0.name, "value": $0.value] }
        return withNulls([
            "status": status,
            "url": http.url?.absoluteString ?? "",
            "headers": headers,
            "text": text,
            "base64": text == nil ? data.base64EncodedString() : nil,
            "disposition": disposition.rawValue,
            "redirected": isRedirected,
        ])
    }
}

extension TransferProgress {
    /// `NativeProgress` of NativeAuthSession.ts.
    func dictionary(requestID: String, direction: String) -> [String: Any] {
        withNulls(["requestId": requestID, "direction": direction, "bytes": bytes, "total": totalBytes])
    }
}

extension Authorization {
    /// `NativeAuthorization` of NativeAuthSession.ts: the one way by which a token enters JavaScript.
    func dictionary(id: String) -> [String: Any] { ["id": id, "value": expose()] }
}

/// What a promise of JavaScript is rejected with. An error that is not known to be free of secrets is told by its kind
/// alone.
struct Failure {
    let code: String
    let message: String
    /// Carries what `fromNativeError` of errors.ts reads.
    let nsError: NSError

    init(_ error: any Error) {
        switch error {
        case let error as AuthSessionError:
            self.init(
                error.code, error.explanation, retryable: error.isRetryable, signInRequired: error.requiresSignIn,
                retryAfter: error.retryAfter, status: error.status, answer: error.answer)
        case let refusal as Refusal:
            self.init(refusal.code, refusal.message)
        case is CancellationError:
            self.init(.cancelled, "the request was cancelled")
        default:
            self.init(.internal, "a defect of AuthSession: \(type(of: error))")
        }
    }

    private init(
        _ code: AuthSessionError.Code, _ message: String, retryable: Bool = false, signInRequired: Bool = false,
        retryAfter: TimeInterval? = nil, status: Int? = nil, answer: Data? = nil
    ) {
        self.code = code.rawValue
        self.message = message
        nsError = NSError(
            domain: "AuthSession",
            code: 0,
            userInfo: withNulls([
                "retryable": retryable,
                "signInRequired": signInRequired,
                "retryAfterMs": retryAfter.map(milliseconds),
                "status": status,
                "answerJson": answer.map { String(decoding: $0, as: UTF8.self) },
            ]))
    }
}

private func milliseconds(_ interval: TimeInterval) -> Double {
    (interval * 1_000).rounded()
}

/// React Native hands `NSNull` to JavaScript as null, and leaves out what is not there.
private func withNulls(_ values: [String: Any?]) -> [String: Any] {
    values.mapValues { $0 ?? NSNull() }
}
