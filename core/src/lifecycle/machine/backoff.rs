//! How long to wait after a failure, and what callers are told meanwhile.

use std::time::Duration;

use crate::error::{Error, RefreshObstacle};
use crate::lifecycle::terms::{Attempt, Moment};
use crate::time::BootTime;

pub(super) const BACKOFF_BASE: Duration = Duration::from_secs(1);
const BACKOFF_FLOOR: Duration = Duration::from_millis(100);
pub(super) const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// A server that asks for more patience than this is asked again after this long.
pub(super) const RETRY_AFTER_CAP: Duration = Duration::from_secs(300);

/// So many unexpected answers in a row are no passing fault.
pub(super) const HOPELESS_AFTER: u32 = 3;

/// After a refresh that failed.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    pub(super) attempt: Attempt,
    pub(super) until: BootTime,
    failures: u32,
    asked: bool,
    problem: Problem,
}

/// Why it failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    Obstacle(RefreshObstacle),
    Misconfigured(String),
    Unexpected(u16),
    /// What callers get.
    Store(Error),
    /// Only another process may refresh, and it has not.
    ReadOnly,
    /// The process is about to be suspended, and may hold no lock then.
    Suspended,
}

impl Backoff {
    /// The next one after `previous`.
    pub(super) fn after(
        previous: Option<&Self>,
        at: Moment,
        attempt: Attempt,
        problem: Problem,
        retry_after: Option<Duration>,
    ) -> Self {
        let failures = previous.map_or(0, |backoff| backoff.failures);
        // A server that asks for less patience than the usual gets the usual.
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_CAP);
        let pause = pause(at, failures).max(asked);
        Self {
            attempt,
            until: at.now.after(pause),
            failures: failures.saturating_add(1),
            asked: !asked.is_zero(),
            problem,
        }
    }

    /// Of a store that was read in vain: whoever comes next reads it again.
    pub(super) fn none(at: Moment, attempt: Attempt, problem: Problem) -> Self {
        Self { attempt, until: at.now, failures: 0, asked: false, problem }
    }

    /// Whether the server has answered with nonsense a few times in a row: signing in again may help.
    pub(super) fn is_hopeless(&self) -> bool {
        matches!(self.problem, Problem::Unexpected(_)) && self.failures == HOPELESS_AFTER
    }

    /// What was put off for a suspension need not wait any longer.
    pub(super) fn end_suspension(&mut self, at: Moment) {
        if self.problem == Problem::Suspended {
            self.until = at.now;
        }
    }

    /// Whether the server itself has asked for patience, which it means on any network.
    pub(super) fn was_asked_for(&self) -> bool {
        self.asked
    }

    pub(super) fn explain(&self, at: Moment) -> Error {
        match &self.problem {
            Problem::Obstacle(cause) => {
                Error::RefreshUnavailable { cause: *cause, retry_after: Some(at.now.until(self.until)) }
            }
            Problem::Misconfigured(what) => Error::AuthorityMisconfigured(what.clone()),
            Problem::Unexpected(status) => Error::AuthorityUnexpected { status: *status },
            Problem::Store(error) => error.clone(),
            Problem::ReadOnly => Error::ReadOnly,
            Problem::Suspended => suspended(),
        }
    }
}

/// What callers get that need a refresh while the process is about to be suspended.
pub(super) fn suspended() -> Error {
    Error::StoreUnavailable("the process is about to be suspended".into())
}

/// Exponential, with full jitter over a floor that keeps a burst of failures from being a burst of requests.
pub(super) fn pause(at: Moment, failures: u32) -> Duration {
    at.jitter(BACKOFF_BASE.saturating_mul(1 << failures.min(10)).min(BACKOFF_CAP)).max(BACKOFF_FLOOR)
}

#[cfg(test)]
impl Backoff {
    pub(super) fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        let Self { attempt, until, failures, asked, problem } = self;
        print.attempt(Some(*attempt));
        print.deadline(Some(*until));
        print.add((failures, asked, std::mem::discriminant(problem)));
    }
}
