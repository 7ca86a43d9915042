import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class AfterSignOutTests: XCTestCase {
    func testWhateverNeedsAUserSaysThatNobodyIsSignedInAndSendsNothing() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession(allowing: realm.authURL)
        let client = try session.client(for: realm.authURL)
        let request = URLRequest(url: try XCTUnwrap(URL(string: "/me")))
        try await session.signOut()
        let uses: [(String, () async throws -> Any)] = [
            ("data", { try await session.data(for: request) }),
            ("bytes", { try await session.bytes(for: request) }),
            ("download", { try await session.download(for: request) }),
            ("upload", { try await session.upload(for: request, from: Data()) }),
            ("pieces", { try await session.upload(for: request, from: AsyncStream<Data> { nil }) }),
            ("post", { try await session.post("/echo", ["a": 1]) }),
            ("client", { try await client.get("/me") }),
            ("authorization", { try await session.authorization(for: realm.apiURL) }),
            ("recent sign-in", { try session.requireRecentSignIn(within: 60) }),
        ]

        for (name, use) in uses {
            let error = await authSessionError { try await use() }
            XCTAssertEqual(error?.code, .signedOut, name)
            XCTAssertEqual(error?.requiresSignIn, true, name)
        }

        let counters = try await realm.counters()
        XCTAssertEqual(counters["resource_requests"], 0)
    }

    func testWhatNeedsNobodyWorksAndTheNextUserMaySignIn() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await session.signOut()
        try await session.signOut()

        let open = try await session.get("/public", options: .init(authorization: .never)).status
        let perhaps = try await session.get("/public", options: .init(authorization: .ifSignedIn)).status
        session.resume()
        session.suspend()
        session.resume()
        session.networkChanged()
        try await session.signIn(["email": "bob@example.com", "password": "battery staple"])
        let user = try await session.get("/me").decode(User.self)

        XCTAssertEqual([open, perhaps], [200, 200])
        XCTAssertEqual(user.id, "u2")
        XCTAssertNoThrow(try session.requireRecentSignIn(within: 60))
        XCTAssertNil(session.lockCause)
    }

    func testTheTraceTellsWhatWasDecidedAndHoldsNoToken() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let issued = try await realm.issueTokens()
        try await session.adopt(issued.tokens)
        try await realm.command("expire_access_tokens")
        _ = try await session.get("/me")

        let trace = try session.trace()

        let entries = try JSONDecoder().decode([[String: JSON]].self, from: trace)
        XCTAssertFalse(entries.isEmpty)
        let text = String(decoding: trace, as: UTF8.self)
        XCTAssertFalse(text.contains(issued.access_token) || text.contains(issued.refresh_token))
    }
}
