import AuthSessionKit
import XCTest

final class EventTests: XCTestCase {
    func testEveryListenerSeesEveryEventInOrder() async throws {
        let realm = try await Realm.new()
        let session = try await realm.openSession()
        let listeners = [session.events, session.events]

        try await session.signIn(Realm.credentials)
        try await realm.command("expire_access_tokens")
        _ = try await session.get("/me")
        try await session.signOut()

        for events in listeners {
            var seen: [SessionEvent?] = []
            for _ in 0..<3 {
                seen.append(try await nextEvent(of: events))
            }
            XCTAssertEqual(seen, [.signedIn, .refreshed, .signedOut(.user)])
        }
    }

    func testAListenerSeesNothingOfWhatWasBeforeIt() async throws {
        let session = try await Realm.new().signedInSession()
        let events = session.events

        try await session.signOut()

        let first = try await nextEvent(of: events)
        XCTAssertEqual(first, .signedOut(.user))
    }

    func testAFailedRefreshIsAnEventWithItsCodeAndKeepsTheSession() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let events = session.events
        try await realm.command("expire_access_tokens")
        try await realm.command("fault", ["endpoint": "refresh", "when": "before", "status": 503])

        let response = try await session.get("/me")

        XCTAssertEqual(response.disposition, .refreshFailed)
        XCTAssertTrue(session.state.isSignedIn)
        guard case .refreshFailed(let code, _) = try await nextEvent(of: events) else {
            return XCTFail("the first event is not a failed refresh")
        }
        XCTAssertEqual(code, .refreshUnavailable)
    }

    func testAServerThatWantsMoreThanAValidTokenIsAnEventThatTellsWhat() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let events = session.events
        let challenges: [JSON] = [
            #"Bearer error="insufficient_user_authentication", acr_values="urn:mfa other", max_age=300"#,
            #"Bearer error="insufficient_scope", scope="notes:write""#,
        ]

        var seen: [SessionEvent?] = []
        for challenge in challenges {
            try await realm.command(
                "fault",
                [
                    "endpoint": "resource", "when": "before", "times": 1, "status": 401,
                    "headers": ["WWW-Authenticate": challenge],
                ])
            let response = try await session.get("/me")
            XCTAssertEqual(response.disposition, .stepUpRequired)
            seen.append(try await nextEvent(of: events))
        }

        XCTAssertEqual(
            seen,
            [
                .stepUpRequired(acrValues: "urn:mfa other", maxAge: 300, scope: nil),
                .stepUpRequired(acrValues: nil, maxAge: nil, scope: "notes:write"),
            ])
        XCTAssertEqual(seen.map { $0?.name }, ["step_up_required", "step_up_required"])
        let counters = try await realm.counters()
        XCTAssertEqual(counters["refresh_requests"], 0)
    }
}
