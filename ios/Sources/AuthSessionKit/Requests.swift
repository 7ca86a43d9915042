import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension RequestSender {
    /// Sends a request with a valid access token, like `URLSession.data(for:)`.
    public func data(
        for request: URLRequest, options: AuthSession.RequestOptions = .init()
    ) async throws -> (Data, HTTPURLResponse) {
        let response = try await response(for: request, options: options)
        return (response.data, response.http)
    }

    /// Sends a request like ``data(for:options:)`` and also says what was made of the server's answer.
    public func response(
        for request: URLRequest, options: AuthSession.RequestOptions = .init()
    ) async throws -> Response {
        try await prepare(OutgoingRequest(request, options)).send()
    }

    /// Sends a GET request to a path under the base URL, or to an absolute URL of an allowed origin.
    public func get(_ path: String, options: AuthSession.RequestOptions = .init()) async throws -> Response {
        try await response(for: Self.request("GET", path), options: options)
    }

    /// Sends a POST request with a JSON body.
    public func post(
        _ path: String, _ body: some Encodable, using encoder: JSONEncoder = .init(),
        options: AuthSession.RequestOptions = .init()
    ) async throws -> Response {
        try await response(for: Self.request("POST", path, body, encoder), options: options)
    }

    /// Sends a PUT request with a JSON body.
    public func put(
        _ path: String, _ body: some Encodable, using encoder: JSONEncoder = .init(),
        options: AuthSession.RequestOptions = .init()
    ) async throws -> Response {
        try await response(for: Self.request("PUT", path, body, encoder), options: options)
    }

    /// Sends a PATCH request with a JSON body.
    public func patch(
        _ path: String, _ body: some Encodable, using encoder: JSONEncoder = .init(),
        options: AuthSession.RequestOptions = .init()
    ) async throws -> Response {
        try await response(for: Self.request("PATCH", path, body, encoder), options: options)
    }

    /// Sends a DELETE request.
    public func delete(_ path: String, options: AuthSession.RequestOptions = .init()) async throws -> Response {
        try await response(for: Self.request("DELETE", path), options: options)
    }

    private static func request(_ method: String, _ path: String) throws -> URLRequest {
        guard let url = URL(string: path) else {
            throw AuthSessionError(.invalidRequest, "the path is not a URL")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        return request
    }

    private static func request(
        _ method: String, _ path: String, _ body: some Encodable, _ encoder: JSONEncoder
    ) throws -> URLRequest {
        var request = try request(method, path)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        do {
            request.httpBody = try encoder.encode(body)
        } catch {
            // The encoder's own error quotes the value, and the value may be a secret.
            throw AuthSessionError(.invalidRequest, "the body cannot be encoded as JSON")
        }
        return request
    }
}
