internal import AuthSessionBindings

/// Asks the system to let a refresh, or a write to the store, finish although the app leaves the foreground.
///
/// A refresh that is cut between the server's rotation and the save may be lost, and an app that is suspended while it
/// holds a lock in a shared container is killed (`0xdead10cc`). On iOS the library brings one of its own. One of the
/// app's calls ``AuthSession/suspendAll()`` when its time is over before ``end()``. Called on threads of the library,
/// which may block; several activities may be under way at once.
public protocol BackgroundActivity: Sendable {
    /// Before a refresh begins, and before what a sign-in, a refresh or a sign-out brings is written. False: there is no
    /// time, and no refresh begins; a write is made all the same, since it takes milliseconds and what is not saved may
    /// be lost. Each `true` is followed by one ``end()``.
    func begin() -> Bool

    /// The refresh or the write is over, and no lock is held for it.
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
