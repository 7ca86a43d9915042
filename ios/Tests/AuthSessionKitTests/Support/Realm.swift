import AuthSessionKit
import Foundation

/// One isolated authorization and resource server of the test authority.
struct Realm: Decodable, Sendable {
    let apiURL: URL
    let authURL: URL
    let controlURL: URL

    enum CodingKeys: String, CodingKey {
        case apiURL = "api_url"
        case authURL = "auth_url"
        case controlURL = "control_url"
    }

    static let credentials = ["email": "ada@example.com", "password": "correct horse"]

    static func new(_ settings: JSON = [:]) async throws -> Realm {
        try await HTTP.post(Authority.controlURL.appendingPathComponent("realms"), settings, as: Realm.self)
    }

    /// A configuration for this realm. Every realm has its own ports, so accounts of different tests never meet.
    func configuration(
        account: String = "main", endpoints: AuthSession.TokenEndpoints? = nil, store: AuthSession.Store = .memory,
        allowedOrigins: [URL] = [], requestTimeout: TimeInterval? = nil
    ) -> AuthSession.Configuration {
        .init(
            baseURL: apiURL, account: account, endpoints: endpoints, store: store, allowedOrigins: allowedOrigins,
            allowsLoopback: true, requestTimeout: requestTimeout)
    }

    /// A session on this realm.
    func openSession(
        account: String = "main", endpoints: AuthSession.TokenEndpoints? = nil, store: AuthSession.Store = .memory,
        requestTimeout: TimeInterval? = nil
    ) async throws -> AuthSession {
        try await AuthSession.open(
            configuration(account: account, endpoints: endpoints, store: store, requestTimeout: requestTimeout))
    }

    /// A session on this realm, signed in.
    ///
    /// - Parameter origins: Further ones that may get its token.
    func signedInSession(allowing origins: URL...) async throws -> AuthSession {
        let session = try await AuthSession.open(configuration(allowedOrigins: origins))
        try await session.signIn(Self.credentials)
        return session
    }

    func command(_ command: String, _ body: JSON = [:]) async throws {
        _ = try await HTTP.post(controlURL.appendingPathComponent(command), body, as: JSON.self)
    }

    func counters() async throws -> [String: Int] {
        try await HTTP.get(controlURL.appendingPathComponent("counters"), as: [String: Int].self)
    }
}

/// What the test authority answers about its user.
struct User: Codable, Equatable {
    let id: String
    let name: String
}
