import AuthSessionKit
import Foundation

/// `NativeConfig` of config.ts.
struct SessionSettings: @unchecked Sendable {
    /// As JavaScript gave them, to be compared: those of the same session are equal. Nobody changes it.
    let given: NSDictionary
    let configuration: AuthSession.Configuration

    init(_ options: [String: Any]) throws {
        given = options as NSDictionary
        let fields = Fields(options, code: .invalidConfiguration)
        var configuration = AuthSession.Configuration(baseURL: try fields.requiredURL("baseURL"))
        configuration.account = try fields.string("account") ?? configuration.account
        configuration.namespace = try fields.string("namespace") ?? configuration.namespace
        configuration.endpoints = try fields.fields("endpoints").map(AuthSession.TokenEndpoints.init)
        configuration.store = try fields.fields("store").map(AuthSession.Store.init) ?? configuration.store
        configuration.allowsLoopback = try fields.boolean("allowLoopback") ?? false
        configuration.allowedOrigins = try fields.urls("allowedOrigins") ?? []
        configuration.requestTimeout = try fields.interval("requestTimeoutMs")
        configuration.developmentOrigins = try fields.urls("developmentOrigins") ?? []
        configuration.developmentAnchors = try (fields.strings("developmentAnchors") ?? []).map { Data($0.utf8) }
        configuration.idleTimeout = try fields.interval("idleTimeoutMs")
        configuration.absoluteLifetime = try fields.interval("absoluteLifetimeMs")
        configuration.refreshGrace = try fields.interval("refreshGraceMs")
        configuration.keepsAccessTokenInMemoryOnly = try fields.boolean("accessTokenInMemoryOnly") ?? false
        configuration.isReadOnly = try fields.boolean("readOnly") ?? false
        configuration.deviceIDHeader = try fields.string("deviceIdHeader")
        configuration.maximumBodySize = try fields.integer("maxBodyBytes")
        configuration.maximumConnectionsPerHost = try fields.integer("maxConnectionsPerHost", most: Int(UInt32.max))
        configuration.answerRules = try fields.fields("answerRules").map(AuthSession.AnswerRules.init)
        configuration.retryPolicy = try fields.fields("retry").map(AuthSession.RetryPolicy.init)
        configuration.pinnedKeys = try (fields.list("pins") ?? []).map(AuthSession.PinnedKeys.init)
        self.configuration = configuration
    }

    /// Whether both are of the same account.
    func names(_ other: SessionSettings) -> Bool {
        configuration.account == other.configuration.account
            && configuration.namespace == other.configuration.namespace
    }
}

extension AuthSession.TokenEndpoints {
    fileprivate init(_ fields: Fields) throws {
        switch try fields.string("type") {
        case "json": self = .json(try AuthSession.JSONEndpoints(fields))
        case "oauth2": self = .oauth2(try AuthSession.OAuth2Endpoints(fields))
        default: throw fields.refusal("type", "json or oauth2")
        }
    }
}

extension AuthSession.JSONEndpoints {
    fileprivate init(_ fields: Fields) throws {
        self.init()
        login = try fields.string("loginURL") ?? login
        refresh = try fields.string("refreshURL") ?? refresh
        logout = fields.isFalse("logoutURL") ? nil : try fields.string("logoutURL") ?? logout
        logoutMethod = try fields.string("logoutMethod")
        accessTokenPaths = try fields.strings("accessTokenAt") ?? []
        refreshTokenPaths = try fields.strings("refreshTokenAt") ?? []
        expiresInPaths = try fields.strings("expiresInAt") ?? []
        errorCodePaths = try fields.strings("errorCodeAt") ?? []
        refreshRequestField = try fields.string("refreshRequestField")
        logoutRequestField = try fields.string("logoutRequestField")
        refreshTokenCookie = try fields.string("refreshTokenCookie")
        loginAdditions = try fields.fields("login").map(AuthSession.CallAdditions.init)
        refreshAdditions = try fields.fields("refresh").map(AuthSession.CallAdditions.init)
        logoutAdditions = try fields.fields("logout").map(AuthSession.CallAdditions.init)
        terminalStatuses = try fields.statuses("terminalStatuses")
        terminalCodes = try fields.strings("terminalCodes") ?? []
    }
}

extension AuthSession.CallAdditions {
    fileprivate init(_ fields: Fields) throws {
        let members = try fields.string("fieldsJson").map { json in
            guard let members = try? JSONObject(json) else { throw fields.refusal("fields", "an object") }
            return members
        }
        self.init(fields: members?.members ?? [:], headers: try fields.texts("headers") ?? [:])
    }
}

extension AuthSession.OAuth2Endpoints {
    fileprivate init(_ fields: Fields) throws {
        self.init(
            tokenEndpoint: try fields.requiredURL("tokenEndpoint"),
            clientID: try fields.requiredString("clientId"),
            revocationEndpoint: try fields.url("revocationEndpoint"))
        parameters = try fields.texts("parameters") ?? [:]
        terminalStatuses = try fields.statuses("terminalStatuses") ?? []
        terminalCodes = try fields.strings("terminalCodes") ?? []
    }
}

extension AuthSession.Store {
    fileprivate init(_ fields: Fields) throws {
        switch try fields.string("type") {
        case "memory": self = .memory
        case "file": self = .file(URL(fileURLWithPath: try fields.requiredString("path")))
        case "keychain": self = .keychain(try AuthSession.KeychainOptions(fields))
        default: throw fields.refusal("type", "memory, file or keychain on Apple platforms")
        }
    }
}

extension AuthSession.KeychainOptions {
    fileprivate init(_ fields: Fields) throws {
        self.init(accessGroup: try fields.string("accessGroup"))
        sharedDirectory = try fields.string("appGroup").map { group in
            #if canImport(Darwin)
            let container = FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: group)
            #else
            let container: URL? = nil
            #endif
            guard let container else { throw fields.refusal("appGroup", "one of the app's entitlements") }
            return container
        }
        switch try fields.string("gate") {
        case nil: gate = nil
        case "user_presence": gate = .userPresence
        case "biometry": gate = .biometry
        default: throw fields.refusal("gate", "user_presence or biometry")
        }
        if try fields.boolean("purgeAfterReinstall") == true {
            // A directory that goes with the app.
            purgeAfterReinstall = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask).first
        }
    }
}

extension AuthSession.AnswerRules {
    fileprivate init(_ fields: Fields) throws {
        self.init(
            codes: try (fields.texts("codes") ?? [:]).reduce(into: [:]) { codes, rule in
                switch rule.value {
                case "refresh": codes[rule.key] = .refresh
                case "end_session": codes[rule.key] = .endSession
                case "pass": codes[rule.key] = .pass
                default: throw fields.refusal("codes.\(rule.key)", "refresh, end_session or pass")
                }
            },
            refreshesOnForbidden: try fields.boolean("refreshOnForbidden") ?? false,
            passesBareUnauthorized: try fields.boolean("passBareUnauthorized") ?? false)
    }
}

extension AuthSession.RetryPolicy {
    fileprivate init(_ fields: Fields) throws {
        guard let attempts = try fields.integer("attempts", most: Int(UInt32.max)) else {
            throw fields.refusal("attempts", "a number")
        }
        guard let budget = try fields.interval("budgetMs") else { throw fields.refusal("budgetMs", "a number") }
        self.init(attempts: attempts, budget: budget)
    }
}

extension AuthSession.PinnedKeys {
    fileprivate init(_ fields: Fields) throws {
        guard let pins = try fields.strings("sha256") else { throw fields.refusal("sha256", "a list of strings") }
        self.init(
            host: try fields.requiredString("host"), sha256: pins,
            expiresAt: try fields.interval("expiresAt").map(Date.init(timeIntervalSince1970:)))
    }
}

/// A JSON object of any content, to be encoded again.
struct JSONObject: Encodable, Sendable {
    let members: [String: JSONValue]

    /// What JavaScript wrote.
    init(_ json: String) throws {
        members = try JSONDecoder().decode([String: JSONValue].self, from: Data(json.utf8))
    }

    /// Credentials as JavaScript wrote them.
    init(credentials json: String) throws {
        do {
            try self.init(json)
        } catch {
            // The decoder's own error may quote what it read, which holds a password.
            throw Refusal(code: .invalidRequest, message: "the credentials must be an object")
        }
    }

    func encode(to encoder: any Encoder) throws {
        try members.encode(to: encoder)
    }
}

enum JSONValue: Codable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
