import AuthSessionKit
import XCTest

final class RefreshTests: XCTestCase {
    func testAThousandCallersOnAnExpiredTokenCauseOneRefreshAndNoFailure() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("expire_access_tokens")

        let statuses = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<1_000 {
                group.addTask { try? await session.get("/me").status }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }

        XCTAssertEqual(statuses.count, 1_000)
        XCTAssertEqual(statuses.filter { $0 != 200 }.count, 0)
        let counters = try await realm.counters()
        XCTAssertEqual(counters["refresh_requests"], 1)
        XCTAssertEqual(counters["refreshes"], 1)
        XCTAssertEqual(counters["reuse_detected"], 0)
    }

    func testARejectedRefreshTokenEndsTheSessionAndTheAnswerSaysSo() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("expire_access_tokens")
        try await realm.command("revoke_refresh_tokens")

        let response = try await session.get("/me")

        XCTAssertEqual(response.status, 401)
        XCTAssertEqual(response.disposition, .sessionEnded)
        XCTAssertEqual(session.state, .signedOut(.rejected))
    }
}
