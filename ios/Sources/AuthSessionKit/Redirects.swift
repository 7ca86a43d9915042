import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension AuthSession {
    /// What a request that carries a session's token becomes when a server redirects it: the rule of the session's own
    /// requests, for those that `URLSession` or another HTTP stack sends.
    ///
    /// Within the origin the token goes along, also where the stack has taken it off. To another origin the request goes
    /// over HTTPS, with GET or HEAD, and without the token and the app's own headers.
    ///
    /// ``RedirectDelegate`` does it for a task of `URLSession`; a delegate of the app's own calls this in
    /// `urlSession(_:task:willPerformHTTPRedirection:newRequest:completionHandler:)`.
    ///
    /// - Parameters:
    ///   - request: What the stack would send next.
    ///   - task: What is redirected; its `currentRequest` is the request that the server has answered.
    ///   - response: The answer that redirects it.
    /// - Returns: What to send; nil if the redirect must not be followed, so that its answer is the task's.
    public static func redirected(
        _ request: URLRequest, of task: URLSessionTask, by response: HTTPURLResponse
    ) -> URLRequest? {
        redirected(request, of: task.currentRequest, by: response)
    }

    static func redirected(
        _ request: URLRequest, of answered: URLRequest?, by response: HTTPURLResponse
    ) -> URLRequest? {
        guard libraryMatchesBindings, let from = response.url, let to = request.url else { return nil }
        let method = request.httpMethod ?? "GET"
        var request = request
        switch redirection(method: method, from: from.absoluteString, to: to.absoluteString) {
        case .within:
            // Without it the server would refuse the request, and the session would refresh a token that is good. From
            // the request that is redirected, not the task's first: once the chain has left the origin the token is gone
            // for good, also where another server leads back.
            if let value = answered?.value(forHTTPHeaderField: header) {
                request.setValue(value, forHTTPHeaderField: header)
            }
            return request
        case .elsewhere:
            for name in (request.allHTTPHeaderFields ?? [:]).keys {
                request.setValue(nil, forHTTPHeaderField: name)
            }
            request.httpBody = nil
            return request
        case .refused:
            return nil
        }
    }

    private static let header = "Authorization"
}

/// Keeps the session's token where it belongs when a server redirects a task of `URLSession`, by the rule of
/// ``AuthSession/redirected(_:of:by:)``: as the delegate of one task or of a `URLSession`. One may serve any number of
/// tasks.
///
/// ```swift
/// let (data, response) = try await URLSession.shared.data(for: authorized, delegate: RedirectDelegate())
/// ```
public final class RedirectDelegate: NSObject, URLSessionTaskDelegate, Sendable {
    /// Follows redirects, or does not, and sends the token along within the origin only. `URLSession` calls it.
    public func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(AuthSession.redirected(request, of: task, by: response))
    }
}
