import XCTest

@testable import AuthSessionKit

final class LifecycleTests: XCTestCase {
    func testARefreshRunsWithinAnActivity() async throws {
        let realm = try await Realm.new()
        let system = FakeSystem()
        let activity = system.activity()
        let session = try await expiredSession(realm, activity)
        try await realm.command("hold", ["endpoint": "refresh", "when": "before"])

        try await eventually("the time of the sign-in is given back") { system.running == 0 }
        let request = Task { try await session.get("/me").status }
        try await realm.command("await_held", ["endpoint": "refresh", "count": 1])
        let during = system.running
        try await realm.command("release", ["endpoint": "refresh"])
        let status = try await request.value

        XCTAssertEqual([during, status], [1, 200])
        try await eventually("the time is given back") { system.running == 0 }
    }

    func testWhatASignInAndASignOutSaveIsSavedWithinAnActivity() async throws {
        let realm = try await Realm.new()
        let system = FakeSystem()
        let asked = Box<[Int]>([])
        let store = Watched { asked.update { $0.append(system.running) } }
        var configuration = realm.configuration(store: .app(store, name: "watched"))
        configuration.backgroundActivity = system.activity()
        let session = try await AuthSession.open(configuration)

        try await session.signIn(Realm.credentials)
        try await eventually("the time of the sign-in is given back") { system.running == 0 }
        try await session.signOut()
        try await eventually("the time of the sign-out is given back") { system.running == 0 }

        XCTAssertEqual(asked.value, [1, 1])
    }

    func testNoRefreshBeginsWhereTheSystemGivesNoTime() async throws {
        let realm = try await Realm.new()
        let system = FakeSystem()
        system.gives.update { $0 = false }
        let session = try await expiredSession(realm, system.activity())

        let response = try await within(seconds: 10, "an answer") { try await session.get("/me") }
        let counters = try await realm.counters()

        XCTAssertEqual(response.disposition, .refreshFailed)
        XCTAssertTrue(session.state.isSignedIn)
        XCTAssertEqual(counters["refresh_requests"], 0)
        XCTAssertEqual(system.running, 0)
    }

    func testTimeThatRunsOutSuspendsTheSessionsAndLetsTheProcessGo() async throws {
        let realm = try await Realm.new()
        let system = FakeSystem()
        let process = ProcessLifecycle()
        let suspended = Box(0)
        let session = try await expiredSession(
            realm,
            system.activity {
                AuthSession.suspendAll()
                suspended.update { $0 += 1 }
            })
        process.add(session)
        try await realm.command("hold", ["endpoint": "refresh", "when": "before"])
        let request = Task { try await session.get("/me").status }
        try await realm.command("await_held", ["endpoint": "refresh", "count": 1])

        try await within(seconds: 10, "the end of the time") { await system.expire() }

        XCTAssertEqual(suspended.value, 1)
        XCTAssertEqual(system.running, 0)
        // The process goes on: the refresh, too.
        process.handle(.willEnterForeground)
        try await realm.command("release", ["endpoint": "refresh"])
        let status = try await within(seconds: 30, "the request") { try await request.value }
        XCTAssertEqual(status, 200)
    }

    func testTimeThatRunsOutEndsTheLeaseOfASessionThatTheAppHasLetGoOf() async throws {
        let realm = try await Realm.new()
        let system = FakeSystem()
        let activity = Counting(system.activity { AuthSession.suspendAll() })
        try await realm.command("hold", ["endpoint": "refresh", "when": "before"])
        weak var gone: AuthSession?
        do {
            let session = try await expiredSession(realm, activity)
            gone = session
            let request = Task { try await session.get("/me").status }
            try await realm.command("await_held", ["endpoint": "refresh", "count": 1])
            request.cancel()
            _ = await request.result
        }
        XCTAssertNil(gone)
        XCTAssertEqual(activity.underWay.value, 1)

        try await within(seconds: 10, "the end of the time") { await system.expire() }

        XCTAssertEqual(activity.underWay.value, 0)
        try await realm.command("release", ["endpoint": "refresh"])
    }

    func testARequestAfterASuspensionNeedsNoResume() async throws {
        let realm = try await Realm.new()
        let session = try await expiredSession(realm, FakeSystem().activity())

        AuthSession.suspendAll()
        let status = try await session.get("/me").status

        XCTAssertEqual(status, 200)
    }

    func testEveryBeginHasItsEnd() async throws {
        let system = FakeSystem()
        let activity = system.activity()

        let begun = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { activity.begin() } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        XCTAssertEqual(begun, 20)
        XCTAssertEqual(system.running, 20)
        for _ in 0..<20 { activity.end() }

        try await eventually("all are over") { system.running == 0 }
        // One too many does no harm.
        activity.end()
    }

    func testASignalReachesEverySessionThatLivesAndNoOther() {
        let process = ProcessLifecycle()
        let (one, other) = (Follower(), Follower())
        process.add(one)
        process.add(other)
        weak var gone: Follower?
        do {
            let follower = Follower()
            gone = follower
            process.add(follower)
        }

        process.handle(.willEnterForeground)

        XCTAssertEqual([one.told.value, other.told.value], [["resume"], ["resume"]])
        XCTAssertNil(gone)
    }

    func testProtectedDataThatCanBeReadAgainResumesAndIsRemembered() {
        let process = ProcessLifecycle()
        let follower = Follower()
        process.add(follower)
        XCTAssertTrue(process.isProtectedDataAvailable)

        process.handle(.protectedData(isAvailable: false))
        XCTAssertFalse(process.isProtectedDataAvailable)
        XCTAssertEqual(follower.told.value, [])
        process.handle(.protectedData(isAvailable: true))

        XCTAssertTrue(process.isProtectedDataAvailable)
        XCTAssertEqual(follower.told.value, ["resume"])
    }

    func testANetworkThatCameBackOrChangedIsToldOfAndTheFirstOneIsNot() {
        let process = ProcessLifecycle()
        let follower = Follower()
        process.add(follower)
        let wifi = NetworkPath(isSatisfied: true, interfaces: ["en0"])
        let mobile = NetworkPath(isSatisfied: true, interfaces: ["pdp_ip0"])
        let none = NetworkPath(isSatisfied: false, interfaces: [])

        var told: [Int] = []
        for path in [wifi, wifi, none, none, wifi, mobile] {
            process.handle(.networkPath(path))
            told.append(follower.told.value.count)
        }

        XCTAssertEqual(told, [0, 0, 0, 0, 1, 2])
    }

    private func expiredSession(_ realm: Realm, _ activity: any BackgroundActivity) async throws -> AuthSession {
        var configuration = realm.configuration()
        configuration.backgroundActivity = activity
        let session = try await AuthSession.open(configuration)
        try await session.signIn(Realm.credentials)
        try await realm.command("expire_access_tokens")
        return session
    }
}

/// A store that says when it is written to.
private final class Watched: CustomStore {
    private let content = Box<StoredContent?>(nil)
    private let writing: @Sendable () -> Void

    init(writing: @escaping @Sendable () -> Void) {
        self.writing = writing
    }

    func load(namespace: String, account: String) -> StoredContent? { content.value }

    func replace(namespace: String, account: String, with new: StoredContent) {
        writing()
        content.update { $0 = new }
    }
}

/// Counts what has begun and has not ended.
private final class Counting: BackgroundActivity {
    let underWay = Box(0)
    private let inner: any BackgroundActivity

    init(_ inner: any BackgroundActivity) {
        self.inner = inner
    }

    func begin() -> Bool {
        let begun = inner.begin()
        underWay.update { $0 += begun ? 1 : 0 }
        return begun
    }

    func end() {
        underWay.update { $0 -= 1 }
        inner.end()
    }
}

private final class Follower: LifecycleFollower {
    let told = Box<[String]>([])

    func resume() { told.update { $0.append("resume") } }
    func networkChanged() { told.update { $0.append("networkChanged") } }
}

/// Works like `ProcessInfo.performExpiringActivity`.
private final class FakeSystem: Sendable {
    let gives = Box(true)
    private let blocks = Box<[Int: @Sendable (Bool) -> Void]>([:])
    private let count = Box(0)

    /// How many blocks the system waits for before it suspends the process.
    var running: Int { blocks.value.count }

    func activity(onExpiry: @escaping @Sendable () -> Void = {}) -> ExpiringActivity {
        ExpiringActivity(perform: perform, onExpiry: onExpiry)
    }

    @Sendable private func perform(_ reason: String, _ block: @escaping @Sendable (Bool) -> Void) {
        XCTAssertFalse(reason.isEmpty)
        let number = count.update { count in
            count += 1
            return count
        }
        let gives = gives.value
        if gives {
            blocks.update { $0[number] = block }
        }
        Thread.detachNewThread { [blocks] in
            block(!gives)
            blocks.update { $0[number] = nil }
        }
    }

    /// The time is over: returns when the process may be suspended.
    func expire() async {
        for block in blocks.value.values {
            block(true)
        }
        while running > 0 {
            await Task.yield()
        }
    }
}
