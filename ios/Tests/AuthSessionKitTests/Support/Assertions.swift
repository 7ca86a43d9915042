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

/// That a task ends, and by its cancellation.
func assertCancelled<Value: Sendable>(
    _ task: Task<Value, any Error>, file: StaticString = #filePath, line: UInt = #line
) async {
    do {
        let result = try await within(seconds: 10, "a cancelled task") { await task.result }
        switch result {
        case .success(let value): XCTFail("ended with \(value)", file: file, line: line)
        case .failure(let error): XCTAssertTrue(error is CancellationError, "\(error)", file: file, line: line)
        }
    } catch {
        XCTFail("\(error)", file: file, line: line)
    }
}

extension XCTestCase {
    /// A new directory, which goes with the test.
    func temporaryDirectory() throws -> URL {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        addTeardownBlock { try FileManager.default.removeItem(at: directory) }
        return directory
    }
}
