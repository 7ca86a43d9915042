import Foundation
internal import AuthSessionBindings

/// What the server answered to a sign-in, without the tokens.
public struct SignInAnswer: Sendable {
    /// Whether tokens came and the user is signed in. If not, the server wants another step: see
    /// ``AuthSession/continueSignIn(at:_:)``.
    public let isSignedIn: Bool

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
    /// Whether the user is signed in, and the size: the content is the user's own.
    public var description: String {
        "SignInAnswer(\(isSignedIn ? "signed in" : "not signed in"), \(data.count) bytes)"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// A mirror that shows no more than ``description``.
    public var customMirror: Mirror { Mirror(self, children: ["isSignedIn": isSignedIn, "bytes": data.count]) }
}

extension SignInAnswer {
    init(_ result: SignInResult) {
        self.init(isSignedIn: result.signedIn, data: Data(result.answerJson.utf8))
    }
}
