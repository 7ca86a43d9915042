import XCTest

@testable import AuthSessionKit

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class CancellationTests: XCTestCase {
    func testACancelledRequestEndsWhileTheServerStillHoldsItAndDisturbsNoOther() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("hold", ["endpoint": "resource", "path": "/slow", "when": "before"])
        let cancelled = Task { try await session.get("/slow") }
        let other = Task { try await session.get("/slow") }
        try await realm.command("await_held", ["endpoint": "resource", "count": 2])

        cancelled.cancel()
        // The server answers neither request before it is told to, so this ends only because of the cancellation.
        await assertCancelled(cancelled)
        try await realm.command("release", ["endpoint": "resource"])

        let status = try await other.value.status
        XCTAssertEqual(status, 200)
    }

    func testTheLibraryLetsGoOfACancelledRequestWhileTheServerStillHoldsIt() async throws {
        final class Captured: Sendable {}
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("hold", ["endpoint": "resource", "path": "/slow", "when": "before"])
        weak var captured: Captured?
        do {
            let held = Captured()
            captured = held
            let options = AuthSession.RequestOptions(downloadProgress: { _ in _ = held })
            let task = Task { try await session.get("/slow", options: options) }
            try await realm.command("await_held", ["endpoint": "resource", "count": 1])

            task.cancel()
            await assertCancelled(task)
        }

        for _ in 0..<5_000 where captured != nil {
            try await Task.sleep(nanoseconds: 1_000_000)
        }
        XCTAssertNil(captured)
        try await realm.command("release", ["endpoint": "resource"])
    }

    func testCancellingTheCallerThatCausedARefreshDoesNotCutTheRefresh() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("expire_access_tokens")
        try await realm.command("hold", ["endpoint": "refresh", "when": "before"])
        let first = Task { try await session.get("/me") }
        try await realm.command("await_held", ["endpoint": "refresh", "count": 1])

        first.cancel()
        await assertCancelled(first)
        let second = Task { try await session.get("/me") }
        try await realm.command("release", ["endpoint": "refresh"])

        let status = try await second.value.status
        XCTAssertEqual(status, 200)
        let counters = try await realm.counters()
        XCTAssertEqual(counters["refresh_requests"], 1)
        XCTAssertEqual(counters["refreshes"], 1)
    }

    func testARequestOfATaskThatIsCancelledAlreadySendsNothing() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()

        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await session.get("/me")
        }

        await assertCancelled(task)
        let counters = try await realm.counters()
        XCTAssertEqual(counters["resource_requests"], 0)
    }

    func testACancelledWaitForATokenEndsAtOnceAndDoesNotCutTheRefresh() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        try await session.adopt(Tokens(accessToken: nil, refreshToken: try await realm.issueTokens().refresh_token))
        try await realm.command("hold", ["endpoint": "refresh", "when": "before"])
        let cancelled = Task { try await session.authorization(for: realm.apiURL) }
        try await realm.command("await_held", ["endpoint": "refresh", "count": 1])
        let other = Task { try await session.authorization(for: realm.apiURL) }

        cancelled.cancel()
        await assertCancelled(cancelled)
        try await realm.command("release", ["endpoint": "refresh"])

        _ = try await within(seconds: 30, "the other's token") { try await other.value }
        let counters = try await realm.counters()
        XCTAssertEqual([counters["refresh_requests"], counters["refreshes"]], [1, 1])
    }

    func testACancelledReportOfARefusalEndsAtOnceAndDoesNotCutTheRefresh() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let url = realm.apiURL.appendingPathComponent("me")
        let stale = try await session.authorization(for: url)
        let refusal = try XCTUnwrap(
            HTTPURLResponse(url: url, statusCode: 401, httpVersion: "HTTP/1.1", headerFields: nil))
        try await realm.command("hold", ["endpoint": "refresh", "when": "before"])
        let cancelled = Task { try await session.refused(stale, response: refusal) }
        try await realm.command("await_held", ["endpoint": "refresh", "count": 1])
        let other = Task { try await session.refused(stale, response: refusal) }

        cancelled.cancel()
        await assertCancelled(cancelled)
        try await realm.command("release", ["endpoint": "refresh"])

        let fresh = try await within(seconds: 30, "the other's token") { try await other.value }
        let counters = try await realm.counters()
        XCTAssertNotNil(fresh)
        XCTAssertEqual([counters["refresh_requests"], counters["refreshes"]], [1, 1])
    }

    func testATaskThatIsCancelledAlreadyAsksForNothing() async throws {
        let asked = Box(0)

        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await leavingWhenCancelled { asked.update { $0 += 1 } }
        }

        await assertCancelled(task)
        // What had been asked would run before tasks that come later.
        for _ in 0..<10 { await Task {}.value }
        XCTAssertEqual(asked.value, 0)
    }

    func testCancellingAListenerEndsItsStream() async throws {
        let session = try await Realm.new().openSession()
        let events = session.events
        let listener = Task {
            for await _ in events {}
        }

        listener.cancel()

        await listener.value
        let next = try await nextEvent(of: events)
        XCTAssertNil(next)
    }
}
