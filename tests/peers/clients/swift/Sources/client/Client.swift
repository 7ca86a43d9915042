import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What is put to the test: a client with a user's tokens.
protocol Client: Sendable {
    /// What it is made of, for the reader of a result.
    static var versions: [String: String] { get }

    init(_ arguments: Arguments) async throws

    func signIn(email: String, password: String) async throws

    /// Sends a request and reads the whole body of the answer.
    ///
    /// - Returns: The status of the answer.
    /// - Throws: If no answer reached the caller.
    func status(of request: Request) async throws -> Int

    func signOut() async throws

    /// Hears that the network came back or changed.
    func networkChanged()

    /// Whether an app that is built with it still has the user's tokens.
    var isSignedIn: Bool { get async }

    /// A short text for an error, without anything that a server sent.
    static func text(for error: any Error) -> String
}

/// A request to the API.
struct Request: Sendable {
    var method = "GET"
    var path: String
    var body: Data?

    /// - Parameter base: Where the path is; nil leaves that to who sends it.
    func urlRequest(relativeTo base: URL?) throws -> URLRequest {
        guard let url = URL(string: path, relativeTo: base) else {
            throw URLError(.badURL)
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        if let body {
            request.httpBody = body
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        return request
    }
}
