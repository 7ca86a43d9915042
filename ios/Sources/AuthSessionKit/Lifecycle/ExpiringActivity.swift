import Foundation

/// A background activity on top of a system that works like `ProcessInfo.performExpiringActivity`: it calls a block on
/// a thread of its own, with false if there is time, which lasts until the block returns, and with true if there is
/// none; when the time runs out while the block runs, it calls the block once more, with true, and suspends the process
/// when both have returned.
final class ExpiringActivity: BackgroundActivity, @unchecked Sendable {
    typealias Perform =
        @Sendable (_ reason: String, _ block: @escaping @Sendable (_ isExpired: Bool) -> Void) -> Void

    /// The system answers at once, on another thread. One that does not has no time to give.
    private static let patience: TimeInterval = 5

    private let perform: Perform
    private let onExpiry: @Sendable () -> Void
    private let lock = NSLock()
    /// Those that have begun. Which of them an ``end()`` is meant for does not matter, but for one that the system has
    /// ended: its own end must not take the time of another.
    private var assertions: [Assertion] = []

    /// - Parameter onExpiry: Gives back what must not be held while the process is suspended, before it returns.
    init(perform: @escaping Perform, onExpiry: @escaping @Sendable () -> Void) {
        self.perform = perform
        self.onExpiry = onExpiry
    }

    func begin() -> Bool {
        let assertion = Assertion()
        perform("Refreshing or saving the session") { [onExpiry] isExpired in
            if !isExpired {
                assertion.hold()
            } else if assertion.isGranted {
                onExpiry()
                assertion.end()
            } else {
                assertion.end()
            }
        }
        guard assertion.isGranted(within: Self.patience) else {
            return false
        }
        lock.withLock { assertions.append(assertion) }
        return true
    }

    func end() {
        let assertion = lock.withLock { () -> Assertion? in
            if let over = assertions.firstIndex(where: { !$0.isGranted }) {
                return assertions.remove(at: over)
            }
            return assertions.popLast()
        }
        assertion?.end()
    }
}

/// One stretch of time that the system gives.
private final class Assertion: @unchecked Sendable {
    private enum Phase {
        case asked, granted, over
    }

    private let condition = NSCondition()
    private var phase = Phase.asked

    var isGranted: Bool {
        condition.lock()
        defer { condition.unlock() }
        return phase == .granted
    }

    /// Waits for the system's answer; none counts as a no, also if it comes later.
    func isGranted(within seconds: TimeInterval) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while phase == .asked {
            if !condition.wait(until: deadline) {
                phase = .over
            }
        }
        return phase == .granted
    }

    /// Takes the time, and returns when it is not needed any more.
    func hold() {
        condition.lock()
        defer { condition.unlock() }
        guard phase == .asked else { return }
        phase = .granted
        condition.broadcast()
        while phase == .granted {
            condition.wait()
        }
    }

    func end() {
        condition.lock()
        defer { condition.unlock() }
        phase = .over
        condition.broadcast()
    }
}
