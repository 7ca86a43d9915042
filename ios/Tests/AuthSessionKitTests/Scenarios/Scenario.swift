import Foundation

/// A hard case as data: the same files are run by the tests of every language.
struct Scenario: Decodable {
    let name: String
    let title: String
    let realm: JSON
    let client: Client
    let steps: [Step]

    /// Where the session finds the token endpoints.
    struct Client: Decodable {
        var tokenEndpoints = Listener.api

        enum Listener: String, Decodable {
            case api, auth
        }
    }

    enum Step {
        case signIn
        case authority(command: String, body: JSON)
        case start(Calls, as: String)
        case finish(as: String, expect: Expectation)
        case request(Calls, expect: Expectation)
        case signOut
        case networkChanged
        case expectState(String, reason: String?)
        case expectEvents([String])
        case expectCounters([String: Int])
    }

    /// Some equal requests, sent at the same time.
    struct Calls: Sendable {
        let method: String
        let path: String
        let body: String?
        let count: Int
    }

    /// How every one of some requests must end.
    enum Expectation {
        case answer(status: Int, disposition: String?)
        case error(String)
    }
}

// A field or a step that this runner does not know is an error: a scenario must not pass because half of it was
// skipped.

extension Scenario {
    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, allowed: ["name", "title", "realm", "client", "steps"])
        name = try fields.required("name")
        title = try fields.required("title")
        realm = try fields.optional("realm") ?? [:]
        client = try fields.optional("client") ?? Client()
        steps = try fields.required("steps")
    }
}

extension Scenario.Client {
    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, allowed: ["token_endpoints"])
        tokenEndpoints = try fields.optional("token_endpoints") ?? .api
    }
}

extension Scenario.Step: Decodable {
    private static let calls = ["path", "method", "body", "count"]

    init(from decoder: any Decoder) throws {
        let step: String = try Fields(decoder).required("do")
        func fields(_ allowed: [String]) throws -> Fields { try Fields(decoder, allowed: ["do"] + allowed) }

        switch step {
        case "sign_in":
            _ = try fields([])
            self = .signIn
        case "authority":
            let fields = try fields(["command", "body"])
            self = .authority(command: try fields.required("command"), body: try fields.optional("body") ?? [:])
        case "start":
            let fields = try fields(["as"] + Self.calls)
            self = .start(try Scenario.Calls(fields), as: try fields.required("as"))
        case "finish":
            let fields = try fields(["as", "expect"])
            self = .finish(as: try fields.required("as"), expect: try fields.required("expect"))
        case "request":
            let fields = try fields(["expect"] + Self.calls)
            self = .request(try Scenario.Calls(fields), expect: try fields.required("expect"))
        case "sign_out":
            _ = try fields([])
            self = .signOut
        case "network_changed":
            _ = try fields([])
            self = .networkChanged
        case "expect_state":
            let fields = try fields(["state", "reason"])
            self = .expectState(try fields.required("state"), reason: try fields.optional("reason"))
        case "expect_events":
            self = .expectEvents(try fields(["events"]).required("events"))
        case "expect_counters":
            self = .expectCounters(try fields(["counters"]).required("counters"))
        default:
            throw Fields.unknown("step \(step)", in: decoder)
        }
    }
}

extension Scenario.Calls {
    fileprivate init(_ fields: Fields) throws {
        method = try fields.optional("method") ?? "GET"
        path = try fields.required("path")
        body = try fields.optional("body")
        count = try fields.optional("count") ?? 1
    }
}

extension Scenario.Expectation: Decodable {
    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, allowed: ["status", "disposition", "error"])
        if let error: String = try fields.optional("error") {
            _ = try Fields(decoder, allowed: ["error"])
            self = .error(error)
        } else {
            self = .answer(status: try fields.required("status"), disposition: try fields.optional("disposition"))
        }
    }
}

/// The fields of a JSON object, by name.
private struct Fields {
    private let container: KeyedDecodingContainer<Key>

    /// `allowed`: which fields there may be; nil: any.
    init(_ decoder: any Decoder, allowed: [String]? = nil) throws {
        container = try decoder.container(keyedBy: Key.self)
        if let allowed, let other = container.allKeys.first(where: { !allowed.contains($0.stringValue) }) {
            throw Self.unknown("field \(other.stringValue)", in: decoder)
        }
    }

    func required<Value: Decodable>(_ name: String) throws -> Value {
        try container.decode(Value.self, forKey: Key(stringValue: name))
    }

    func optional<Value: Decodable>(_ name: String) throws -> Value? {
        try container.decodeIfPresent(Value.self, forKey: Key(stringValue: name))
    }

    static func unknown(_ what: String, in decoder: any Decoder) -> DecodingError {
        .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "unknown \(what)"))
    }

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
