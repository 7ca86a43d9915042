package dev.authsession

import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

// The core counts in whole, unsigned milliseconds and seconds; a negative duration is none at all.

internal fun Duration.toMilliseconds(): ULong = coerceAtLeast(Duration.ZERO).inWholeMilliseconds.toULong()

internal fun Duration.toSeconds(): ULong = coerceAtLeast(Duration.ZERO).inWholeSeconds.toULong()

internal fun ULong.toDuration(): Duration = coerceAtMost(Long.MAX_VALUE.toULong()).toLong().milliseconds
