import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The endpoints that issue and revoke tokens. Their requests are not sent again.
struct AuthServer: Sendable {
    let session: URLSession
    let loginURL: URL
    let refreshURL: URL
    let logoutURL: URL

    func token(email: String, password: String) async throws -> Token {
        try await token(from: loginURL, ["email": email, "password": password], keeping: nil)
    }

    func token(refreshing token: Token) async throws -> Token {
        try await self.token(
            from: refreshURL, ["refresh_token": token.refreshToken], keeping: token.refreshToken)
    }

    func logOut(_ token: Token) async throws {
        _ = try await post(logoutURL, ["refresh_token": token.refreshToken], accessToken: token.accessToken)
    }

    private struct TokenResponse: Decodable {
        let accessToken: String
        /// One that does not rotate is not sent again (RFC 6749, section 6).
        let refreshToken: String?
        let expiresIn: TimeInterval?
    }

    private func token(
        from url: URL, _ body: [String: String], keeping refreshToken: String?
    ) async throws -> Token {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let response = try decoder.decode(TokenResponse.self, from: try await post(url, body))
        guard let refreshToken = response.refreshToken ?? refreshToken else {
            throw URLError(.cannotParseResponse)
        }
        return Token(
            accessToken: response.accessToken, refreshToken: refreshToken,
            validUntil: response.expiresIn.map(Date.init(timeIntervalSinceNow:)) ?? .distantFuture)
    }

    private func post(_ url: URL, _ body: [String: String], accessToken: String? = nil) async throws -> Data {
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        if let accessToken {
            request.setValue("Bearer \(accessToken)", forHTTPHeaderField: "Authorization")
        }
        request.httpBody = try JSONEncoder().encode(body)
        let (data, response) = try await session.data(for: request)
        guard let response = response as? HTTPURLResponse else {
            throw URLError(.badServerResponse)
        }
        guard (200..<300).contains(response.statusCode) else {
            throw AuthError.refused(status: response.statusCode)
        }
        return data
    }
}
