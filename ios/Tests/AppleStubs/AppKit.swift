// https://developer.apple.com/documentation/appkit/nsapplication
@_exported import Foundation

@MainActor public final class NSApplication {
    public nonisolated static let willBecomeActiveNotification = Notification.Name("willBecomeActive")
}
