import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What an app passes that cannot be used is an error that says what to do, never a crash or a hang.
final class BadInputTests: XCTestCase {
    func testAConfigurationThatCannotWorkIsRefusedAndTheSettingNamed() async throws {
        typealias Change = (inout AuthSession.Configuration) -> Void
        let cases: [(String, Change)] = [
            ("requestTimeout", { $0.requestTimeout = -1 }),
            ("idleTimeout", { $0.idleTimeout = .nan }),
            ("absoluteLifetime", { $0.absoluteLifetime = .infinity }),
            ("refreshGrace", { $0.refreshGrace = 1e30 }),
            ("maximumBodySize", { $0.maximumBodySize = -1 }),
            ("maximumConnectionsPerHost", { $0.maximumConnectionsPerHost = .max }),
            ("retryPolicy.attempts", { $0.retryPolicy = .init(attempts: -1, budget: 1) }),
            ("retryPolicy.budget", { $0.retryPolicy = .init(attempts: 1, budget: -1) }),
            ("pins", { $0.pinnedKeys = [.init(host: "api.example", sha256: ["no hash"])] }),
            ("device_id_header", { $0.deviceIDHeader = "X\r\nY" }),
            ("account", { $0.account = "" }),
            ("terminalStatuses", {
                var endpoints = AuthSession.JSONEndpoints()
                endpoints.terminalStatuses = [-1]
                $0.endpoints = .json(endpoints)
            }),
            ("loginAdditions", {
                var endpoints = AuthSession.JSONEndpoints()
                endpoints.loginAdditions = .init(fields: ["number": Double.nan])
                $0.endpoints = .json(endpoints)
            }),
            ("logout_method", {
                var endpoints = AuthSession.JSONEndpoints()
                endpoints.logoutMethod = "P OST"
                $0.endpoints = .json(endpoints)
            }),
        ]
        for (setting, change) in cases {
            var configuration = try await Realm.new().configuration()
            change(&configuration)

            let error = await authSessionError { [configuration] in try await AuthSession.open(configuration) }

            XCTAssertEqual(error?.code, .invalidConfiguration, setting)
            XCTAssertTrue(error?.explanation.contains(setting) ?? false, "\(error as Any) does not name \(setting)")
        }
    }

    #if !canImport(Darwin)
    func testTheKeychainIsRefusedWhereThereIsNone() async throws {
        let realm = try await Realm.new()

        let error = await authSessionError { try await realm.openSession(store: .keychain) }

        XCTAssertEqual(error?.code, .invalidConfiguration)
    }
    #endif

    func testURLsOfUnknownSchemesAreRefused() async throws {
        let session = try await Realm.new().signedInSession()

        for text in ["ftp://files.example/a", "file:///etc/hostname", "data:,hello", "app-scheme:/me"] {
            let url = try XCTUnwrap(URL(string: text))
            let open = await authSessionError { try await AuthSession.open(.init(baseURL: url, store: .memory)) }
            let request = await authSessionError { try await session.data(for: URLRequest(url: url)) }
            let authorization = await authSessionError { try await session.authorization(for: url) }
            let client = await authSessionError { try session.client(for: url) }

            XCTAssertEqual(open?.code, .invalidConfiguration, text)
            XCTAssertEqual(request?.code, .invalidRequest, text)
            XCTAssertEqual(authorization?.code, .invalidRequest, text)
            XCTAssertEqual(client?.code, .invalidConfiguration, text)
        }
    }

    func testHeaderValuesWithLineBreaksAreRefusedOrReachTheServerWithoutThem() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession(allowing: realm.authURL)
        let options = AuthSession.RequestOptions(idempotencyKey: "key\r\nX-Injected: 1")

        let key = await authSessionError { try await session.get("/me", options: options) }
        let client = await authSessionError {
            try session.client(for: realm.authURL, headers: ["X-App": "1\r\nX-Injected: 1"])
        }
        var request = URLRequest(url: realm.apiURL.appendingPathComponent("me"))
        request.setValue("1\r\nX-Injected: 1", forHTTPHeaderField: "X-App")
        // Foundation may have dropped the value already.
        let isKept = request.value(forHTTPHeaderField: "X-App")?.contains("\r\n") ?? false

        XCTAssertEqual(key?.code, .invalidRequest)
        XCTAssertEqual(client?.code, .invalidConfiguration)
        if isKept {
            let header = await authSessionError { [request] in try await session.data(for: request) }
            XCTAssertEqual(header?.code, .invalidRequest)
        }
    }

    func testABodyOverTheLimitIsAnErrorForThisRequestAndForAllOfASession() async throws {
        let realm = try await Realm.new()
        var configuration = realm.configuration()
        configuration.maximumBodySize = 4
        let small = try await AuthSession.open(configuration)
        try await small.adopt(try await realm.issueTokens().tokens)
        let session = try await realm.signedInSession()

        let one = await authSessionError { try await session.get("/me", options: .init(maximumBodySize: 4)) }
        let all = await authSessionError { try await small.get("/me") }
        let enough = try await small.get("/me", options: .init(maximumBodySize: 1_000)).status

        XCTAssertEqual([one?.code, all?.code], [.bodyTooLarge, .bodyTooLarge])
        XCTAssertEqual(enough, 200)
    }

    func testTimesOfARequestThatMakeNoSenseAreRefused() async throws {
        let session = try await Realm.new().signedInSession()
        for timeout in [-1, .nan, .infinity] {
            var request = URLRequest(url: try XCTUnwrap(URL(string: "/me")))
            request.timeoutInterval = timeout

            let whole = await authSessionError { [request] in try await session.data(for: request) }
            let explicit = await authSessionError { try await session.get("/me", options: .init(timeout: timeout)) }
            let idle = await authSessionError { try await session.get("/me", options: .init(idleTimeout: timeout)) }
            let recent = await authSessionError { try session.requireRecentSignIn(within: timeout) }

            let codes = [whole?.code, explicit?.code, idle?.code, recent?.code]
            XCTAssertEqual(codes, Array(repeating: .invalidRequest, count: 4))
        }
    }

    func testABodyThatIsNoJSONIsRefusedWithoutQuotingIt() async throws {
        let session = try await Realm.new().signedInSession()

        let error = await authSessionError { try await session.post("/echo", ["secret": Double.nan]) }

        XCTAssertEqual(error?.code, .invalidRequest)
        XCTAssertFalse("\(error as Any)".contains("nan"))
    }

    func testAnUploadWhoseRequestHasABodyOfItsOwnIsRefused() async throws {
        let session = try await Realm.new().signedInSession()
        var request = URLRequest(url: try XCTUnwrap(URL(string: "/echo")))
        request.httpBody = Data("one".utf8)

        let error = await authSessionError { [request] in
            try await session.upload(for: request, from: Data("two".utf8))
        }

        XCTAssertEqual(error?.code, .invalidRequest)
    }

    func testAPathThatIsNoURLIsRefused() async throws {
        let session = try await Realm.new().signedInSession()

        let error = await authSessionError { try await session.get("http://[") }

        XCTAssertEqual(error?.code, .invalidRequest)
    }
}
