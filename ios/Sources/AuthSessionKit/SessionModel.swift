import Foundation

#if canImport(Combine)
import Combine
#endif

/// A session for SwiftUI: publishes its state and its last event on the main actor.
///
/// ```swift
/// struct RootView: View {
///     @StateObject private var model: SessionModel
///
///     init(session: AuthSession) {
///         _model = StateObject(wrappedValue: SessionModel(session))
///     }
///
///     var body: some View {
///         switch model.state {
///         case .signedIn(let user): HomeView(user: user)
///         case .signedOut: SignInView(session: model.session)
///         case .restoring, .locked: ProgressView()
///         }
///     }
/// }
/// ```
///
/// An `ObservableObject` where there is Combine; elsewhere it has the same properties, and nobody is told of changes.
@MainActor
public final class SessionModel {
    /// The session that is observed.
    public nonisolated let session: AuthSession

    /// What the session is.
    #if canImport(Combine)
    @Published
    #endif
    public private(set) var state: SessionState

    /// What happened last; nil until something does.
    #if canImport(Combine)
    @Published
    #endif
    public private(set) var lastEvent: SessionEvent?

    private let observations: Observations

    /// A model that observes the session for as long as it lives.
    public init(_ session: AuthSession) {
        self.session = session
        state = session.state
        observations = Observations()
        // The streams begin here, so that what happens before the tasks run is not lost.
        let states = session.states
        let events = session.events
        observations.tasks = [
            Task { [weak self] in
                for await state in states {
                    self?.state = state
                }
            },
            Task { [weak self] in
                for await event in events {
                    self?.lastEvent = event
                }
            },
        ]
    }
}

#if canImport(Combine)
extension SessionModel: ObservableObject {}
#endif

/// Ends with the model. An object of its own, since the end of a main-actor object may come on any thread.
private final class Observations: @unchecked Sendable {
    var tasks: [Task<Void, Never>] = []

    deinit {
        for task in tasks {
            task.cancel()
        }
    }
}
