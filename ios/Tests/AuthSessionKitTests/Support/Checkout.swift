import Foundation

/// Where things are in the checkout that these tests belong to.
enum Checkout {
    /// `AUTHSESSION_ROOT`, or the folder above this file that holds the scenarios.
    static let root: URL = {
        if let root = ProcessInfo.processInfo.environment["AUTHSESSION_ROOT"] {
            return URL(fileURLWithPath: root)
        }
        var folder = URL(fileURLWithPath: #filePath)
        while !FileManager.default.fileExists(atPath: folder.appendingPathComponent("tests/scenarios").path) {
            precondition(folder.path != "/", "no folder above \(#filePath) holds tests/scenarios")
            folder.deleteLastPathComponent()
        }
        return folder
    }()

    static let scenarios = root.appendingPathComponent("tests/scenarios")

    /// Where cargo and the scripts build: `CARGO_TARGET_DIR`, as they read it, or `target`.
    static let target: URL = environmentPath("CARGO_TARGET_DIR") ?? root.appendingPathComponent("target")

    static let authority: URL =
        environmentPath("AUTHSESSION_AUTHORITY") ?? target.appendingPathComponent("debug/test-authority")

    private static func environmentPath(_ name: String) -> URL? {
        ProcessInfo.processInfo.environment[name].map { URL(fileURLWithPath: $0) }
    }
}
