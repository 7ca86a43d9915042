import XCTest

@testable import AuthSessionKit

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Requests of `URLSession` that a server sends elsewhere.
final class RedirectTests: XCTestCase {
    func testWithinTheOriginTheTokenGoesAlong() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("fault", ["endpoint": "resource", "when": "before", "redirect": ["hops": 2]])

        let answer = try await answer(of: realm, session)

        XCTAssertEqual(answer.statusCode, 200)
        let counters = try await realm.counters()
        XCTAssertEqual([counters["redirects_followed"], counters["redirects_with_credentials"]], [3, 3])
    }

    func testARedirectToAnotherOriginWithoutTLSIsTheAnswer() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("fault", ["endpoint": "resource", "when": "before", "redirect": "cross_origin"])

        let answer = try await answer(of: realm, session)

        XCTAssertEqual(answer.statusCode, 307)
        let counters = try await realm.counters()
        XCTAssertEqual(counters["redirects_followed"], 0)
    }

    func testToAnotherOriginGoesNothingOfTheApp() async throws {
        for method in ["GET", "HEAD"] {
            var request = try request(method, "https://elsewhere.example/me")
            request.httpBody = Data("secret".utf8)

            let next = try await redirected(request)

            XCTAssertEqual(next?.url, request.url)
            XCTAssertEqual(next?.httpMethod, method)
            XCTAssertEqual(next?.allHTTPHeaderFields ?? [:], [:])
            XCTAssertNil(next?.httpBody)
        }
        for (method, url) in [
            ("POST", "https://elsewhere.example/me"), ("GET", "http://api.example.com/me"),
            ("GET", "https://ada:secret@api.example.com/me"), ("GET", "file:///etc/hostname"),
        ] {
            let next = try await redirected(try request(method, url))
            XCTAssertNil(next, url)
        }
    }

    func testATokenThatTheStackHasTakenOffIsPutBackUntilTheChainHasLeftItsOrigin() throws {
        let first = try request("GET", "https://api.example.com/me")
        let chain = [
            "https://api.example.com/b", "https://elsewhere.example/me", "https://elsewhere.example/b",
            "https://api.example.com/c", "https://api.example.com/d",
        ]
        var current = first
        var tokens: [String?] = []
        for url in chain {
            var bare = try request("GET", url)
            bare.setValue(nil, forHTTPHeaderField: "Authorization")
            let response = HTTPURLResponse(
                url: try XCTUnwrap(current.url), statusCode: 302, httpVersion: "HTTP/1.1", headerFields: nil)

            let next = AuthSession.redirected(
                bare, of: RedirectedTask(first: first, current: current), by: try XCTUnwrap(response))

            current = try XCTUnwrap(next)
            tokens.append(current.value(forHTTPHeaderField: "Authorization"))
        }

        XCTAssertEqual(tokens, ["Bearer token", nil, nil, nil, nil])
    }

    private func request(_ method: String, _ url: String) throws -> URLRequest {
        var request = URLRequest(url: try XCTUnwrap(URL(string: url)))
        request.httpMethod = method
        request.setValue("Bearer token", forHTTPHeaderField: "Authorization")
        request.setValue("key", forHTTPHeaderField: "X-API-Key")
        return request
    }

    /// What a request to `https://api.example.com/me` becomes.
    private func redirected(_ request: URLRequest) async throws -> URLRequest? {
        let answered = try self.request("GET", "https://api.example.com/me")
        let response = HTTPURLResponse(
            url: try XCTUnwrap(answered.url), statusCode: 302, httpVersion: "HTTP/1.1", headerFields: nil)
        let task = RedirectedTask(first: answered, current: answered)
        return AuthSession.redirected(request, of: task, by: try XCTUnwrap(response))
    }

    private func answer(of realm: Realm, _ session: AuthSession) async throws -> HTTPURLResponse {
        var request = URLRequest(url: realm.apiURL.appendingPathComponent("me"))
        try await session.authorization(for: realm.apiURL).apply(to: &request)
        // Of the session: Foundation on Linux does not ask the delegate of a single task about redirects.
        let urlSession = URLSession(configuration: .ephemeral, delegate: RedirectDelegate(), delegateQueue: nil)
        defer { urlSession.finishTasksAndInvalidate() }
        let (_, response) = try await urlSession.data(for: request)
        return try XCTUnwrap(response as? HTTPURLResponse)
    }
}

/// A task that has come some way already.
private final class RedirectedTask: URLSessionTask, @unchecked Sendable {
    private let first: URLRequest
    private let current: URLRequest

    override var originalRequest: URLRequest? { first }
    override var currentRequest: URLRequest? { current }

    init(first: URLRequest, current: URLRequest) {
        (self.first, self.current) = (first, current)
        super.init()
    }
}
