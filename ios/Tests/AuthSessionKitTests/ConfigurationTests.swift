import AuthSessionKit
import XCTest

final class ConfigurationTests: XCTestCase {
    func testPlainHTTPIsRefusedUnlessLoopbackIsAllowed() async throws {
        let realm = try await Realm.new()

        let error = await authSessionError { try await AuthSession.open(.init(baseURL: realm.apiURL)) }

        XCTAssertEqual(error?.code, .invalidConfiguration)
    }

    func testPlainHTTPToAnotherMachineIsRefusedEvenThen() async throws {
        let url = try XCTUnwrap(URL(string: "http://api.example"))

        let error = await authSessionError { try await AuthSession.open(.init(baseURL: url, allowsLoopback: true)) }

        XCTAssertEqual(error?.code, .invalidConfiguration)
    }

    func testABaseURLThatIsNoURLOfAServerIsRefused() async throws {
        let url = try XCTUnwrap(URL(string: "relative/path"))

        let error = await authSessionError { try await AuthSession.open(.init(baseURL: url)) }

        XCTAssertEqual(error?.code, .invalidConfiguration)
    }

    func testAnAccountOfAFileStoreThatIsOpenAlreadyIsTheSameSession() async throws {
        let realm = try await Realm.new()
        let store = AuthSession.Store.file(try temporaryDirectory())
        let session = try await realm.openSession(store: store)
        let again = try await realm.openSession(store: store)

        try await session.signIn(Realm.credentials)
        XCTAssertTrue(again.state.isSignedIn)
        try await realm.command("expire_access_tokens")
        async let one = session.get("/me").status
        async let other = again.get("/me").status

        let statuses = try await [one, other]
        XCTAssertEqual(statuses, [200, 200])
        let counters = try await realm.counters()
        XCTAssertEqual(counters["refresh_requests"], 1)
    }

    func testAnAccountOfAFileStoreIsNotOpenedWithAnotherConfiguration() async throws {
        let realm = try await Realm.new()
        let store = AuthSession.Store.file(try temporaryDirectory())
        let session = try await realm.openSession(store: store)

        let error = await authSessionError { try await realm.openSession(store: store, requestTimeout: 1) }

        XCTAssertEqual(error?.code, .alreadyOpen)
        XCTAssertEqual(session.state, .signedOut(.neverSignedIn))
    }

    func testEachOpeningInMemoryIsASessionOfItsOwn() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let other = try await realm.openSession()

        XCTAssertTrue(session.state.isSignedIn)
        XCTAssertEqual(other.state, .signedOut(.neverSignedIn))
    }
}
