internal import AuthSessionBindings

/// How much is logged, from little to much.
public enum LogLevel: Int, Sendable, CaseIterable, Comparable {
    /// Something is broken.
    case error

    /// Something that should not be.
    case warning

    /// What an app's developer wants to know.
    case info

    /// Decisions.
    case debug

    /// Everything.
    case trace

    /// Less comes before more.
    public static func < (one: LogLevel, other: LogLevel) -> Bool { one.rawValue < other.rawValue }
}

/// A line of the library's log. It holds no token, no password and no body.
public struct LogLine: Sendable, Equatable {
    /// How much it matters.
    public let level: LogLevel

    /// The part of the library that speaks.
    public let target: String

    /// What it says.
    public let message: String
}

extension AuthSession {
    /// Hands the library's log up to a level to the app: one for the process; a later call replaces the handler and the
    /// level, and nil ends it.
    ///
    /// The handler is called with one line at a time, on a thread of the library. While it is slow, lines are dropped,
    /// and it is told how many: a log never holds requests up.
    ///
    /// - Throws: ``AuthSessionError`` with the code `already_open` where Rust code of the app has installed a
    ///   subscriber of `tracing` itself, which gets the same lines.
    public static func setLogHandler(
        upTo level: LogLevel = .info, _ handler: (@Sendable (LogLine) -> Void)?
    ) throws {
        try requireMatchingLibrary()
        try translatingFailures {
            try setLogSink(sink: handler.map(LogAdapter.init), level: level.bindings)
        }
    }
}

extension LogLevel {
    fileprivate var bindings: AuthSessionBindings.LogLevel {
        switch self {
        case .error: .error
        case .warning: .warn
        case .info: .info
        case .debug: .debug
        case .trace: .trace
        }
    }

    fileprivate init(_ level: AuthSessionBindings.LogLevel) {
        self =
            switch level {
            case .error: .error
            case .warn: .warning
            case .info: .info
            case .debug: .debug
            case .trace: .trace
            }
    }
}

private final class LogAdapter: LogSink {
    private let handler: @Sendable (LogLine) -> Void

    init(_ handler: @escaping @Sendable (LogLine) -> Void) {
        self.handler = handler
    }

    func log(level: AuthSessionBindings.LogLevel, target: String, message: String) {
        handler(LogLine(level: LogLevel(level), target: target, message: message))
    }
}
