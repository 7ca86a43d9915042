import XCTest

@testable import AuthSessionKit

/// The names are those of `docs/reference.md`.
final class NamesTests: XCTestCase {
    func testTheErrorCodesAreThoseOfTheReference() throws {
        let names = Set(AuthSessionError.Code.allCases.map(\.rawValue))
        XCTAssertEqual(names, try reference("Error codes").union(["unknown"]))
    }

    func testACodeThatThisVersionDoesNotKnowIsUnknown() {
        XCTAssertEqual(AuthSessionError.Code("not_invented_yet"), .unknown)
    }

    func testTheDispositionsAreThoseOfTheReference() throws {
        XCTAssertEqual(Set(Disposition.allCases.map(\.rawValue)), try reference("Dispositions of an answer"))
    }

    func testTheReasonsForBeingSignedOutAreThoseOfTheReference() throws {
        XCTAssertEqual(Set(SignOutReason.allCases.map(\.rawValue)), try reference("Reasons for being signed out"))
    }

    func testTheStatesAreThoseOfTheReference() throws {
        let user = SignedInUser(subject: nil, accessTokenExpiresAt: nil, claims: nil)
        let states: [SessionState] = [.restoring, .signedOut(.user), .signedIn(user), .locked]
        XCTAssertEqual(Set(states.map(\.name)), try reference("States"))
    }

    func testTheEventsAreThoseOfTheReference() throws {
        let events: [SessionEvent] = [
            .restored, .signedIn, .refreshed, .refreshFailed(code: .network, retryAfter: nil), .signInRecommended,
            .stepUpRequired(acrValues: nil, maxAge: nil, scope: nil), .persistenceDegraded, .persistenceRestored,
            .signedOut(.user), .missed(count: 1),
        ]
        XCTAssertEqual(Set(events.map(\.name)), try reference("Events"))
    }

    private func reference(_ section: String) throws -> Set<String> {
        let page = try String(contentsOf: Checkout.root.appendingPathComponent("docs/reference.md"), encoding: .utf8)
        let text = page.components(separatedBy: "\n## ").first { $0.hasPrefix("\(section)\n") }
        let rows = try XCTUnwrap(text).components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
        return Set(rows.map { $0.components(separatedBy: "`")[1] })
    }
}
