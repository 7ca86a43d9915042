import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class LifetimeTests: XCTestCase {
    func testTenThousandCallsLeaveNothingBehind() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession(allowing: realm.authURL)
        let options = AuthSession.RequestOptions(downloadProgress: { _ in })
        func calls(_ count: Int) async throws {
            for _ in 0..<count / 10 {
                _ = session.state
                _ = try session.trace()
                _ = try await session.authorization(for: realm.apiURL)
                _ = try session.listen { _ in }
                _ = try session.client(for: realm.authURL)
                _ = session.events
                _ = try await session.get("/me", options: options)
                _ = try? await session.get("https://elsewhere.example/")
                for try await _ in try await session.bytes(for: URLRequest(url: URL(string: "/me")!)).0.chunks {}
                try session.requireRecentSignIn(within: 3600)
            }
        }
        // Pools, caches and the allocator grow at first.
        try await calls(2_000)
        let before = try Memory.resident()

        try await calls(10_000)

        // Less than 400 bytes a call, which is less than any object that could be left behind with what it holds.
        XCTAssertLessThan(try Memory.resident() - before, 4 << 20)
    }

    func testHundredsOfSessionsThatWereOpenedAndLetGoLeaveNothingBehind() async throws {
        let realm = try await Realm.new()
        let tokens = try await realm.issueTokens().tokens
        func sessions(_ count: Int) async throws {
            for number in 0..<count {
                let session = try await realm.openSession(account: "account \(number % 7)")
                try await session.adopt(tokens)
            }
        }
        try await sessions(100)
        let before = try Memory.resident()

        try await sessions(300)

        // Less than 14 KiB for each; the certificates that each trusts are many times that.
        XCTAssertLessThan(try Memory.resident() - before, 4 << 20)
    }

    func testObjectsOfTheAppAreLetGoOfWithTheSession() async throws {
        final class Store: CustomStore {
            func load(namespace: String, account: String) -> StoredContent? { nil }
            func replace(namespace: String, account: String, with content: StoredContent) {}
        }
        final class Captured: Sendable {}
        let realm = try await Realm.new()
        var store: Store? = Store()
        var captured: Captured? = Captured()
        weak var storeGone = store
        weak var capturedGone = captured
        do {
            let session = try await realm.openSession(store: .app(try XCTUnwrap(store), name: UUID().uuidString))
            let subscription = try session.listen { [captured] _ in _ = captured }
            subscription.cancel()
        }

        (store, captured) = (nil, nil)

        for _ in 0..<5_000 where storeGone != nil || capturedGone != nil {
            try await Task.sleep(nanoseconds: 1_000_000)
        }
        XCTAssertNil(storeGone)
        XCTAssertNil(capturedGone)
    }

    func testAThousandConcurrentCallsOfEveryKindEnd() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let request = URLRequest(url: try XCTUnwrap(URL(string: "/me")))

        let ends = try await within(seconds: 60, "a thousand calls") {
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        do {
                            switch number % 5 {
                            case 0: return try await session.get("/me").isSuccess
                            case 1: return try await session.post("/echo", ["n": number]).isSuccess
                            case 2: return try await !session.authorization(for: realm.apiURL).expose().isEmpty
                            case 3:
                                return try await session.bytes(for: request).0.reduce(0) { count, _ in count + 1 } > 0
                            default:
                                let task = Task { try await session.get("/me") }
                                task.cancel()
                                _ = await task.result
                                return true
                            }
                        } catch {
                            return false
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }

        XCTAssertEqual(ends.count, 1_000)
        XCTAssertFalse(ends.contains(false))
    }
}
