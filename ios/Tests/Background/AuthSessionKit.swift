// Stands in for AuthSessionKit where the background tasks of docs/platforms/apple.md run.
@_exported import Foundation

public protocol BackgroundActivity: Sendable {
    func begin() -> Bool
    func end()
}

public final class AuthSession: Sendable {
    /// What the native library does while it suspends all sessions: the activities that it has begun end.
    nonisolated(unsafe) public static var suspending: () -> Void = {}

    public static func suspendAll() {
        suspending()
    }
}
