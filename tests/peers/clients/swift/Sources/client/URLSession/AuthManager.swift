import Foundation

/// An access token, and what the next one is had for.
struct Token: Sendable {
    let accessToken: String
    let refreshToken: String
    let validUntil: Date

    var isValid: Bool { validUntil > Date() }
}

enum AuthError: Error {
    /// Nobody is signed in: the app shows its sign-in.
    case missingToken

    /// The server refused a request that was sent again with a new token.
    case invalidToken(status: Int)

    /// A token endpoint did not answer with success.
    case refused(status: Int)
}

/// Holds the tokens, and has one refresh for all who need it.
///
/// The flow is that of "Building a token refresh flow with async/await and Swift Concurrency":
/// https://www.donnywals.com/building-a-token-refresh-flow-with-async-await-and-swift-concurrency/
/// It leaves open what a failed refresh means and how a user signs out. Tokens are forgotten when the server says that the
/// refresh token is no good, which this one does with 401, not when it cannot be reached or fails, as in all clients here;
/// and a refresh is cancelled when the user signs out, as a careful user would have it.
actor AuthManager {
    private let server: AuthServer
    private var currentToken: Token?
    private var refreshTask: Task<Token, any Error>?

    init(server: AuthServer) {
        self.server = server
    }

    var isSignedIn: Bool { currentToken != nil }

    func signIn(email: String, password: String) async throws {
        currentToken = try await server.token(email: email, password: password)
    }

    /// A token that has not expired by its own account.
    func validToken() async throws -> Token {
        if let refreshTask {
            return try await refreshTask.value
        }
        guard let currentToken else {
            throw AuthError.missingToken
        }
        return currentToken.isValid ? currentToken : try await refreshToken()
    }

    /// A new token. Who asks while one is on its way waits for that one.
    func refreshToken() async throws -> Token {
        if let refreshTask {
            return try await refreshTask.value
        }
        guard let currentToken else {
            throw AuthError.missingToken
        }
        let task = Task {
            defer { refreshTask = nil }
            do {
                let token = try await server.token(refreshing: currentToken)
                self.currentToken = token
                return token
            } catch AuthError.refused(let status) where status == 401 {
                self.currentToken = nil
                throw AuthError.refused(status: status)
            }
        }
        refreshTask = task
        return try await task.value
    }

    /// Forgets the tokens, and tells the server if it can be reached.
    func signOut() async {
        refreshTask?.cancel()
        refreshTask = nil
        guard let token = currentToken else { return }
        currentToken = nil
        try? await server.logOut(token)
    }
}
