package dev.authsession

import dev.authsession.ffi.LogLevel as FfiLogLevel
import dev.authsession.ffi.LogSink as FfiLogSink

/** How much is logged, from little to much. */
public enum class LogLevel {
    /** What should not happen. */
    ERROR,

    /** What may need attention. */
    WARN,

    /** What happens to the session. */
    INFO,

    /** What each request does. */
    DEBUG,

    /** Everything. */
    TRACE,
}

/** Gets the lines of the log; see [AuthSession.setLogSink]. */
public fun interface LogSink {
    /**
     * A line of the log. Called on a thread of the library, one line at a time: one that is slow loses lines and holds
     * nothing up, and what it throws is dropped. No line holds a token, a password or a body.
     */
    public fun log(level: LogLevel, target: String, message: String)
}

internal class LogSinkAdapter(private val sink: LogSink) : FfiLogSink {
    override fun log(level: FfiLogLevel, target: String, message: String) =
        callingApp("the log sink") { sink.log(LogLevel.valueOf(level.name), target, message) }
}

internal fun LogLevel.toFfi(): FfiLogLevel = FfiLogLevel.valueOf(name)
