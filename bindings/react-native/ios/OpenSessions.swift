import AuthSessionKit
import Foundation

/// The sessions that JavaScript has opened in this process, one for each namespace and account, by the ids under which
/// it knows them. They are kept for good: a reload of JavaScript signs nobody out.
final class OpenSessions: @unchecked Sendable {
    static let shared = OpenSessions()

    private struct Opening {
        let id: String
        let settings: SessionSettings
        let session: Task<OpenSession, any Error>
    }

    /// Guards what follows.
    private let lock = NSLock()
    private var openings: [Opening] = []
    private var sessions: [String: OpenSession] = [:]
    private var count = 0

    func find(_ id: String) -> OpenSession? {
        lock.withLock { sessions[id] }
    }

    func session(_ id: String) throws -> OpenSession {
        guard let session = find(id) else {
            throw Refusal(code: .invalidRequest, message: "no session is open under this id")
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
            guard known.settings.given == settings.given else {
                throw Refusal(
                    code: .alreadyOpen,
                    message: "the session of this namespace and account is open with other settings")
            }
            return known
        }
        count += 1
        let configuration = settings.configuration
        let session = Task {
            OpenSession(try await AuthSession.open(configuration), baseURL: configuration.baseURL)
        }
        let opening = Opening(id: String(count), settings: settings, session: session)
        openings.append(opening)
        return opening
    }
}

/// A session, and the URL that its paths are under.
final class OpenSession: Sendable {
    let session: AuthSession
    let baseURL: URL

    init(_ session: AuthSession, baseURL: URL) {
        self.session = session
        self.baseURL = baseURL
    }
}
