import XCTest

@testable import AuthSessionKit

final class ErrorTests: XCTestCase {
    func testEveryCodeHasItsStableName() {
        XCTAssertEqual(
            AuthSessionError.Code.allCases.map(\.rawValue),
            [
                "invalid_configuration", "invalid_request", "origin_not_allowed", "signed_out", "session_ended",
                "session_changed", "sign_in_rejected", "refresh_unavailable", "authority_misconfigured",
                "authority_unexpected", "network", "timeout", "cancelled", "body_too_large", "undecodable",
                "unsuccessful", "store_unavailable", "store_corrupt", "locked", "internal", "unknown",
            ]
        )
    }

    func testACodeOfALaterLibraryIsUnknownAndNoCrash() {
        XCTAssertEqual(AuthSessionError.Code("not_invented_yet"), .unknown)
    }

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
