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

    func testTheLibraryHasAVersion() {
        XCTAssertFalse(AuthSession.libraryVersion.isEmpty)
    }
}
