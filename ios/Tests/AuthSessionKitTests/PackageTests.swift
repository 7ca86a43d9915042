import XCTest

/// What a package for Apple platforms has to bring along.
final class PackageTests: XCTestCase {
    func testThePrivacyManifestTracksNobodyCollectsNothingAndHasAReasonForEveryAPI() throws {
        let file = Checkout.root.appendingPathComponent("ios/Sources/AuthSessionKit/PrivacyInfo.xcprivacy")

        let manifest = try XCTUnwrap(
            try PropertyListSerialization.propertyList(from: Data(contentsOf: file), format: nil) as? [String: Any])

        XCTAssertEqual(manifest["NSPrivacyTracking"] as? Bool, false)
        XCTAssertEqual((manifest["NSPrivacyCollectedDataTypes"] as? [Any])?.count, 0)
        let apis = try XCTUnwrap(manifest["NSPrivacyAccessedAPITypes"] as? [[String: Any]])
        XCTAssertFalse(apis.isEmpty)
        for api in apis {
            XCTAssertNotNil(api["NSPrivacyAccessedAPIType"] as? String)
            XCTAssertEqual((api["NSPrivacyAccessedAPITypeReasons"] as? [String])?.isEmpty, false)
        }
    }
}
