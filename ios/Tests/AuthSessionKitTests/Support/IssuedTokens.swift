import AuthSessionKit
import Foundation

/// Tokens that were issued to another client than a session.
struct IssuedTokens: Decodable {
    let access_token: String
    let refresh_token: String
    let expires_in: Double
}

extension Realm {
    func issueTokens() async throws -> IssuedTokens {
        try await HTTP.post(
            apiURL.appendingPathComponent("auth/login"),
            .object(Self.credentials.mapValues(JSON.string)),
            as: IssuedTokens.self
        )
    }
}

extension IssuedTokens {
    var tokens: Tokens {
        Tokens(accessToken: access_token, refreshToken: refresh_token, expiresIn: expires_in)
    }
}
