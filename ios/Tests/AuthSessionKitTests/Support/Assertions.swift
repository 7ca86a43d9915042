import AuthSessionKit
import XCTest

/// The `AuthSessionError` that an operation throws; a failure of the test if it throws none.
func authSessionError<Value>(
    file: StaticString = #filePath, line: UInt = #line, _ operation: () async throws -> Value
) async -> AuthSessionError? {
    do {
        _ = try await operation()
        XCTFail("an error was expected", file: file, line: line)
    } catch let error as AuthSessionError {
        return error
    } catch {
        XCTFail("an AuthSessionError was expected, not \(error)", file: file, line: line)
    }
    return nil
}

/// The next event of a stream, within ten seconds.
func nextEvent(of events: AsyncStream<SessionEvent>) async throws -> SessionEvent? {
    try await within(seconds: 10, "the next event") {
        for await event in events {
            return event
        }
        return nil
    }
}
