import AuthSessionKit
import XCTest

final class CustomStoreTests: XCTestCase {
    func testASessionInAnAppsOwnStoreIsThereInTheNextRun() async throws {
        let realm = try await Realm.new()
        let place = Place()
        try await signIn(realm, place)

        // The first session is gone; only the store is left of it.
        let session = try await realm.openSession(store: .app(place, name: "another run"))
        let status = try await session.get("/me").status

        XCTAssertTrue(session.state.isSignedIn)
        XCTAssertEqual(status, 200)
        let counters = try await realm.counters()
        XCTAssertEqual(counters["logins"], 1)
    }

    func testWhatIsStoredShowsNothingOfItself() async throws {
        let place = Place()
        try await signIn(try await Realm.new(), place)
        let content = try XCTUnwrap(place.content.value)

        var dumped = ""
        dump(content, to: &dumped)

        XCTAssertEqual("\(content)", "StoredContent(\(content.data.count) bytes)")
        for text in [dumped, String(reflecting: content)] {
            XCTAssertFalse(text.contains("token") || text.contains("element"), text)
        }
    }

    func testAStoreThatThrowsSignsNobodyOutAndSaysWhatIsTheMatter() async throws {
        struct Disk: Error, CustomStringConvertible {
            let description = "refresh-token-canary"
        }
        let realm = try await Realm.new()
        let cases: [(any Error, AuthSessionError.Code)] = [
            (StoreFailure.locked, .locked), (StoreFailure.failed(reason: "no space"), .storeUnavailable),
            (Disk(), .storeUnavailable),
        ]
        for (number, (failure, code)) in cases.enumerated() {
            let place = Place()
            place.failure.update { $0 = failure }
            let session = try await realm.openSession(store: .app(place, name: "throws \(number)"))

            let error = await authSessionError { try await session.get("/me") }

            XCTAssertEqual(session.state, .locked)
            XCTAssertEqual(session.lockCause, code)
            XCTAssertEqual(error?.code, code)
            XCTAssertFalse("\(error as Any) \(error?.localizedDescription ?? "")".contains("canary"))
            place.failure.update { $0 = nil }
            session.resume()
            try await eventually("the store is read") { session.state == .signedOut(.neverSignedIn) }
        }
    }

    func testAKeyThatIsGoneForEverEndsTheSession() async throws {
        let realm = try await Realm.new()
        let place = Place()
        place.failure.update { $0 = StoreFailure.unrecoverable }

        let session = try await realm.openSession(store: .app(place, name: "gone"))

        XCTAssertEqual(session.state, .signedOut(.secretsLost))
    }

    func testAStoreThatDoesNotTakeTheTokensLetsTheSessionGoOnInMemory() async throws {
        let realm = try await Realm.new()
        let place = Place()
        let session = try await realm.openSession(store: .app(place, name: "does not take"))
        try await session.signIn(Realm.credentials)
        let events = session.events
        place.failure.update { $0 = StoreFailure.failed(reason: "no space") }
        try await realm.command("expire_access_tokens")

        let status = try await session.get("/me").status
        var seen: [SessionEvent?] = []
        while seen.last != .persistenceDegraded {
            seen.append(try await nextEvent(of: events))
        }
        place.failure.update { $0 = nil }
        while seen.last != .persistenceRestored {
            seen.append(try await nextEvent(of: events))
        }

        XCTAssertEqual(status, 200)
        XCTAssertTrue(session.state.isSignedIn)
    }

    func testAStoreMayUseTheSessionThatCallsIt() async throws {
        let realm = try await Realm.new()
        let place = Place()
        let session = try await realm.openSession(store: .app(place, name: "calls back"))
        place.during.update {
            $0 = {
                // Each would hang if the library held a lock while it calls the app.
                _ = session.state
                session.networkChanged()
                _ = try? session.trace()
            }
        }

        _ = try await within(seconds: 10, "a sign-in") { try await session.signIn(Realm.credentials) }
        let status = try await session.get("/me").status

        XCTAssertEqual(status, 200)
        place.during.update { $0 = {} }
    }

    func testAStoreThatBlocksHoldsNoRequestUpThatDoesNotNeedIt() async throws {
        let realm = try await Realm.new()
        let place = Place()
        let session = try await realm.openSession(store: .app(place, name: "blocks"))
        try await session.signIn(Realm.credentials)
        let gate = DispatchSemaphore(value: 0)
        let entered = expectation(description: "the store is called")
        entered.assertForOverFulfill = false
        place.during.update {
            $0 = {
                entered.fulfill()
                gate.wait()
                // For whoever calls next.
                gate.signal()
            }
        }
        try await realm.command("expire_access_tokens")
        let refresh = Task { try await session.get("/me").status }
        await fulfillment(of: [entered], timeout: 10)

        let other = try await realm.signedInSession()
        let status = try await within(seconds: 10, "a request of another account") { try await other.get("/me").status }
        let state = session.state
        gate.signal()
        let refreshed = try await within(seconds: 30, "the refresh") { try await refresh.value }

        XCTAssertEqual([status, refreshed], [200, 200])
        XCTAssertTrue(state.isSignedIn)
    }

    private func signIn(_ realm: Realm, _ place: Place) async throws {
        let session = try await realm.openSession(store: .app(place, name: UUID().uuidString))
        try await session.signIn(Realm.credentials)
        try await eventually("the tokens are saved") { place.content.value != nil }
    }
}

/// A place in memory that may fail and take its time.
private final class Place: CustomStore {
    let content = Box<StoredContent?>(nil)
    let failure = Box<(any Error)?>(nil)
    let during = Box<@Sendable () -> Void>({})

    func load(namespace: String, account: String) throws -> StoredContent? {
        XCTAssertEqual(account, "main")
        during.value()
        if let failure = failure.value { throw failure }
        return content.value
    }

    func replace(namespace: String, account: String, with content: StoredContent) throws {
        during.value()
        if let failure = failure.value { throw failure }
        self.content.update { $0 = content }
    }
}
