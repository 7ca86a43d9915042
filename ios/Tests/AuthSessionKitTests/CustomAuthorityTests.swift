import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class CustomAuthorityTests: XCTestCase {
    func testAnAppsOwnAuthoritySignsInTakesTheNextStepRefreshesAndRevokes() async throws {
        let realm = try await Realm.new()
        let authority = App(realm)
        let session = try await realm.openSession(endpoints: .custom(authority))

        let first = try await session.signIn(Realm.credentials)
        let step = try XCTUnwrap(URL(string: "/step"))
        let second = try await session.continueSignIn(at: step, ["code": "123456"])
        let before = try await session.get("/me").status
        try await realm.command("expire_access_tokens")
        let after = try await session.get("/me").status
        try await session.signOut()

        XCTAssertEqual([first.isSignedIn, second.isSignedIn], [false, true])
        XCTAssertEqual(try first.decode([String: String].self), ["wants": "code"])
        XCTAssertEqual(try second.decode([String: String].self), ["hello": "Ada"])
        XCTAssertEqual([before, after], [200, 200])
        try await eventually("the revocation") { authority.calls.value.last == "revoke" }
        XCTAssertEqual(authority.calls.value, ["signIn", "continueSignIn /step 123456", "refresh", "revoke"])
    }

    func testTheSecretsThatAnAuthorityGetsShowNothingOfThemselves() async throws {
        let realm = try await Realm.new()
        let texts = Box<[String]>([])
        let token = Box("")
        let authority = Answering { secret in
            var dumped = ""
            dump(secret, to: &dumped)
            texts.update { $0 = ["\(secret)", String(reflecting: secret), dumped] }
            token.update { $0 = secret.expose() }
            return .unreachable
        }
        let session = try await authority.session(realm)

        _ = try await session.get("/me")

        XCTAssertFalse(token.value.isEmpty)
        XCTAssertEqual(texts.value.count, 3)
        for text in texts.value {
            XCTAssertFalse(text.contains(token.value), text)
        }
    }

    func testWhatARefreshAnswersDecidesWhatBecomesOfTheSession() async throws {
        let outcomes: [(RefreshOutcome, Disposition, AuthSessionError.Code?)] = [
            (.unreachable, .refreshFailed, .refreshUnavailable),
            (.unavailable(retryAfter: 3), .refreshFailed, .refreshUnavailable),
            (.misconfigured(explanation: "no such client"), .refreshFailed, .authorityMisconfigured),
            (.unexpected(status: 418), .refreshFailed, .authorityUnexpected),
            (.rejected(certain: true), .sessionEnded, nil),
        ]
        for (outcome, disposition, code) in outcomes {
            let realm = try await Realm.new()
            let session = try await Answering { _ in outcome }.session(realm)
            let events = session.events

            let response = try await session.get("/me")

            XCTAssertEqual(response.disposition, disposition, "\(outcome)")
            switch try await nextEvent(of: events) {
            case .refreshFailed(let told, _): XCTAssertEqual(told, code, "\(outcome)")
            case let event: XCTAssertEqual(event, .signedOut(.rejected), "\(outcome)")
            }
        }
    }

    func testARefreshThatThrowsIsOneWhoseAnswerWasLostAndIsSentAgainWithTheSameToken() async throws {
        struct Lost: Error {}
        let realm = try await Realm.new()
        let attempts = Box<[String]>([])
        let authority = Answering { secret in
            let count = attempts.update { attempts in
                attempts.append(secret.expose())
                return attempts.count
            }
            guard count > 1 else { throw Lost() }
            return .rotated(try await realm.issueTokens().tokens)
        }
        let session = try await authority.session(realm)

        let response = try await within(seconds: 30, "the second attempt") {
            while true {
                let response = try await session.get("/me")
                if response.status == 200 { return response }
                try await Task.sleep(nanoseconds: 50_000_000)
            }
        }

        XCTAssertEqual(response.disposition, .answered)
        XCTAssertEqual(Set(attempts.value).count, 1)
        XCTAssertEqual(attempts.value.count, 2)
    }

    func testANewRefreshTokenWithoutAnAccessTokenIsKeptForTheNextAttempt() async throws {
        let realm = try await Realm.new()
        let seen = Box<[String]>([])
        let authority = Answering { secret in
            let count = seen.update { seen in
                seen.append(secret.expose())
                return seen.count
            }
            let tokens = try await realm.issueTokens()
            return .rotated(
                count == 1 ? Tokens(accessToken: nil, refreshToken: "salvaged") : tokens.tokens)
        }
        let session = try await authority.session(realm)

        try await within(seconds: 30, "the second attempt") {
            while try await session.get("/me").status != 200 {
                try await Task.sleep(nanoseconds: 50_000_000)
            }
        }

        XCTAssertEqual(seen.value.last, "salvaged")
    }

    func testAnAuthorityMayUseTheSessionThatCallsIt() async throws {
        let realm = try await Realm.new()
        let session = Box<AuthSession?>(nil)
        let authority = Answering { _ in
            // Each would hang if the library held a lock while it calls the app.
            let session = try XCTUnwrap(session.value)
            XCTAssertTrue(session.state.isSignedIn)
            session.networkChanged()
            session.resume()
            _ = try session.trace()
            _ = try await session.response(
                for: URLRequest(url: realm.apiURL.appendingPathComponent("public")),
                options: .init(authorization: .never))
            return .rotated(try await realm.issueTokens().tokens)
        }
        let opened = try await authority.session(realm)
        session.update { $0 = opened }

        let status = try await within(seconds: 10, "a request") { try await opened.get("/me").status }

        XCTAssertEqual(status, 200)
        session.update { $0 = nil }
    }

    func testASignInThatHasNoAnswerIsAnErrorAndOneWithoutANetworkSaysSo() async throws {
        struct Broken: Error {}
        let realm = try await Realm.new()
        let cases: [(any Error, AuthSessionError.Code)] = [(Broken(), .internal), (URLError(.timedOut), .network)]
        for (thrown, code) in cases {
            let authority = Answering(signIn: { throw thrown }) { _ in .unreachable }
            let session = try await realm.openSession(endpoints: .custom(authority))

            let error = await authSessionError { try await session.signIn(Realm.credentials) }

            XCTAssertEqual(error?.code, code)
            XCTAssertEqual(session.state, .signedOut(.neverSignedIn))
        }
    }

    func testARejectedSignInIsRejectedWithItsStatus() async throws {
        let realm = try await Realm.new()
        let outcomes: [(SignInOutcome, AuthSessionError.Code, Int?)] = [
            (.rejected(status: 403), .signInRejected, 403), (.unavailable(status: 503), .signInUnavailable, 503),
            (.unreachable, .network, nil), (.signedIn(Tokens(accessToken: nil)), .internal, nil),
        ]
        for (outcome, code, status) in outcomes {
            let authority = Answering(signIn: { outcome }) { _ in .unreachable }
            let session = try await realm.openSession(endpoints: .custom(authority))

            let error = await authSessionError { try await session.signIn(Realm.credentials) }

            XCTAssertEqual(error?.code, code)
            XCTAssertEqual(error?.status, status)
        }
    }
}

/// An authority that speaks to the realm itself.
private struct App: CustomAuthority {
    let realm: Realm
    let calls = Box<[String]>([])

    init(_ realm: Realm) {
        self.realm = realm
    }

    func signIn(_ credentials: Data) async throws -> SignInOutcome {
        XCTAssertEqual(try JSONDecoder().decode([String: String].self, from: credentials), Realm.credentials)
        calls.update { $0.append("signIn") }
        return .nextStep(answer: Data(#"{"wants":"code"}"#.utf8))
    }

    func continueSignIn(at step: String, _ body: Data) async throws -> SignInOutcome {
        let code = try JSONDecoder().decode([String: String].self, from: body)["code"] ?? ""
        calls.update { $0.append("continueSignIn \(step) \(code)") }
        return .signedIn(try await realm.issueTokens().tokens, answer: Data(#"{"hello":"Ada"}"#.utf8))
    }

    func refresh(_ refreshToken: Secret, attempt: String) async throws -> RefreshOutcome {
        calls.update { $0.append("refresh") }
        let body = JSON.object(["refresh_token": .string(refreshToken.expose())])
        let tokens = try await HTTP.post(
            realm.apiURL.appendingPathComponent("auth/refresh"), body, as: IssuedTokens.self)
        return .rotated(tokens.tokens)
    }

    func revoke(_ refreshToken: Secret, accessToken: Secret?) async throws -> Bool {
        calls.update { $0.append("revoke") }
        return true
    }
}

/// An authority that answers every refresh in the same way.
private struct Answering: CustomAuthority {
    let signedIn: @Sendable () async throws -> SignInOutcome
    let refreshed: @Sendable (Secret) async throws -> RefreshOutcome

    init(
        signIn: @escaping @Sendable () async throws -> SignInOutcome = { .unreachable },
        _ refresh: @escaping @Sendable (Secret) async throws -> RefreshOutcome
    ) {
        signedIn = signIn
        refreshed = refresh
    }

    func signIn(_ credentials: Data) async throws -> SignInOutcome {
        try await signedIn()
    }

    func refresh(_ refreshToken: Secret, attempt: String) async throws -> RefreshOutcome {
        XCTAssertFalse(attempt.isEmpty)
        return try await refreshed(refreshToken)
    }

    /// A session whose access token has expired.
    func session(_ realm: Realm) async throws -> AuthSession {
        let session = try await realm.openSession(endpoints: .custom(self))
        try await session.adopt(try await realm.issueTokens().tokens)
        try await realm.command("expire_access_tokens")
        return session
    }
}
