import AuthSessionKit
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// `AuthSessionConfig` of config.ts, in a form that can be compared.
struct SessionSettings: Equatable {
    enum Endpoints: Equatable {
        case json(login: String, refresh: String, logout: String)
        case oauth2(tokenEndpoint: URL, clientID: String, revocationEndpoint: URL?)
    }

    let baseURL: URL
    let account: String?
    let namespace: String?
    let endpoints: Endpoints?
    let file: URL?
    let allowsLoopback: Bool
    let allowedOrigins: [URL]
    let requestTimeout: TimeInterval?

    init(_ fields: Fields) throws {
        baseURL = try fields.requiredURL("baseURL")
        account = try fields.string("account")
        namespace = try fields.string("namespace")
        endpoints = try fields.fields("endpoints").map(Endpoints.init)
        file = try fields.fields("store").flatMap(Self.file)
        allowsLoopback = try fields.boolean("allowLoopback") ?? false
        allowedOrigins = try (fields.strings("allowedOrigins") ?? []).map { origin in
            guard let url = URL(string: origin) else { throw fields.refusal("allowedOrigins", "URLs") }
            return url
        }
        requestTimeout = try fields.number("requestTimeoutMs").map { $0 / 1_000 }
    }

    /// Whether both are of the same account.
    func names(_ other: SessionSettings) -> Bool {
        configuration.account == other.configuration.account
            && configuration.namespace == other.configuration.namespace
    }

    var configuration: AuthSession.Configuration {
        var configuration = AuthSession.Configuration(
            baseURL: baseURL, allowedOrigins: allowedOrigins, allowsLoopback: allowsLoopback,
            requestTimeout: requestTimeout)
        if let account {
            configuration.account = account
        }
        if let namespace {
            configuration.namespace = namespace
        }
        configuration.endpoints =
            switch endpoints {
            case .json(let login, let refresh, let logout):
                .json(login: login, refresh: refresh, logout: logout)
            case .oauth2(let tokenEndpoint, let clientID, let revocationEndpoint):
                .oauth2(tokenEndpoint: tokenEndpoint, clientID: clientID, revocationEndpoint: revocationEndpoint)
            case nil: nil
            }
        // Named, since the Keychain is what Swift takes by itself.
        configuration.store = file.map(AuthSession.Store.file) ?? .memory
        return configuration
    }

    private static func file(_ store: Fields) throws -> URL? {
        switch try store.string("type") {
        case "memory": nil
        case "file": URL(fileURLWithPath: try store.requiredString("path"))
        default: throw store.refusal("type", "memory or file")
        }
    }
}

extension SessionSettings.Endpoints {
    fileprivate init(_ fields: Fields) throws {
        switch try fields.string("type") {
        case "json":
            self = .json(
                login: try fields.requiredString("loginURL"),
                refresh: try fields.requiredString("refreshURL"),
                logout: try fields.requiredString("logoutURL"))
        case "oauth2":
            self = .oauth2(
                tokenEndpoint: try fields.requiredURL("tokenEndpoint"),
                clientID: try fields.requiredString("clientId"),
                revocationEndpoint: try fields.url("revocationEndpoint"))
        default:
            throw fields.refusal("type", "json or oauth2")
        }
    }
}

/// The request that `fields` describe: `NativeRequest` of request.ts.
func urlRequest(_ fields: Fields) throws -> URLRequest {
    var request = URLRequest(url: try fields.requiredURL("url"))
    request.httpMethod = try fields.requiredString("method")
    for header in try fields.list("headers") ?? [] {
        request.addValue(try header.requiredString("value"), forHTTPHeaderField: try header.requiredString("name"))
    }
    request.httpBody = try fields.string("body").map { Data($0.utf8) }
    if let timeout = try fields.number("timeoutMs") {
        request.timeoutInterval = timeout / 1_000
    }
    return request
}

extension Fields {
    fileprivate func url(_ name: String) throws -> URL? {
        try string(name).map { string in
            guard let url = URL(string: string) else { throw refusal(name, "a URL") }
            return url
        }
    }

    fileprivate func requiredURL(_ name: String) throws -> URL {
        guard let url = try url(name) else { throw refusal(name, "a URL") }
        return url
    }
}

/// A JSON object of any content, to be encoded again.
struct JSONObject: Encodable {
    private let members: [String: JSONValue]

    /// Credentials as JavaScript wrote them.
    init(credentials json: String) throws {
        do {
            members = try JSONDecoder().decode([String: JSONValue].self, from: Data(json.utf8))
        } catch {
            // The decoder's own error may quote what it read, which holds a password.
            throw Refusal(code: .invalidRequest, message: "the credentials must be an object")
        }
    }

    func encode(to encoder: any Encoder) throws {
        try members.encode(to: encoder)
    }
}

private enum JSONValue: Codable {
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
