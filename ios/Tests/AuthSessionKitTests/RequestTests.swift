import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class RequestTests: XCTestCase {
    func testARequestIsSentAsURLSessionWouldSendIt() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        var request = URLRequest(url: realm.apiURL.appendingPathComponent("echo"))
        request.httpMethod = "POST"
        request.setValue("text/plain", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data("hello".utf8)

        let (data, response) = try await session.data(for: request)

        XCTAssertEqual(response.statusCode, 200)
        XCTAssertEqual(response.url, request.url)
        XCTAssertTrue(response.value(forHTTPHeaderField: "content-type")?.hasPrefix("application/json") ?? false)
        let echo = try JSONDecoder().decode([String: JSON].self, from: data)
        XCTAssertEqual(echo["method"], "POST")
        XCTAssertEqual(echo["body"], "hello")
    }

    func testAPathIsRelativeToTheBaseURL() async throws {
        let session = try await Realm.new().signedInSession()

        let user = try await session.get("/me").decode(User.self)

        XCTAssertEqual(user, User(id: "u1", name: "Ada"))
    }

    func testAForbiddenAnswerIsAnAnswerAndDecodesToNothing() async throws {
        let session = try await Realm.new().signedInSession()

        let response = try await session.get("/forbidden")
        let error = await authSessionError { try response.decode(User.self) }

        XCTAssertEqual(response.status, 403)
        XCTAssertEqual(response.disposition, .permissionDenied)
        XCTAssertEqual(error?.code, .unsuccessful)
        XCTAssertEqual(error?.status, 403)
    }

    func testABodyOfAnotherShapeIsUndecodableAndTheErrorSaysWhere() async throws {
        struct Stranger: Decodable {
            let nickname: String
        }
        let response = try await Realm.new().signedInSession().get("/me")

        let error = await authSessionError { try response.decode(Stranger.self) }

        XCTAssertEqual(error?.code, .undecodable)
        XCTAssertEqual(error?.explanation, "the body is not a Stranger: see nickname")
    }

    func testATimeoutIsAnErrorThatMayBeTriedAgain() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("hold", ["endpoint": "resource", "path": "/slow", "when": "before"])
        var request = URLRequest(url: realm.apiURL.appendingPathComponent("slow"))
        request.timeoutInterval = 0.1

        let error = await authSessionError { try await session.data(for: request) }

        XCTAssertEqual(error?.code, .timeout)
        XCTAssertEqual(error?.isRetryable, true)
    }

    func testATimeoutOfTheOptionsCountsWhateverItIsAndWhateverTheRequestSays() async throws {
        let realm = try await Realm.new()
        var configuration = realm.configuration()
        configuration.requestTimeout = 0.2
        let session = try await AuthSession.open(configuration)
        try await session.adopt(try await realm.issueTokens().tokens)
        try await realm.command("hold", ["endpoint": "resource", "path": "/me", "when": "before"])
        var impatient = URLRequest(url: realm.apiURL.appendingPathComponent("me"))
        impatient.timeoutInterval = 0.1

        async let patient = session.data(for: impatient, options: .init(timeout: 60))
        let error = await authSessionError { try await session.get("/me") }
        try await realm.command("release", ["endpoint": "resource"])

        XCTAssertEqual(error?.code, .timeout)
        let (_, response) = try await patient
        XCTAssertEqual((response as? HTTPURLResponse)?.statusCode, 200)
    }

    func testAnUnreachableServerIsANetworkErrorAndKeepsTheSession() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("offline", ["listener": "api"])

        let error = await authSessionError { try await session.get("/me") }

        XCTAssertEqual(error?.code, .network)
        XCTAssertEqual(error?.isRetryable, true)
        XCTAssertTrue(session.state.isSignedIn)
    }

    func testNoMoreRedirectsAreFollowedThanTheRequestAllows() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("fault", ["endpoint": "resource", "when": "before", "redirect": ["hops": 2]])

        let first = try await session.get("/me", options: .init(maximumRedirects: 0))
        let last = try await session.get("/me")
        let error = await authSessionError { try await session.get("/me", options: .init(maximumRedirects: -1)) }

        XCTAssertEqual(last.status, 200)
        XCTAssertEqual([first.isRedirected, last.isRedirected], [false, true])
        XCTAssertEqual([first.disposition, last.disposition], [.redirectRefused, .answered])
        XCTAssertEqual(error?.code, .invalidRequest)
    }

    func testARedirectWithoutEndIsRefused() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("fault", ["endpoint": "resource", "when": "before", "redirect": "loop"])

        let response = try await session.get("/me")

        XCTAssertEqual(response.disposition, .redirectRefused)
    }

    func testATokenIsNotSentToAnotherOrigin() async throws {
        let session = try await Realm.new().signedInSession()

        let error = await authSessionError { try await session.get("https://elsewhere.example/me") }

        XCTAssertEqual(error?.code, .originNotAllowed)
    }

    func testABodyStreamIsRefusedSinceItCannotBeSentTwice() async throws {
        let session = try await Realm.new().signedInSession()
        var request = URLRequest(url: try XCTUnwrap(URL(string: "/echo")))
        request.httpMethod = "POST"
        request.httpBodyStream = InputStream(data: Data("hello".utf8))

        let error = await authSessionError { [request] in try await session.data(for: request) }

        XCTAssertEqual(error?.code, .invalidRequest)
    }

    func testAMethodThatIsNoMethodIsRefused() async throws {
        let session = try await Realm.new().signedInSession()
        var request = URLRequest(url: try XCTUnwrap(URL(string: "/me")))
        request.httpMethod = "GET /admin"

        let error = await authSessionError { [request] in try await session.data(for: request) }

        XCTAssertEqual(error?.code, .invalidRequest)
    }
}
