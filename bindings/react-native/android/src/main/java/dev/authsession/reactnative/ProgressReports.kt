package dev.authsession.reactnative

import dev.authsession.TransferProgress

/** How often JavaScript hears of a body at most. As often as a bar can be seen to move, and no queue builds up. */
private const val INTERVAL_NANOSECONDS = 50_000_000L

/** Tells JavaScript how far the bodies of a request have come. */
internal class ProgressReports(
    private val clock: () -> Long = System::nanoTime,
    private val report: (direction: String, progress: TransferProgress) -> Unit,
) {
    private val reports = mutableListOf<Report>()

    /** What the session tells about one direction. */
    fun of(direction: String): (TransferProgress) -> Unit = Report(direction).also(reports::add)::tell

    /** Tells what was held back. Called before the promise is settled, after which nobody listens. */
    fun flush() {
        reports.forEach(Report::flush)
    }

    private inner class Report(private val direction: String) {
        private var lastAt: Long? = null
        private var heldBack: TransferProgress? = null

        @Synchronized
        fun tell(progress: TransferProgress) {
            val now = clock()
            val isLast = progress.bytes == progress.total
            if (isLast || lastAt?.let { now - it >= INTERVAL_NANOSECONDS } != false) {
                lastAt = now
                heldBack = null
                report(direction, progress)
            } else {
                heldBack = progress
            }
        }

        @Synchronized
        fun flush() {
            heldBack?.let { report(direction, it) }
            heldBack = null
        }
    }
}
