import Foundation

#if os(iOS)
import Network
import UIKit
#elseif os(macOS)
import AppKit
import Network
#endif

/// What the system offers to a session: a thin shell, since it can be tried on a device only.
enum SystemLifecycle {
    #if os(iOS) || os(macOS)
    private static let process = ProcessLifecycle()
    @MainActor private static let monitor = NWPathMonitor()
    /// Serial, so that what the system says keeps its order.
    private static let queue = DispatchQueue(label: "auth-session-lifecycle")

    /// Begins to listen, once for the process.
    @MainActor private static let isListening: Bool = {
        // `@Sendable`, since a closure that is made on the main actor belongs to it otherwise, and may run nowhere
        // else.
        monitor.pathUpdateHandler = { @Sendable path in
            process.handle(
                .networkPath(
                    NetworkPath(
                        isSatisfied: path.status == .satisfied, interfaces: path.availableInterfaces.map(\.name))))
        }
        monitor.start(queue: queue)
        listenToApplication()
        return true
    }()

    /// Learns on the main thread what the system says now, before a session is opened.
    static func prepare() async {
        _ = await isListening
    }

    /// Tells the session what the system says from now on.
    static func follow(_ session: AuthSession) {
        process.add(session)
    }
    #else
    static func prepare() async {}

    static func follow(_ session: AuthSession) {}
    #endif

    #if os(iOS)
    /// Time for a refresh. An app extension gets it in the same way.
    static let backgroundActivity: (any BackgroundActivity)? = ExpiringActivity(
        perform: { ProcessInfo.processInfo.performExpiringActivity(withReason: $0, using: $1) },
        onExpiry: { AuthSession.suspendAll() }
    )

    static let isProtectedDataAvailable: (@Sendable () -> Bool)? = { process.isProtectedDataAvailable }

    @MainActor private static func listenToApplication() {
        // `UIApplication.shared` may not be named in code that app extensions link, and there is none in them.
        let isExtension = Bundle.main.bundlePath.hasSuffix(".appex")
        let application =
            isExtension ? nil : UIApplication.value(forKey: "sharedApplication") as? UIApplication
        if let application {
            process.handle(.protectedData(isAvailable: application.isProtectedDataAvailable))
        }
        observe(UIApplication.willEnterForegroundNotification, .willEnterForeground)
        observe(UIApplication.protectedDataDidBecomeAvailableNotification, .protectedData(isAvailable: true))
        observe(UIApplication.protectedDataWillBecomeUnavailableNotification, .protectedData(isAvailable: false))
        observe(.NSExtensionHostWillEnterForeground, .willEnterForeground)
    }
    #else
    /// Other systems do not suspend a process without notice.
    static let backgroundActivity: (any BackgroundActivity)? = nil

    static let isProtectedDataAvailable: (@Sendable () -> Bool)? = nil
    #endif

    #if os(macOS)
    @MainActor private static func listenToApplication() {
        observe(NSApplication.willBecomeActiveNotification, .willEnterForeground)
    }
    #endif

    #if os(iOS) || os(macOS)
    @MainActor private static func observe(_ name: Notification.Name, _ signal: LifecycleSignal) {
        // For the life of the process, so nobody has to remove it.
        _ = NotificationCenter.default.addObserver(forName: name, object: nil, queue: nil) { @Sendable _ in
            // Sessions may read their store now, which the main thread must not wait for.
            queue.async { process.handle(signal) }
        }
    }
    #endif
}
