package dev.authsession

import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

// The core counts in whole, unsigned numbers; what is negative is none at all.

internal fun Duration.toMilliseconds(): ULong = coerceAtLeast(Duration.ZERO).inWholeMilliseconds.toULong()

internal fun Duration.toSeconds(): ULong = coerceAtLeast(Duration.ZERO).inWholeSeconds.toULong()

internal fun ULong.toDuration(): Duration = coerceAtMost(Long.MAX_VALUE.toULong()).toLong().milliseconds

internal fun Long.toUnsigned(): ULong = coerceAtLeast(0).toULong()

/** A number that is no HTTP status becomes 0, which the core takes for none either. */
internal fun Int.toStatus(): UShort = (if (this in 100..999) this else 0).toUShort()
