internal import AuthSessionBindings

/// Asks the system to let a refresh finish although the app leaves the foreground.
///
/// A refresh that is cut between the server's rotation and the save may be lost, and an app that is suspended while it
/// holds a lock in a shared container is killed (`0xdead10cc`). On iOS the library brings one of its own. One of the
/// app's calls ``AuthSession/suspend()`` when its time is over before ``end()``. Called on threads of the library,
/// which may block.
public protocol BackgroundActivity: Sendable {
    /// Before a refresh begins. False: there is no time, and none begins. Each `true` is followed by one ``end()``.
    func begin() -> Bool

    /// The refresh is over, and no lock is held.
    func end()
}

/// The app's activity as the native library calls it.
final class ActivityAdapter: ActivityCallbacks {
    private let activity: any BackgroundActivity

    init(_ activity: any BackgroundActivity) {
        self.activity = activity
    }

    func begin() -> Bool { activity.begin() }

    func end() { activity.end() }
}
