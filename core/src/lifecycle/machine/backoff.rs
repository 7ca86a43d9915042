//! How long to wait after a failure, and what callers are told meanwhile.

use std::time::Duration;

use crate::error::{Error, RefreshObstacle};
use crate::lifecycle::terms::{Attempt, Moment};
use crate::time::BootTime;

pub(super) const BACKOFF_BASE: Duration = Duration::from_secs(1);
pub(super) const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// A server that asks for more patience than this is asked again after this long.
pub(super) const RETRY_AFTER_CAP: Duration = Duration::from_secs(300);

/// After a refresh that failed.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    pub(super) attempt: Attempt,
    pub(super) until: BootTime,
    failures: u32,
    problem: Problem,
}

/// Why it failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    Obstacle(RefreshObstacle),
    Misconfigured(String),
    Unexpected(u16),
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
        let pause = retry_after.map_or_else(|| pause(at, failures), |asked| asked.min(RETRY_AFTER_CAP));
        Self { attempt, until: at.now.after(pause), failures: failures.saturating_add(1), problem }
    }

    pub(super) fn explain(&self, at: Moment) -> Error {
        match &self.problem {
            Problem::Obstacle(cause) => {
                Error::RefreshUnavailable { cause: *cause, retry_after: Some(at.now.until(self.until)) }
            }
            Problem::Misconfigured(what) => Error::AuthorityMisconfigured(what.clone()),
            Problem::Unexpected(status) => Error::AuthorityUnexpected { status: *status },
        }
    }
}

/// Exponential, with full jitter.
pub(super) fn pause(at: Moment, failures: u32) -> Duration {
    at.jitter(BACKOFF_BASE.saturating_mul(1 << failures.min(10)).min(BACKOFF_CAP))
}
