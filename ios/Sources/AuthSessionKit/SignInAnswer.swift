import Foundation

/// What the server answered to a sign-in, without the tokens.
public struct SignInAnswer: Sendable {
    /// The answer as JSON; `null` where the server had nothing to say.
    public let data: Data

    /// Decodes the answer.
    ///
    /// - Throws: ``AuthSessionError`` with the code `undecodable`. A sign-in that took effect stays.
    public func decode<Value: Decodable>(_ type: Value.Type, using decoder: JSONDecoder = .init()) throws -> Value {
        try decodeJSON(type, from: data, using: decoder)
    }
}

extension SignInAnswer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The size alone: the content is the user's own.
    public var description: String { "SignInAnswer(\(data.count) bytes)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// A mirror that shows no more than ``description``.
    public var customMirror: Mirror { Mirror(self, children: ["bytes": data.count]) }
}
