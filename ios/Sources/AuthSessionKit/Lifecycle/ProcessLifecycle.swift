import Foundation

/// What the system says about the process.
enum LifecycleSignal: Equatable {
    case willEnterForeground
    case protectedData(isAvailable: Bool)
    case networkPath(NetworkPath)
}

/// Whether and by which interfaces there is a network.
struct NetworkPath: Equatable {
    let isSatisfied: Bool
    let interfaces: [String]

    /// Whether a request that failed on the way before may succeed now. The first path that is heard of is no change.
    static func isWorthATry(_ new: NetworkPath, after old: NetworkPath?) -> Bool {
        old != nil && old != new && new.isSatisfied
    }
}

/// A session, as far as signals concern it.
protocol LifecycleFollower: AnyObject, Sendable {
    func resume()
    func networkChanged()
}

/// Tells the sessions of a process what the system says. Only those that the app holds: that the process is about to be
/// suspended also concerns the others, and is said by ``AuthSession/suspendAll()``.
final class ProcessLifecycle: @unchecked Sendable {
    private struct Weak {
        weak var follower: (any LifecycleFollower)?
    }

    private let lock = NSLock()
    private var followers: [Weak] = []
    private var path: NetworkPath?
    private var protectedData = true

    /// What the system said last; true until it has said anything.
    var isProtectedDataAvailable: Bool {
        lock.withLock { protectedData }
    }

    /// Tells this session, too, for as long as it lives.
    func add(_ follower: any LifecycleFollower) {
        lock.withLock {
            followers.removeAll { $0.follower == nil }
            followers.append(Weak(follower: follower))
        }
    }

    func handle(_ signal: LifecycleSignal) {
        switch signal {
        case .willEnterForeground:
            each { $0.resume() }
        case .protectedData(let isAvailable):
            lock.withLock { protectedData = isAvailable }
            if isAvailable {
                each { $0.resume() }
            }
        case .networkPath(let new):
            let old = lock.withLock {
                defer { path = new }
                return path
            }
            if NetworkPath.isWorthATry(new, after: old) {
                each { $0.networkChanged() }
            }
        }
    }

    /// Outside the lock, since a session may end here, or call back.
    private func each(_ tell: (any LifecycleFollower) -> Void) {
        lock.withLock { followers.compactMap(\.follower) }.forEach(tell)
    }
}

extension AuthSession: LifecycleFollower {}
