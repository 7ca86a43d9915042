import Foundation

/// What a test waited for did not happen.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Runs an operation, and cancels it and throws if it takes longer than it ever should. It does not wait for one that
/// does not heed that: a defect is a test that fails, not one that hangs.
func within<Value: Sendable>(
    seconds: UInt64, _ what: String, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let work = Task(operation: operation)
    let results = AsyncStream<Result<Value, any Error>>.makeStream()
    let watch = Task { _ = results.continuation.yield(await work.result) }
    let timer = Task {
        try await Task.sleep(nanoseconds: seconds * 1_000_000_000)
        _ = results.continuation.yield(.failure(TimedOut(description: "\(what) took more than \(seconds) s")))
    }
    defer {
        timer.cancel()
        watch.cancel()
        work.cancel()
    }
    for await result in results.stream {
        return try result.get()
    }
    throw CancellationError()
}
