import AuthSessionKit
import XCTest

final class ObservationTests: XCTestCase {
    func testTheStatesBeginWithTheOneThatIsAndEndWithTheOneThatBecame() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let seen = Box<[SessionState]>([])
        let states = session.states
        let reader = Task {
            for await state in states { seen.update { $0.append(state) } }
        }
        try await eventually("the first state") { !seen.value.isEmpty }

        try await session.signIn(Realm.credentials)
        try await eventually("the sign-in") { seen.value.last?.isSignedIn ?? false }
        // An event that changes nothing is no state.
        try await realm.command(
            "fault",
            [
                "endpoint": "resource", "when": "before", "times": 1, "status": 401,
                "headers": ["WWW-Authenticate": #"Bearer error="insufficient_scope""#],
            ])
        _ = try await session.get("/me")
        try await session.signOut()
        try await eventually("the sign-out") { seen.value.last == .signedOut(.user) }
        reader.cancel()

        XCTAssertEqual(seen.value.map(\.name), ["signed_out", "signed_in", "signed_out"])
        XCTAssertEqual(seen.value.first, .signedOut(.neverSignedIn))
    }

    func testCancellingWhoReadsTheStatesEndsTheStream() async throws {
        let session = try await Realm.new().openSession()
        let reader = Task {
            for await _ in session.states {}
        }

        reader.cancel()

        try await within(seconds: 10, "the end of the stream") { await reader.value }
    }

    func testAListenerIsToldInOrderOneCallAtATimeAlsoIfItThrowsBlocksAndCallsBack() async throws {
        struct Refusing: Error {}
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let seen = Box<[String]>([])
        let gate = DispatchSemaphore(value: 0)
        let subscription = try session.listen { event in
            if event == .signedIn {
                gate.wait()
            }
            _ = session.state
            session.networkChanged()
            seen.update { $0.append(event.name) }
            throw Refusing()
        }

        try await session.signIn(Realm.credentials)
        try await realm.command("expire_access_tokens")
        // The listener still blocks, and holds up neither requests nor the sign-out.
        let status = try await within(seconds: 10, "a request") { try await session.get("/me").status }
        try await session.signOut()
        XCTAssertEqual(seen.value, [])
        gate.signal()

        XCTAssertEqual(status, 200)
        try await eventually("all events") { seen.value.count == 3 }
        XCTAssertEqual(seen.value, ["signed_in", "refreshed", "signed_out"])
        subscription.cancel()
    }

    func testAListenerIsToldNothingAfterItsSubscriptionIsCancelledOrLetGo() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let seen = Box<[String]>([])
        let cancelled = try session.listen { _ in seen.update { $0.append("cancelled") } }
        cancelled.cancel()
        do {
            _ = try session.listen { _ in seen.update { $0.append("let go") } }
        }
        let kept = try session.listen { _ in seen.update { $0.append("kept") } }

        try await session.signIn(Realm.credentials)

        try await eventually("the listener is told") { seen.value.contains("kept") }
        XCTAssertEqual(seen.value, ["kept"])
        kept.cancel()
    }

    func testAThousandEventsArriveInOrder() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let seen = Box<[String]>([])
        let subscription = try session.listen { event in seen.update { $0.append(event.name) } }

        for _ in 0..<500 {
            try await session.adopt(Tokens(accessToken: "access"))
            try await session.signOut()
        }

        try await eventually("all events") { seen.value.count >= 1_000 }
        XCTAssertEqual(seen.value, (0..<500).flatMap { _ in ["signed_in", "signed_out"] })
        subscription.cancel()
    }

    func testTheModelShowsTheStateAndTheLastEvent() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let model = await SessionModel(session)
        let (state, event) = await (model.state, model.lastEvent)
        XCTAssertEqual(state, .signedOut(.neverSignedIn))
        XCTAssertNil(event)

        try await session.signIn(Realm.credentials)
        try await eventually("the sign-in is shown") { await model.state.isSignedIn }
        try await session.signOut()

        try await eventually("the sign-out is shown") { await model.lastEvent == .signedOut(.user) }
        try await eventually("the state follows") { await model.state == .signedOut(.user) }
    }

    func testAModelEndsWithItsLastReference() async throws {
        let session = try await Realm.new().openSession()
        var model: SessionModel? = await SessionModel(session)
        weak var gone = model

        model = nil

        // Its tasks hold it for a moment while they set a state.
        for _ in 0..<10_000 where gone != nil { await Task.yield() }
        XCTAssertNil(gone)
    }

    func testTheLogIsHandedOverUpToItsLevelAndHoldsNoToken() async throws {
        let lines = Box<[LogLine]>([])
        try AuthSession.setLogHandler(upTo: .trace) { line in lines.update { $0.append(line) } }
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let issued = try await realm.issueTokens()

        try await session.adopt(issued.tokens)
        _ = try await session.get("/me")
        try await session.signOut()

        try await eventually("a line of the log") { !lines.value.isEmpty }
        try AuthSession.setLogHandler(nil)
        for line in lines.value {
            XCTAssertTrue(line.target.hasPrefix("auth_session"), line.target)
            XCTAssertFalse(line.message.contains(issued.access_token), line.message)
            XCTAssertFalse(line.message.contains(issued.refresh_token), line.message)
        }
    }
}
