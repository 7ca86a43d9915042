import XCTest

@testable import AuthSessionKit

final class ErrorTests: XCTestCase {
    func testTheLocalizedTextIsTheExplanation() {
        let error: any Error = AuthSessionError(.timeout, "there was no answer in time")

        XCTAssertEqual(error.localizedDescription, "there was no answer in time")
        XCTAssertEqual("\(error)", "timeout: there was no answer in time")
    }

    func testAnExpiryThatMakesNoSenseCountsAsUnknown() {
        for expiresIn in [-1, .nan, .infinity, 1e30] {
            XCTAssertNil(Tokens(accessToken: "token", expiresIn: expiresIn).expiresInSeconds)
        }
        XCTAssertEqual(Tokens(accessToken: "token", expiresIn: 59.9).expiresInSeconds, 59)
    }
}
