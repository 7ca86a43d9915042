// Stands in for AuthSessionKit where the guide's interceptor runs: what is asked of it is answered when a test says so.
@_exported import Foundation

#if canImport(FoundationNetworking)
@_exported import FoundationNetworking
#endif

public final class Authorization: Sendable {
    public init() {}

    public func apply(to request: inout URLRequest) {}
}

public final class AuthSession: @unchecked Sendable {
    private let lock = NSLock()
    private var asked: [CheckedContinuation<Void, Never>] = []

    public init() {}

    public func authorization(for url: URL) async throws -> Authorization {
        await answered()
        return Authorization()
    }

    public func refused(
        _ authorization: Authorization, response: HTTPURLResponse, data: Data
    ) async throws -> Authorization? {
        await answered()
        return Authorization()
    }

    private func answered() async {
        await withCheckedContinuation { continuation in
            lock.withLock { asked.append(continuation) }
        }
    }

    /// Answers the next question, which may be still to come.
    public func answer() async {
        while true {
            if let next = lock.withLock({ asked.popLast() }) {
                return next.resume()
            }
            await Task.yield()
        }
    }
}
