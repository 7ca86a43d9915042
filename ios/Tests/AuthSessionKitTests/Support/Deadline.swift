import Foundation

/// What a test waited for did not happen.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Runs an operation, and cancels it and throws if it takes longer than it ever should.
func within<Value: Sendable>(
    seconds: UInt64, _ what: String, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: operation)
        group.addTask {
            try await Task.sleep(nanoseconds: seconds * 1_000_000_000)
            throw TimedOut(description: "\(what) took more than \(seconds) s")
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else {
            throw CancellationError()
        }
        return value
    }
}
