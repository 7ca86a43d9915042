internal import AuthSessionBindings

/// A token on its way to an object that the app has registered. No description shows it.
public final class Secret: Sendable {
    private let text: SecretText

    init(_ text: SecretText) {
        self.text = text
    }

    /// The token itself. Whoever calls this keeps it out of logs and errors.
    public func expose() -> String {
        text.expose()
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Contains no token.
    public var description: String { "Secret(redacted)" }

    /// Contains no token.
    public var debugDescription: String { description }

    /// A mirror without children, so that `dump` and reflection find no token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
