import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends requests with the user's token, and once more with a new one after a 401, as on the page that ``AuthManager``
/// follows. There the error of a second 401 says nothing else; here it has the status.
struct Networking: Sendable {
    let session: URLSession
    let authManager: AuthManager

    func data(for request: URLRequest, allowRetry: Bool = true) async throws -> (Data, HTTPURLResponse) {
        let (data, response) = try await session.data(for: try await authorized(request))
        guard let response = response as? HTTPURLResponse else {
            throw URLError(.badServerResponse)
        }
        guard response.statusCode == 401 else {
            return (data, response)
        }
        guard allowRetry else {
            throw AuthError.invalidToken(status: response.statusCode)
        }
        _ = try await authManager.refreshToken()
        return try await self.data(for: request, allowRetry: false)
    }

    private func authorized(_ request: URLRequest) async throws -> URLRequest {
        var request = request
        let token = try await authManager.validToken()
        request.setValue("Bearer \(token.accessToken)", forHTTPHeaderField: "Authorization")
        return request
    }
}

extension URLSessionConfiguration {
    /// What a careful user sets for an API whose answers are the user's own: no cache and no cookies, and as many
    /// connections to a host as AuthSession takes, since the default of 6 makes many callers wait for each other.
    /// Foundation on Linux (6.0.3) does not keep to it: there it opens one for each request that is under way.
    static var forAPI: URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        configuration.httpMaximumConnectionsPerHost = 64
        return configuration
    }
}
