import AuthSessionKit
import Foundation

/// The sessions that JavaScript has opened in this process, one for each namespace and account, by the ids under which
/// it knows them. They are kept for good: a reload of JavaScript signs nobody out.
final class OpenSessions: @unchecked Sendable {
    static let shared = OpenSessions()

    private struct Opening {
        let id: String
        let settings: SessionSettings
        let session: Task<AuthSession, any Error>
    }

    /// Guards what follows.
    private let lock = NSLock()
    private var openings: [Opening] = []
    private var sessions: [String: AuthSession] = [:]
    private var count = 0

    func session(_ id: String) throws -> AuthSession {
        guard let session = lock.withLock({ sessions[id] }) else {
            throw Refusal(code: .internal, message: "no session is open under this id")
        }
        return session
    }

    /// Opens the session that `settings` describe, or finds it, and returns its id.
    func open(_ settings: SessionSettings) async throws -> String {
        let opening = try lock.withLock { try findOrBegin(settings) }
        do {
            let session = try await opening.session.value
            lock.withLock { sessions[opening.id] = session }
            return opening.id
        } catch {
            // So that the next call tries again.
            lock.withLock { openings.removeAll { $0.id == opening.id } }
            throw error
        }
    }

    private func findOrBegin(_ settings: SessionSettings) throws -> Opening {
        if let known = openings.first(where: { $0.settings.names(settings) }) {
            guard known.settings == settings else {
                throw Refusal(
                    code: .alreadyOpen,
                    message: "the session of this namespace and account is open with other settings")
            }
            return known
        }
        count += 1
        let configuration = settings.configuration
        let opening = Opening(
            id: String(count), settings: settings, session: Task { try await AuthSession.open(configuration) })
        openings.append(opening)
        return opening
    }
}
