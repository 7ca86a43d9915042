// https://developer.apple.com/documentation/uikit/uiapplication
@_exported import Foundation

// Without `shared`, which may not be named in code that app extensions link.
@MainActor public final class UIApplication {
    public nonisolated static let willEnterForegroundNotification = Notification.Name("willEnterForeground")
    public nonisolated static let protectedDataDidBecomeAvailableNotification = Notification.Name("available")
    public nonisolated static let protectedDataWillBecomeUnavailableNotification = Notification.Name("unavailable")

    public var isProtectedDataAvailable: Bool { true }

    // Key-value coding of the class object, which every class of Objective-C has.
    public nonisolated static func value(forKey key: String) -> Any? { nil }
}

extension Notification.Name {
    // https://developer.apple.com/documentation/foundation/nsextensioncontext
    public static let NSExtensionHostWillEnterForeground = Notification.Name("extensionHost")
}

extension ProcessInfo {
    // https://developer.apple.com/documentation/foundation/processinfo/performexpiringactivity(withreason:using:)
    public func performExpiringActivity(withReason reason: String, using block: @escaping @Sendable (Bool) -> Void) {}
}
