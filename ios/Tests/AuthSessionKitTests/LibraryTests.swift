import AuthSessionKit
import XCTest

/// The library that is linked. `scripts/test-swift.sh` runs these tests twice: with the real library, and with one of
/// which a checksum is another, which stands for a library of another version.
final class LibraryTests: XCTestCase {
    private let isOther = ProcessInfo.processInfo.environment["AUTHSESSION_OTHER_LIBRARY"] != nil

    func testALibraryOfAnotherVersionIsAnErrorThatSaysWhatToDo() async throws {
        let url = try XCTUnwrap(URL(string: "https://api.example"))
        func open() async throws -> AuthSession { try await AuthSession.open(.init(baseURL: url, store: .memory)) }
        guard isOther else {
            let session = try await open()
            XCTAssertEqual(session.state, .signedOut(.neverSignedIn))
            return XCTAssertNoThrow(try AuthSession.setLogHandler(nil))
        }

        for error in [
            await authSessionError { try await open() },
            await authSessionError { try AuthSession.setLogHandler { _ in } },
        ] {
            XCTAssertEqual(error?.code, .invalidConfiguration)
            XCTAssertTrue(error?.explanation.contains("scripts/build-ios.sh") ?? false, "\(error as Any)")
        }
    }

    func testTheLibraryHasAVersionUnlessItIsAnother() {
        XCTAssertEqual(AuthSession.libraryVersion.isEmpty, isOther)
    }
}
