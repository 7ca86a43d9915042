import Foundation

/// A value that several threads use.
final class Box<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value

    init(_ value: Value) {
        stored = value
    }

    var value: Value {
        lock.withLock { stored }
    }

    @discardableResult
    func update<Result>(_ change: (inout Value) throws -> Result) rethrows -> Result {
        try lock.withLock { try change(&stored) }
    }
}

/// Waits until a condition holds, for as long as it ever should take.
func eventually(
    _ what: String, _ condition: @escaping @Sendable () async throws -> Bool
) async throws {
    try await within(seconds: 10, what) {
        while try await !condition() {
            // Nothing tells of what is waited for here.
            try await Task.sleep(nanoseconds: 1_000_000)
        }
    }
}
