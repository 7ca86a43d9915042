import AuthSessionKit
import XCTest

#if canImport(Glibc)
import Glibc
#endif

/// How often a request crosses the boundary to the native library; see `docs/crossings.md`. These tests run with a
/// library that counts: `scripts/test-swift.sh` sees to that.
final class CrossingsTests: XCTestCase {
    private static let calls = 100

    func testARequestCrossesFiveTimes() async throws {
        let session = try await Realm.new().signedInSession()
        let body = Data(count: 1000)
        let once = [
            "ffi_auth_session_ffi_rustbuffer_from_bytes",
            "ffi_auth_session_ffi_rustbuffer_free",
            "uniffi_auth_session_ffi_fn_clone_session",
            "uniffi_auth_session_ffi_fn_method_session_send",
            "callback answerreceiver.answered",
        ]

        for call in [{ try await session.get("/me") }, { try await session.post("/echo", body) }] {
            // What is done once is done now.
            _ = try await call()
            _ = try crossings()
            for _ in 0..<Self.calls {
                _ = try await call()
            }

            XCTAssertEqual(try crossings(), Dictionary(uniqueKeysWithValues: once.map { ($0, Self.calls) }))
        }
    }

    /// What crossed since the last call, and how often.
    private func crossings() throws -> [String: Int] {
        typealias Take = @convention(c) (UnsafeMutablePointer<CChar>, UInt64) -> Void
        let symbol = try XCTUnwrap(dlsym(dlopen(nil, RTLD_NOW), "crossings_take"), "the library does not count")
        let capacity = 1 << 16
        let lines = UnsafeMutablePointer<CChar>.allocate(capacity: capacity)
        defer { lines.deallocate() }
        unsafeBitCast(symbol, to: Take.self)(lines, UInt64(capacity))
        let pairs = String(cString: lines).split(separator: "\n").map { line in
            let parts = line.split(separator: " ", maxSplits: 1)
            return (String(parts[1]), Int(parts[0]) ?? 0)
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }
}
