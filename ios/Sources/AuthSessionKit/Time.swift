import Foundation

/// Whole milliseconds of a time that the native library can count; nil for one that makes no sense.
func milliseconds(_ interval: TimeInterval) -> UInt64? {
    UInt64(exactly: (interval * 1_000).rounded(.up))
}

/// The time that a number of milliseconds means.
func interval(milliseconds: UInt64) -> TimeInterval {
    TimeInterval(milliseconds) / 1_000
}
