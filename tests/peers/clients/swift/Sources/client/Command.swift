import Foundation

/// A command from standard input: which it is, and who asks.
struct Command: Decodable, Sendable {
    let id: Identifier
    let name: String

    enum CodingKeys: String, CodingKey {
        case id
        case name = "do"
    }
}

/// What a command is called by whoever gave it, which its answers repeat.
enum Identifier: Codable, Hashable, Sendable {
    case number(Int)
    case text(String)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        }
    }
}

/// What the commands need to know.
enum Details {
    struct SignIn: Decodable {
        let email: String
        let password: String
    }

    struct Cancel: Decodable {
        /// The command whose requests nobody wants any more.
        let of: Identifier
    }

    struct Requests: Decodable {
        let path: String
        let method: String?
        let body: String?
        let count: Int

        var request: Request {
            Request(method: method ?? "GET", path: path, body: body.map { Data($0.utf8) })
        }
    }
}

/// What the commands are answered with.
enum Answer {
    struct Done: Encodable {
        let done = true
    }

    struct Failed: Encodable {
        let error: String
    }

    struct Status: Encodable {
        let status: Int
    }

    struct State: Encodable {
        let signedIn: Bool

        enum CodingKeys: String, CodingKey {
            case signedIn = "signed_in"
        }
    }
}

/// The first line of the process.
struct Ready: Encodable {
    let ready = true
    let client: String
    let versions: [String: String]
}
