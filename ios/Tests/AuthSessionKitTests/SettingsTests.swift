import AuthSessionBindings
import XCTest

@testable import AuthSessionKit

/// Every setting reaches the library.
final class SettingsTests: XCTestCase {
    private let url = URL(string: "https://api.example/v1")!

    func testEverySettingOfASessionReachesTheLibrary() throws {
        var configuration = AuthSession.Configuration(baseURL: url, account: "ada", namespace: "app")
        configuration.allowedOrigins = [URL(string: "https://cdn.example")!]
        configuration.allowsLoopback = true
        configuration.developmentOrigins = [URL(string: "http://10.0.2.2:8080")!]
        configuration.developmentAnchors = [Data("anchor".utf8)]
        configuration.requestTimeout = 1.5
        configuration.idleTimeout = 2
        configuration.absoluteLifetime = 3
        configuration.refreshGrace = 0.0001
        configuration.keepsAccessTokenInMemoryOnly = true
        configuration.isReadOnly = true
        configuration.backgroundActivity = Refusing()
        configuration.deviceIDHeader = "X-Device"
        configuration.maximumBodySize = 4
        configuration.maximumConnectionsPerHost = 5
        configuration.answerRules = .init(
            codes: ["b": .endSession, "a": .refresh, "c": .pass], refreshesOnForbidden: true,
            passesBareUnauthorized: true)
        configuration.retryPolicy = .init(attempts: 6, budget: 7)
        configuration.pinnedKeys = [
            .init(host: "api.example", sha256: ["pin"], expiresAt: Date(timeIntervalSince1970: 8))
        ]

        let options = try configuration.bindings()

        XCTAssertEqual(options.baseUrl, "https://api.example/v1")
        XCTAssertEqual([options.account, options.namespace], ["ada", "app"])
        XCTAssertNil(options.endpoints)
        XCTAssertEqual(options.allowedOrigins, ["https://cdn.example"])
        XCTAssertEqual(options.developmentOrigins, ["http://10.0.2.2:8080"])
        XCTAssertEqual(options.developmentAnchors, [Data("anchor".utf8)])
        XCTAssertEqual(
            [options.requestTimeoutMs, options.idleTimeoutMs, options.absoluteLifetimeMs, options.refreshGraceMs],
            [1_500, 2_000, 3_000, 1])
        XCTAssertTrue(options.allowLoopback && options.accessTokenInMemoryOnly && options.readOnly)
        XCTAssertEqual(try options.activity?.begin(), false)
        XCTAssertEqual(options.deviceIdHeader, "X-Device")
        XCTAssertEqual(options.maxBodyBytes, 4)
        XCTAssertEqual(options.maxConnectionsPerHost, 5)
        XCTAssertEqual(
            options.answerRules,
            AnswerOptions(
                codes: [
                    AnswerCode(code: "a", meaning: .refresh), AnswerCode(code: "b", meaning: .endSession),
                    AnswerCode(code: "c", meaning: .pass),
                ], refreshOnForbidden: true, passBareUnauthorized: true))
        XCTAssertEqual(options.retry, RetryOptions(attempts: 6, budgetMs: 7_000))
        XCTAssertEqual(options.pins, [PinOptions(host: "api.example", pins: ["pin"], expiresAtMs: 8_000)])
    }

    func testWhatIsNotSetIsLeftToTheLibrary() throws {
        let options = try AuthSession.Configuration(baseURL: url, store: .memory).bindings()

        XCTAssertEqual([options.account, options.namespace], ["default", "auth-session"])
        XCTAssertFalse(options.allowLoopback || options.accessTokenInMemoryOnly || options.readOnly)
        XCTAssertNil(options.requestTimeoutMs)
        XCTAssertNil(options.idleTimeoutMs)
        XCTAssertNil(options.maxBodyBytes)
        XCTAssertNil(options.retry)
        XCTAssertNil(options.answerRules)
        XCTAssertEqual(options.pins, [])
        guard case .memory = options.store else {
            return XCTFail("the store is \(options.store as Any)")
        }
    }

    func testEveryPartOfAJSONBackendReachesTheLibrary() throws {
        var backend = AuthSession.JSONEndpoints(login: "/in", refresh: "/again", logout: nil)
        backend.logoutMethod = "DELETE"
        backend.accessTokenPaths = ["data.access"]
        backend.refreshTokenPaths = ["data.refresh"]
        backend.expiresInPaths = ["data.ttl"]
        backend.errorCodePaths = ["error.code"]
        backend.refreshRequestField = "token"
        backend.logoutRequestField = "bye"
        backend.refreshTokenCookie = "rt"
        backend.loginAdditions = .init(fields: ["b": 1, "a": "x"], headers: ["X-B": "2", "X-A": "1"])
        backend.refreshAdditions = .init(headers: ["X-R": "3"])
        backend.logoutAdditions = .init(fields: ["all": true])
        backend.terminalStatuses = [410]
        backend.terminalCodes = ["revoked"]

        guard case .json(let options) = try AuthSession.TokenEndpoints.json(backend).bindings() else {
            return XCTFail("not a JSON backend")
        }

        XCTAssertEqual(
            options,
            JsonEndpoints(
                loginUrl: "/in", refreshUrl: "/again", logoutUrl: nil, logoutMethod: "DELETE",
                accessTokenAt: ["data.access"], refreshTokenAt: ["data.refresh"], expiresInAt: ["data.ttl"],
                errorCodeAt: ["error.code"], refreshRequestField: "token", logoutRequestField: "bye",
                refreshTokenCookie: "rt",
                login: CallAdditions(
                    fieldsJson: #"{"a":"x","b":1}"#,
                    headers: [Header(name: "X-A", value: "1"), Header(name: "X-B", value: "2")]),
                refresh: CallAdditions(fieldsJson: nil, headers: [Header(name: "X-R", value: "3")]),
                logout: CallAdditions(fieldsJson: #"{"all":true}"#, headers: []),
                terminalStatuses: [410], terminalCodes: ["revoked"]))
    }

    func testEveryPartOfAnOAuthServerReachesTheLibrary() throws {
        var server = AuthSession.OAuth2Endpoints(
            tokenEndpoint: url, clientID: "app", revocationEndpoint: URL(string: "https://api.example/revoke"))
        server.parameters = ["scope": "openid"]
        server.terminalStatuses = [410]
        server.terminalCodes = ["expired"]

        guard case .oAuth2(let options) = try AuthSession.TokenEndpoints.oauth2(server).bindings() else {
            return XCTFail("not an OAuth server")
        }

        XCTAssertEqual(
            options,
            OAuth2Endpoints(
                tokenEndpoint: "https://api.example/v1", clientId: "app",
                revocationEndpoint: "https://api.example/revoke",
                parameters: [Header(name: "scope", value: "openid")], terminalStatuses: [410],
                terminalCodes: ["expired"]))
    }

    func testEveryOptionOfTheKeychainReachesTheLibrary() throws {
        var keychain = AuthSession.KeychainOptions(
            accessGroup: "TEAM.group", sharedDirectory: URL(fileURLWithPath: "/shared"))
        keychain.gate = .biometry
        keychain.purgeAfterReinstall = URL(fileURLWithPath: "/support")
        keychain.isProtectedDataAvailable = { true }

        guard case .keychain(let options) = AuthSession.Store.keychain(keychain).bindings() else {
            return XCTFail("not the Keychain")
        }

        XCTAssertEqual(options.accessGroup, "TEAM.group")
        XCTAssertEqual(options.sharedDirectory, "/shared")
        XCTAssertEqual(options.gate, .biometry)
        XCTAssertEqual(options.purgeAfterReinstall, "/support")
        XCTAssertEqual(try options.protectedData?.isAvailable(), true)
    }

    func testWhatTheKeychainsOptionsDoNotSayAboutProtectedDataTheSystemDoes() throws {
        var keychain = AuthSession.KeychainOptions()
        func answer() throws -> Bool? {
            guard
                case .keychain(let options) = AuthSession.Store.keychain(keychain)
                    .bindings(isProtectedDataAvailable: { false })
            else {
                return nil
            }
            return try options.protectedData?.isAvailable()
        }

        XCTAssertEqual(try answer(), false)
        keychain.isProtectedDataAvailable = { true }
        XCTAssertEqual(try answer(), true)
    }
}

private struct Refusing: BackgroundActivity {
    func begin() -> Bool { false }
    func end() {}
}
