import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Requests that the app sends by other means.
final class AuthorizationTests: XCTestCase {
    func testARequestOfURLSessionCarriesTheTokenAndIsSentOnceMoreWithAFreshOne() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let url = realm.apiURL.appendingPathComponent("me")
        try await realm.command("expire_access_tokens")

        let stale = try await session.authorization(for: url)
        let (data, refused) = try await send(url, stale)
        let fresh = try await session.refused(stale, response: refused, data: data)
        let (_, answer) = try await send(url, try XCTUnwrap(fresh))

        XCTAssertEqual([refused.statusCode, answer.statusCode], [401, 200])
        let counters = try await realm.counters()
        XCTAssertEqual(counters["refreshes"], 1)
    }

    func testAnAnswerThatNoTokenChangesIsFinal() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let url = realm.apiURL.appendingPathComponent("forbidden")
        let authorization = try await session.authorization(for: url)

        let (_, refused) = try await send(url, authorization)
        let next = try await session.refused(authorization, response: refused)

        XCTAssertEqual(refused.statusCode, 403)
        XCTAssertNil(next)
    }

    func testAWebSocketGetsTheTokenOfTheOriginOfTheSameName() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        var address = try XCTUnwrap(URLComponents(url: realm.apiURL, resolvingAgainstBaseURL: false))
        address.scheme = "ws"
        let socket = try XCTUnwrap(address.url)

        let authorization = try await session.authorization(for: socket)

        let same = try await session.authorization(for: realm.apiURL)
        XCTAssertEqual(authorization.expose(), same.expose())
    }

    func testItsTextsDoNotShowTheToken() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let issued = try await realm.issueTokens()
        try await session.adopt(issued.tokens)

        let authorization = try await session.authorization(for: realm.apiURL)

        XCTAssertEqual(authorization.expose(), "Bearer \(issued.access_token)")
        var dumped = ""
        dump(authorization, to: &dumped)
        for text in ["\(authorization)", String(reflecting: authorization), dumped] {
            XCTAssertFalse(text.contains(issued.access_token), text)
        }
    }

    func testThereIsNoneForAnotherOriginAndNoneAfterSignOut() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let elsewhere = try XCTUnwrap(URL(string: "https://elsewhere.example/"))

        let foreign = await authSessionError { try await session.authorization(for: elsewhere) }
        try await session.signOut()
        let ended = await authSessionError { try await session.authorization(for: realm.apiURL) }

        XCTAssertEqual([foreign?.code, ended?.code], [.originNotAllowed, .signedOut])
    }

    func testAnotherHostIsSpokenToByAClientAndOnlyInAWayThatKeepsTheTokenSafe() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession(allowing: realm.authURL)

        let client = try session.client(for: realm.authURL, headers: ["X-App": "1"], timeout: 10)
        let user = try await client.get("/me").decode(User.self)
        let plain = try XCTUnwrap(URL(string: "http://elsewhere.example/"))
        let refused = await authSessionError { try session.client(for: plain) }

        XCTAssertEqual(user, User(id: "u1", name: "Ada"))
        XCTAssertEqual(refused?.code, .invalidConfiguration)
    }

    func testAClientDoesNotTakeTheTokenToAnOriginThatTheSessionWasNotOpenedFor() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let elsewhere = try XCTUnwrap(URL(string: "https://elsewhere.example/"))

        let refused = await authSessionError { try session.client(for: elsewhere) }
        let other = await authSessionError { try session.client(for: realm.authURL) }

        XCTAssertEqual([refused?.code, other?.code], [.originNotAllowed, .originNotAllowed])
    }

    func testARefusalOfAnotherOriginIsFinalAndDoesNotRefresh() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let authorization = try await session.authorization(for: realm.apiURL)
        func refusal(_ url: URL) throws -> HTTPURLResponse {
            try XCTUnwrap(HTTPURLResponse(url: url, statusCode: 401, httpVersion: "HTTP/1.1", headerFields: nil))
        }

        for elsewhere in [try XCTUnwrap(URL(string: "https://elsewhere.example/me")), realm.authURL] {
            let next = try await session.refused(authorization, response: try refusal(elsewhere))
            XCTAssertNil(next)
        }
        let before = try await realm.counters()
        let next = try await session.refused(
            authorization, response: try refusal(realm.apiURL.appendingPathComponent("me")))

        XCTAssertEqual(before["refresh_requests"], 0)
        XCTAssertNotNil(next)
    }

    private func send(_ url: URL, _ authorization: Authorization) async throws -> (Data, HTTPURLResponse) {
        var request = URLRequest(url: url)
        authorization.apply(to: &request)
        let (data, response) = try await URLSession.shared.data(for: request)
        return (data, try XCTUnwrap(response as? HTTPURLResponse))
    }
}
