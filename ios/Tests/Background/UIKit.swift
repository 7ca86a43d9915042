// Stands in for UIKit where the background tasks of docs/platforms/apple.md run: on one thread, so that every order is
// the test's.
import Foundation

public struct UIBackgroundTaskIdentifier: Hashable, Sendable {
    public static let invalid = Self(number: 0)

    let number: Int
}

@MainActor public final class UIApplication {
    nonisolated(unsafe) private var handlers: [UIBackgroundTaskIdentifier: @MainActor @Sendable () -> Void] = [:]
    nonisolated(unsafe) private var begun = 0
    nonisolated(unsafe) public var givesTime = true

    public init() {}

    /// How many keep the process from being suspended.
    public nonisolated var running: Int { handlers.count }

    public nonisolated func beginBackgroundTask(
        withName name: String?, expirationHandler: (@MainActor @Sendable () -> Void)? = nil
    ) -> UIBackgroundTaskIdentifier {
        guard givesTime else { return .invalid }
        begun += 1
        let task = UIBackgroundTaskIdentifier(number: begun)
        handlers[task] = expirationHandler
        return task
    }

    public nonisolated func endBackgroundTask(_ identifier: UIBackgroundTaskIdentifier) {
        precondition(handlers.removeValue(forKey: identifier) != nil, "a task ends twice")
    }

    /// The time is over: each task that has not ended by then is told.
    public func expire() {
        for task in handlers.keys {
            handlers[task]?()
        }
        precondition(handlers.isEmpty, "the system ends a process whose tasks go on")
    }
}
