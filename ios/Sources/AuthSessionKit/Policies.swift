import Foundation
internal import AuthSessionBindings

extension AuthSession {
    /// What answers 401 and 403 of the app's API mean.
    public struct AnswerRules: Sendable, Equatable {
        /// What a refusal asks for.
        public enum Meaning: Sendable, CaseIterable {
            /// A fresh access token, with which the request is sent again.
            case refresh

            /// The session is over: the user has to sign in.
            case endSession

            /// Nothing that a session can bring: the answer is the caller's.
            case pass
        }

        /// What the codes in the JSON body of a refusal mean, wherever it has them: `code`, `error`, `error.code` or
        /// `error_code`. They go before everything that the headers say.
        public var codes: [String: Meaning]

        /// Whether a 403 that says nothing else is for want of a fresh token, as with some frameworks. A user without
        /// permission then costs a refresh for each such request.
        public var refreshesOnForbidden: Bool

        /// Whether a 401 without any Bearer error is the caller's, instead of a reason to refresh.
        public var passesBareUnauthorized: Bool

        /// Rules for the app's API.
        public init(
            codes: [String: Meaning] = [:], refreshesOnForbidden: Bool = false, passesBareUnauthorized: Bool = false
        ) {
            self.codes = codes
            self.refreshesOnForbidden = refreshesOnForbidden
            self.passesBareUnauthorized = passesBareUnauthorized
        }
    }

    /// How often a request is sent, and for how long, when failures pass.
    public struct RetryPolicy: Sendable, Equatable {
        /// How often at most, the first time included.
        public var attempts: Int

        /// How many seconds after the first attempt the last one may begin. The timeout of the request covers all.
        public var budget: TimeInterval

        /// Nothing is sent again.
        public static let never = RetryPolicy(attempts: 1, budget: 0)

        /// A policy.
        public init(attempts: Int, budget: TimeInterval) {
            self.attempts = attempts
            self.budget = budget
        }
    }

    /// The keys that a host may have; a server with another one is not spoken to.
    public struct PinnedKeys: Sendable, Equatable {
        /// The host's name.
        public var host: String

        /// SHA-256 of the certificate's `SubjectPublicKeyInfo`, in Base64. One should be of a key kept in reserve.
        public var sha256: [String]

        /// When the pins cease to count. None: never, and an app that knows only lost keys has to be updated.
        public var expiresAt: Date?

        /// The keys of a host.
        public init(host: String, sha256: [String], expiresAt: Date? = nil) {
            self.host = host
            self.sha256 = sha256
            self.expiresAt = expiresAt
        }
    }
}

extension AuthSession.AnswerRules {
    var bindings: AnswerOptions {
        AnswerOptions(
            // Sorted, so that equal rules are equal to the library, which tells an account that is opened twice by
            // them.
            codes: codes.sorted { $0.key < $1.key }.map { AnswerCode(code: $0.key, meaning: $0.value.bindings) },
            refreshOnForbidden: refreshesOnForbidden,
            passBareUnauthorized: passesBareUnauthorized
        )
    }
}

extension AuthSession.AnswerRules.Meaning {
    fileprivate var bindings: AnswerMeaning {
        switch self {
        case .refresh: .refresh
        case .endSession: .endSession
        case .pass: .pass
        }
    }
}

extension AuthSession.RetryPolicy {
    func bindings() throws -> RetryOptions {
        RetryOptions(
            attempts: try count(attempts, of: "retryPolicy.attempts") ?? 0,
            budgetMs: try milliseconds(budget, of: "retryPolicy.budget") ?? 0
        )
    }
}

extension AuthSession.PinnedKeys {
    func bindings() throws -> PinOptions {
        PinOptions(
            host: host,
            pins: sha256,
            expiresAtMs: try milliseconds(expiresAt?.timeIntervalSince1970, of: "pinnedKeys.expiresAt")
        )
    }
}
