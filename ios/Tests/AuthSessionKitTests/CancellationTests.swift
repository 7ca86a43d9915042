import AuthSessionKit
import XCTest

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
