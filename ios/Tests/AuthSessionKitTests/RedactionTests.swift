import AuthSessionKit
import XCTest

/// No token appears in any text that Swift makes of what the API hands out.
final class RedactionTests: XCTestCase {
    func testTokensShowNothingOfThemselves() {
        let tokens = Tokens(accessToken: "secret-access", refreshToken: "secret-refresh", expiresIn: 60)

        for text in texts(of: tokens) {
            XCTAssertFalse(text.contains("secret"), text)
        }
    }

    func testNothingThatASessionHandsOutShowsAToken() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let events = session.events
        let issued = try await realm.issueTokens()
        try await session.adopt(Tokens(accessToken: issued.access_token, refreshToken: issued.refresh_token))

        let response = try await session.get("/me")
        let forbidden = try await session.get("/forbidden")
        let error = await authSessionError { try forbidden.decode(User.self) }
        let event = try await nextEvent(of: events)
        let handedOut: [Any] = [session, session.state, response, forbidden, error as Any, event as Any, events]

        for text in handedOut.flatMap(texts) {
            XCTAssertFalse(text.contains(issued.access_token), text)
            XCTAssertFalse(text.contains(issued.refresh_token), text)
        }
    }

    func testAnAnswersTextHoldsNothingOfItsBody() async throws {
        let session = try await Realm.new().openSession()

        let answer = try await session.signIn(Realm.credentials)
        let response = try await session.get("/me")

        for text in texts(of: answer) + texts(of: response) {
            XCTAssertFalse(text.contains("Ada"), text)
        }
    }

    func testWhatAServerSaysToARejectedSignInIsForTheAppAndInNoText() async throws {
        let session = try await Realm.new().openSession()

        let error = await authSessionError {
            try await session.signIn(["email": "ada@example.com", "password": "wrong horse"])
        }

        let answer = try XCTUnwrap(error?.answer)
        XCTAssertEqual(try JSONDecoder().decode([String: String].self, from: answer), ["error": "invalid_credentials"])
        for text in texts(of: try XCTUnwrap(error)) {
            XCTAssertFalse(text.contains("invalid_credentials"), text)
        }
    }

    func testARejectedSignInDoesNotQuoteTheCredentials() async throws {
        let session = try await Realm.new().openSession()

        let error = await authSessionError {
            try await session.signIn(["email": "ada@example.com", "password": "wrong horse"])
        }

        for text in texts(of: try XCTUnwrap(error)) {
            XCTAssertFalse(text.contains("wrong horse"), text)
        }
    }

    private func texts(of value: Any) -> [String] {
        var dumped = ""
        dump(value, to: &dumped)
        let localized = (value as? any Error)?.localizedDescription
        return [String(describing: value), String(reflecting: value), dumped] + [localized].compactMap(\.self)
    }
}
