import AuthSessionKit
import XCTest

final class SignInTests: XCTestCase {
    func testASignInReturnsTheRestOfTheServersAnswer() async throws {
        let session = try await Realm.new().openSession()

        let answer = try await session.signIn(Realm.credentials)

        let rest = try answer.decode([String: JSON].self)
        XCTAssertNotNil(rest["user"])
        XCTAssertNil(rest["access_token"])
        XCTAssertNil(rest["refresh_token"])
        let user = try answer.decode([String: User?].self)["user"]
        XCTAssertEqual(user, User(id: "u1", name: "Ada"))
    }

    func testASignInThatWantsAnotherStepReturnsWhatTheServerSaysAndSignsNobodyIn() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        try await realm.command("fault", ["endpoint": "login", "when": "before", "status": 200, "body": #"{"otp":6}"#])

        let answer = try await session.signIn(Realm.credentials)

        XCTAssertEqual(try answer.decode([String: Int].self), ["otp": 6])
        XCTAssertEqual(session.state, .signedOut(.neverSignedIn))
    }

    func testAStepThatTheServerSaysNothingAboutIsNull() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        try await realm.command("fault", ["endpoint": "login", "when": "before", "status": 204])

        let answer = try await session.signIn(Realm.credentials)

        XCTAssertNil(try answer.decode([String: JSON]?.self))
    }

    func testAServerThatCannotTakeASignInNowSaysWhenItCan() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        try await realm.command(
            "fault",
            ["endpoint": "login", "when": "before", "status": 503, "headers": ["Retry-After": "7"]])

        let error = await authSessionError { try await session.signIn(Realm.credentials) }

        XCTAssertEqual(error?.code, .signInUnavailable)
        XCTAssertEqual(error?.status, 503)
        XCTAssertEqual(error?.retryAfter, 7)
        XCTAssertEqual(error?.isRetryable, true)
    }

    func testASignedInSessionKnowsItsUserAndWhenTheAccessTokenExpires() async throws {
        let session = try await Realm.new(["expires_in_seconds": 3600]).signedInSession()

        guard case .signedIn(let user) = session.state else {
            return XCTFail("the state is \(session.state.name)")
        }
        XCTAssertEqual(user.subject, "u1")
        let expiry = try XCTUnwrap(user.accessTokenExpiresAt)
        XCTAssertEqual(expiry.timeIntervalSinceNow, 3600, accuracy: 60)
        let claims = try JSONDecoder().decode([String: JSON].self, from: try XCTUnwrap(user.claims))
        XCTAssertEqual(claims["sub"], "u1")
    }

    func testAWrongPasswordIsRejectedWithTheServersStatus() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()

        let error = await authSessionError {
            try await session.signIn(["email": "ada@example.com", "password": "wrong horse"])
        }

        XCTAssertEqual(error?.code, .signInRejected)
        XCTAssertEqual(error?.status, 401)
        XCTAssertEqual(error?.isRetryable, false)
        XCTAssertEqual(session.state, .signedOut(.neverSignedIn))
        let counters = try await realm.counters()
        XCTAssertEqual(counters["login_failures"], 1)
    }

    func testCredentialsThatAreNoJSONAreRefusedWithoutQuotingThem() async throws {
        let session = try await Realm.new().openSession()

        let error = await authSessionError { try await session.signIn(["password": Double.nan]) }

        XCTAssertEqual(error?.code, .invalidRequest)
    }

    func testAfterSignOutNothingIsSent() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await session.signOut()

        let error = await authSessionError { try await session.get("/me") }

        XCTAssertEqual(session.state, .signedOut(.user))
        XCTAssertEqual(error?.code, .signedOut)
        XCTAssertEqual(error?.requiresSignIn, true)
        let counters = try await realm.counters()
        XCTAssertEqual(counters["resource_requests"], 0)
    }

    func testSignOutRevokesTheTokensOnTheServer() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()

        try await session.signOut()

        try await realm.command("await_counter", ["counter": "logouts", "at_least": 1])
    }

    func testAdoptedTokensAreUsedAndRenewed() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let issued = try await realm.issueTokens()

        try await session.adopt(
            Tokens(accessToken: issued.access_token, refreshToken: issued.refresh_token, expiresIn: issued.expires_in))
        let before = try await session.get("/me")
        try await realm.command("expire_access_tokens")
        let after = try await session.get("/me")

        XCTAssertEqual([before.status, after.status], [200, 200])
        let counters = try await realm.counters()
        XCTAssertEqual(counters["refreshes"], 1)
    }

    func testImportedTokensAreUsedOnceAndNeverAfterASignOut() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let issued = try await realm.issueTokens()
        let tokens = Tokens(accessToken: issued.access_token, refreshToken: issued.refresh_token)

        let first = try await session.importTokens(tokens)
        let answer = try await session.get("/me")
        let second = try await session.importTokens(tokens)
        try await session.signOut()
        let third = try await session.importTokens(tokens)

        XCTAssertEqual([first, second, third], [true, false, false])
        XCTAssertEqual(answer.status, 200)
        XCTAssertEqual(session.state, .signedOut(.user))
    }

    func testARefreshTokenAloneIsEnoughAndNothingAtAllIsRefused() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let issued = try await realm.issueTokens()

        let error = await authSessionError { try await session.importTokens(Tokens(accessToken: nil)) }
        let imported = try await session.importTokens(Tokens(accessToken: nil, refreshToken: issued.refresh_token))
        let answer = try await session.get("/me")

        XCTAssertEqual(error?.code, .invalidRequest)
        XCTAssertTrue(imported)
        XCTAssertEqual(answer.status, 200)
    }
}
