import AuthSessionKit
import Foundation

/// AuthSession as its own README has it.
struct AuthSessionClient: Client {
    let session: AuthSession

    init(_ arguments: Arguments) async throws {
        var configuration = AuthSession.Configuration(
            baseURL: arguments.apiURL,
            endpoints: .json(
                login: arguments.loginURL.absoluteString, refresh: arguments.refreshURL.absoluteString,
                logout: arguments.logoutURL.absoluteString),
            store: .memory,
            allowsLoopback: true)
        if let path = arguments.rootCertificate {
            configuration.developmentAnchors = [try Data(contentsOf: URL(fileURLWithPath: path))]
        }
        session = try await AuthSession.open(configuration)
    }

    static var versions: [String: String] {
        Versions.swift.merging(["auth-session": AuthSession.libraryVersion]) { $1 }
    }

    func signIn(email: String, password: String) async throws {
        try await session.signIn(["email": email, "password": password])
    }

    func status(of request: Request) async throws -> Int {
        try await session.data(for: request.urlRequest(relativeTo: nil)).1.statusCode
    }

    func signOut() async throws {
        try await session.signOut()
    }

    func networkChanged() {
        session.networkChanged()
    }

    var isSignedIn: Bool { session.state.isSignedIn }

    static func text(for error: any Error) -> String {
        switch error {
        case let error as AuthSessionError: error.code.rawValue
        default: "\(type(of: error))"
        }
    }
}
