import AuthSessionKit
import Foundation

/// How often JavaScript hears of a body at most, in seconds. As often as a bar can be seen to move, and no queue builds
/// up.
private let interval: TimeInterval = 0.05

/// Tells JavaScript how far the bodies of a request have come.
final class ProgressReports: @unchecked Sendable {
    private let report: @Sendable ([String: Any]) -> Void
    private let requestID: String
    /// Guards what follows, and keeps the reports in order.
    private let lock = NSLock()
    private var lastAt: [String: TimeInterval] = [:]
    private var heldBack: [String: TransferProgress] = [:]

    init(requestID: String, report: @escaping @Sendable ([String: Any]) -> Void) {
        self.requestID = requestID
        self.report = report
    }

    /// What the session tells about one direction.
    func handler(_ direction: String) -> @Sendable (TransferProgress) -> Void {
        { [self] progress in tell(direction, progress) }
    }

    /// Tells what was held back. Called before the promise is settled, after which nobody listens.
    func flush() {
        lock.withLock {
            for (direction, progress) in heldBack {
                report(progress.dictionary(requestID: requestID, direction: direction))
            }
            heldBack = [:]
        }
    }

    private func tell(_ direction: String, _ progress: TransferProgress) {
        let now = ProcessInfo.processInfo.systemUptime
        lock.withLock {
            if progress.bytes == progress.totalBytes || lastAt[direction].map({ now - $0 >= interval }) != false {
                lastAt[direction] = now
                heldBack[direction] = nil
                report(progress.dictionary(requestID: requestID, direction: direction))
            } else {
                heldBack[direction] = progress
            }
        }
    }
}
