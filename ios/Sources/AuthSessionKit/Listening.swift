import Foundation
internal import AuthSessionBindings

extension AuthSession {
    /// The session's events from now on, in order. Every call begins a stream of its own.
    ///
    /// The stream ends when the task that iterates it is cancelled. A listener that falls far behind is told with
    /// ``SessionEvent/missed(count:)`` how many events it lost.
    public var events: AsyncStream<SessionEvent> {
        let queue = session.events()
        return AsyncStream {
            await queue.next().map(SessionEvent.init)
        } onCancel: {
            queue.close()
        }
    }

    /// What the session is: now, and after each change. Every call begins a stream of its own.
    ///
    /// States that were passed through while the reader was busy are left out; the last one never is. The stream ends
    /// when the task that iterates it is cancelled.
    public var states: AsyncStream<SessionState> {
        // Begun before the first state is read, so that no change is lost between the two.
        let queue = session.events()
        let latest = Latest()
        return AsyncStream { [weak session] in
            // The stream does not keep the session: it ends with it.
            repeat {
                guard let state = session?.state() else { break }
                if let state = latest.replaced(by: SessionState(state)) {
                    return state
                }
            } while await queue.next() != nil
            return nil
        } onCancel: {
            queue.close()
        }
    }

    /// Tells a listener of every event from now on, in order and one call at a time, on threads of the library. It may
    /// block and may use the session; what it throws is dropped.
    ///
    /// - Returns: The subscription, which ends when it is cancelled or let go of.
    /// - Throws: ``AuthSessionError`` with the code `internal` if the library has no threads.
    public func listen(_ listener: @escaping @Sendable (SessionEvent) throws -> Void) throws -> EventSubscription {
        try translatingFailures {
            EventSubscription(try session.listen(listener: ListenerAdapter(listener)))
        }
    }
}

/// A listener that is being told of events; see ``AuthSession/listen(_:)``.
public final class EventSubscription: Sendable {
    private let subscription: Subscription

    init(_ subscription: Subscription) {
        self.subscription = subscription
    }

    deinit {
        subscription.cancel()
    }

    /// Tells the listener nothing more. A call that has begun goes on.
    public func cancel() {
        subscription.cancel()
    }
}

private final class ListenerAdapter: EventListener {
    private let listener: @Sendable (SessionEvent) throws -> Void

    init(_ listener: @escaping @Sendable (SessionEvent) throws -> Void) {
        self.listener = listener
    }

    func onEvent(event: AuthSessionBindings.SessionEvent) throws {
        do {
            try listener(SessionEvent(event))
        } catch {
            throw AppFailure.Failed(reason: "the app's listener threw a \(type(of: error))")
        }
    }
}

/// The state that a stream has handed out last.
private final class Latest: @unchecked Sendable {
    private let lock = NSLock()
    private var state: SessionState?

    /// The new state, or nil if it is the old one.
    func replaced(by new: SessionState) -> SessionState? {
        lock.withLock {
            guard state != new else { return nil }
            state = new
            return new
        }
    }
}
