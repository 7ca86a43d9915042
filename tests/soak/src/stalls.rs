//! When this process did not get to run: whoever waited then has not been kept waiting by the library.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const BEAT: Duration = Duration::from_millis(20);
/// As much as that is nothing out of the ordinary, and would only make the list long.
const ORDINARY: Duration = Duration::from_millis(20);

/// When a beat was due, and by how much it was late.
static STALLS: Mutex<Vec<(Instant, Duration)>> = Mutex::new(Vec::new());

fn stalls() -> MutexGuard<'static, Vec<(Instant, Duration)>> {
    STALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On a thread of its own, which no task can hold up; it ends with the process.
pub(crate) fn watch() {
    thread::spawn(|| {
        loop {
            let due = Instant::now() + BEAT;
            thread::sleep(BEAT);
            let late = due.elapsed();
            if late > ORDINARY {
                stalls().push((due, late));
            }
        }
    });
}

/// For how long altogether nothing could run between these moments.
pub(crate) fn between(from: Instant, until: Instant) -> Duration {
    stalls().iter().map(|(due, late)| overlap((*due, *due + *late), (from, until))).sum()
}

fn overlap(one: (Instant, Instant), other: (Instant, Instant)) -> Duration {
    one.1.min(other.1).saturating_duration_since(one.0.max(other.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_spans_have_in_common_is_told() {
        let began = Instant::now();
        let span = |from, until| (began + Duration::from_millis(from), began + Duration::from_millis(until));
        for (one, other, common) in [
            (span(0, 10), span(20, 30), 0),
            (span(0, 25), span(20, 30), 5),
            (span(22, 24), span(20, 30), 2),
            (span(25, 40), span(20, 30), 5),
            (span(10, 40), span(20, 30), 10),
        ] {
            assert_eq!(overlap(one, other), Duration::from_millis(common));
        }
    }
}
