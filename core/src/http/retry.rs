//! Whether a request that failed for a passing reason is sent again, and when: a pure function.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::error::Error;

/// Three tries cover what passes by itself, such as one broken connection; more would only add load to a
/// server that has trouble.
const ATTEMPTS: u32 = 3;
/// A person who waits does not wait longer for what may come.
const BUDGET: Duration = Duration::from_secs(20);
/// The first pause is no longer than this; each further one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A server that wants more time than this gets it: the caller is told instead.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15);

/// How often, and for how long, a request is sent again after a failure that passes: the connection broke, or
/// the server answered 502, 503, 504, or 429 with `Retry-After`.
///
/// Only GET, HEAD, OPTIONS, PUT and DELETE are repeated so, and requests with an
/// [idempotency key](crate::RequestBuilder::idempotency_key); others only where it is certain that the server
/// has not looked at them. A body that is a stream is never sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    attempts: u32,
    budget: Duration,
}

impl Default for RetryPolicy {
    /// Three attempts within 20 s.
    fn default() -> Self {
        Self { attempts: ATTEMPTS, budget: BUDGET }
    }
}

impl RetryPolicy {
    /// At most so many attempts, the first included, and none begins later than `budget` after the first. The
    /// timeout of the request covers them all.
    pub fn new(attempts: u32, budget: Duration) -> Self {
        Self { attempts, budget }
    }

    /// Every request is sent once.
    pub fn never() -> Self {
        Self::new(1, Duration::ZERO)
    }

    pub(crate) fn validate(self) -> Result<(), Error> {
        if self.attempts == 0 {
            let expected = "at least one attempt".into();
            return Err(Error::InvalidConfiguration { field: "retry_policy", expected });
        }
        Ok(())
    }
}

/// How a try went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server has certainly not looked at the request: no connection, or it said so.
    Unprocessed,
    /// The connection broke; the server may have acted.
    Broken,
    /// An answer.
    Answered { status: StatusCode, retry_after: Option<Duration> },
}

/// What else counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Whether sending it twice is the same as sending it once.
    pub(crate) idempotent: bool,
    /// How often it has been sent.
    pub(crate) attempts: u32,
    /// Since the first attempt.
    pub(crate) elapsed: Duration,
    /// Until the deadline of the request.
    pub(crate) left: Duration,
    /// Random bits.
    pub(crate) entropy: u32,
}

/// RFC 9110 section 9.2.2, without TRACE.
pub(crate) fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE].contains(method)
}

/// How long to pause before the next attempt; `None` if there is none.
pub(crate) fn pause(policy: RetryPolicy, failure: Failure, now: Circumstances) -> Option<Duration> {
    let (passes, retry_after) = match failure {
        Failure::Unprocessed => (true, None),
        Failure::Broken => (now.idempotent, None),
        Failure::Answered { status, retry_after } => {
            let passes = match status.as_u16() {
                502..=504 => true,
                429 => retry_after.is_some(),
                _ => false,
            };
            (passes && now.idempotent, retry_after)
        }
    };
    if !passes || now.attempts >= policy.attempts {
        return None;
    }
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(now.attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let jitter = doubled.min(LONGEST_PAUSE).mul_f64(f64::from(now.entropy) / f64::from(u32::MAX));
    let pause = match retry_after {
        Some(wanted) if wanted > LONGEST_RETRY_AFTER => return None,
        Some(wanted) => wanted,
        None => jitter,
    };
    (now.elapsed + pause <= policy.budget && pause < now.left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Circumstances = Circumstances {
        idempotent: true,
        attempts: 1,
        elapsed: Duration::ZERO,
        left: Duration::from_secs(60),
        entropy: u32::MAX,
    };

    fn decide(failure: Failure, now: Circumstances) -> Option<Duration> {
        pause(RetryPolicy::default(), failure, now)
    }

    fn answered(status: u16, retry_after: Option<u64>) -> Failure {
        Failure::Answered {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn failures_that_pass_are_retried_and_others_are_not() {
        for failure in [Failure::Unprocessed, Failure::Broken, answered(502, None), answered(503, None)] {
            assert!(decide(failure, NOW).is_some(), "{failure:?}");
        }
        assert!(decide(answered(504, None), NOW).is_some());
        assert!(decide(answered(429, Some(1)), NOW).is_some());
        for failure in
            [answered(429, None), answered(500, Some(1)), answered(200, None), answered(401, Some(0))]
        {
            assert_eq!(decide(failure, NOW), None, "{failure:?}");
        }
    }

    #[test]
    fn what_is_not_idempotent_is_retried_only_if_the_server_has_not_seen_it() {
        let now = Circumstances { idempotent: false, ..NOW };
        assert!(decide(Failure::Unprocessed, now).is_some());
        for failure in [Failure::Broken, answered(503, Some(0)), answered(429, Some(1))] {
            assert_eq!(decide(failure, now), None, "{failure:?}");
        }
        for (method, idempotent) in [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("PUT", true),
            ("DELETE", true),
            ("POST", false),
            ("PATCH", false),
        ] {
            assert_eq!(is_idempotent(&method.parse().expect("a method")), idempotent, "{method}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_are_jittered_down_to_nothing() {
        let patient = RetryPolicy::new(20, Duration::from_secs(600));
        let most = |attempts| pause(patient, Failure::Broken, Circumstances { attempts, ..NOW });
        assert_eq!(most(1), Some(Duration::from_millis(250)));
        assert_eq!(most(2), Some(Duration::from_millis(500)));
        assert_eq!(most(19), Some(Duration::from_secs(5)));
        assert_eq!(decide(Failure::Broken, Circumstances { entropy: 0, ..NOW }), Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_is_honoured_and_one_that_is_too_long_is_left_to_the_caller() {
        assert_eq!(decide(answered(503, Some(3)), NOW), Some(Duration::from_secs(3)));
        assert_eq!(decide(answered(503, Some(0)), NOW), Some(Duration::ZERO));
        assert_eq!(decide(answered(503, Some(16)), NOW), None);
    }

    #[test]
    fn attempts_and_time_are_bounded() {
        assert_eq!(decide(Failure::Broken, Circumstances { attempts: 3, ..NOW }), None);
        assert_eq!(decide(Failure::Broken, Circumstances { elapsed: Duration::from_secs(20), ..NOW }), None);
        assert_eq!(decide(Failure::Broken, Circumstances { left: Duration::from_millis(250), ..NOW }), None);
        assert_eq!(pause(RetryPolicy::never(), Failure::Unprocessed, NOW), None);
        assert!(RetryPolicy::new(0, Duration::ZERO).validate().is_err());
    }
}
