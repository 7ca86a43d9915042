import Foundation

/// Whole milliseconds of a time that the native library can count.
///
/// - Throws: ``AuthSessionError`` with `code`, naming the setting, for a time that makes no sense.
func milliseconds(
    _ interval: TimeInterval?, of setting: String, code: AuthSessionError.Code = .invalidConfiguration
) throws -> UInt64? {
    guard let interval else {
        return nil
    }
    guard let milliseconds = UInt64(exactly: (interval * 1_000).rounded(.up)) else {
        throw AuthSessionError(code, "\(setting): a number of seconds from 0 on is expected")
    }
    return milliseconds
}

/// A number of things that the native library can count.
///
/// - Throws: ``AuthSessionError`` with `code`, naming the setting, for a number that makes no sense.
func count<Number: FixedWidthInteger>(
    _ number: Int?, of setting: String, code: AuthSessionError.Code = .invalidConfiguration
) throws -> Number? {
    guard let number else {
        return nil
    }
    guard let count = Number(exactly: number) else {
        throw AuthSessionError(code, "\(setting): a number from 0 to \(Number.max) is expected")
    }
    return count
}

/// The time that a number of milliseconds means.
func interval(milliseconds: UInt64) -> TimeInterval {
    TimeInterval(milliseconds) / 1_000
}
