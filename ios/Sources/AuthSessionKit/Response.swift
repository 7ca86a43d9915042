import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A server's answer, with what the session made of it.
public struct Response: Sendable {
    /// The body.
    public let data: Data

    /// Status, headers and final URL.
    public let http: HTTPURLResponse

    /// The header fields, in order and each by itself; `HTTPURLResponse` joins those of one name, which breaks
    /// `Set-Cookie`.
    public let headerFields: [HeaderField]

    /// What the session made of the answer.
    public let disposition: Disposition

    /// Whether it is the answer to a redirect that was followed.
    public let isRedirected: Bool

    /// The HTTP status code.
    public var status: Int { http.statusCode }

    /// Whether the status is 2xx.
    public var isSuccess: Bool { (200..<300).contains(status) }

    /// Decodes the JSON body of a successful answer.
    ///
    /// An error body never passes for the value: a status other than 2xx throws.
    ///
    /// - Throws: ``AuthSessionError`` with the code `unsuccessful` and the status if the answer is not 2xx, or with the
    ///   code `undecodable` if the body is something else than `type`.
    public func decode<Value: Decodable>(_ type: Value.Type, using decoder: JSONDecoder = .init()) throws -> Value {
        guard isSuccess else {
            throw AuthSessionError(.unsuccessful, "the server answered with status \(status)", status: status)
        }
        return try decodeJSON(type, from: data, using: decoder)
    }
}

/// A header field of an answer.
public struct HeaderField: Sendable, Equatable {
    /// The name, in lower case.
    public let name: String

    /// The value.
    public let value: String
}

extension Response: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Status, disposition and size; never the body or the headers, which are the user's own.
    public var description: String { "Response(\(status), \(disposition.rawValue), \(data.count) bytes)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// A mirror that shows no more than ``description``.
    public var customMirror: Mirror {
        Mirror(self, children: ["status": status, "disposition": disposition.rawValue, "bytes": data.count])
    }
}

extension Response {
    init(_ response: HttpResponse) throws {
        self.init(
            data: response.body, http: try httpResponse(response),
            headerFields: response.headers.map { HeaderField(name: $0.name, value: $0.value) },
            disposition: Disposition(response.disposition), isRedirected: response.redirected)
    }
}

/// The head of an answer as Foundation has it.
func httpResponse(_ answer: HttpResponse) throws -> HTTPURLResponse {
    // Repeated fields become one, as `HTTPURLResponse` holds them.
    let fields = Dictionary(answer.headers.map { ($0.name, $0.value) }) { $0 + ", " + $1 }
    guard
        let url = URL(string: answer.url),
        let http = HTTPURLResponse(url: url, statusCode: Int(answer.status), httpVersion: nil, headerFields: fields)
    else {
        throw AuthSessionError(.internal, "the answer's URL cannot be represented")
    }
    return http
}
