//! Session policies of the app: how long a session may last and lie idle.
//!
//! Within one process, time is counted on the boot clock. Across a restart only a server's `Date` is
//! believed, on both ends: a wrong or jumping wall clock must sign nobody out.

use std::time::{Duration, SystemTime};

use crate::event::SignOutReason;
use crate::time::BootTime;

/// What the app has set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policies {
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) absolute_lifetime: Option<Duration>,
}

impl Policies {
    /// Whether a server's clock is of interest.
    pub(crate) fn any(&self) -> bool {
        self.idle_timeout.is_some() || self.absolute_lifetime.is_some()
    }
}

/// The two times that policies look at, as a record keeps them: on the server's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Times {
    pub(crate) signed_in_at: Option<SystemTime>,
    pub(crate) used_at: Option<SystemTime>,
}

/// What is known of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ages {
    signed_in: Mark,
    used: Mark,
    /// What a server's clock said, and when.
    server: Option<(SystemTime, BootTime)>,
}

/// A time in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mark {
    /// It was so long ago at `then`; it may lie before the boot.
    Known {
        then: BootTime,
        ago: Duration,
    },
    /// From an earlier process; believed when a server says what time it is.
    Server(SystemTime),
    Unknown,
}

impl Mark {
    fn at(now: BootTime) -> Self {
        Self::Known { then: now, ago: Duration::ZERO }
    }

    fn age(self, now: BootTime) -> Option<Duration> {
        match self {
            Self::Known { then, ago } => Some(ago.saturating_add(then.until(now))),
            _ => None,
        }
    }
}

impl Ages {
    pub(super) fn begin(now: BootTime) -> Self {
        Self { signed_in: Mark::at(now), used: Mark::at(now), server: None }
    }

    pub(super) fn restore(times: Times) -> Self {
        let mark = |time: Option<SystemTime>| time.map_or(Mark::Unknown, Mark::Server);
        Self { signed_in: mark(times.signed_in_at), used: mark(times.used_at), server: None }
    }

    /// The session is used.
    pub(super) fn touch(&mut self, now: BootTime) {
        // Until a server has said what time it is, the last use of the earlier process decides.
        if !matches!(self.used, Mark::Server(_)) {
            self.used = Mark::at(now);
        }
    }

    /// Which policy ends the session now, if one does.
    pub(super) fn violated(&self, policies: &Policies, now: BootTime) -> Option<SignOutReason> {
        let over = |mark: Mark, limit: Option<Duration>| {
            mark.age(now).zip(limit).is_some_and(|(age, limit)| age >= limit)
        };
        if over(self.signed_in, policies.absolute_lifetime) {
            Some(SignOutReason::LifetimeExceeded)
        } else if over(self.used, policies.idle_timeout) {
            Some(SignOutReason::IdleTimeout)
        } else {
            None
        }
    }

    /// How long until that may next be so.
    pub(super) fn until_violated(&self, policies: &Policies, now: BootTime) -> Option<Duration> {
        let left = |mark: Mark, limit: Option<Duration>| Some(limit?.saturating_sub(mark.age(now)?));
        let left = [left(self.signed_in, policies.absolute_lifetime), left(self.used, policies.idle_timeout)];
        left.into_iter().flatten().min()
    }

    /// A server says what time it is.
    pub(super) fn server_says(&mut self, date: SystemTime, now: BootTime) {
        self.server = Some((date, now));
        for mark in [&mut self.signed_in, &mut self.used] {
            match *mark {
                Mark::Server(time) => {
                    let ago = date.duration_since(time).unwrap_or_default();
                    *mark = Mark::Known { then: now, ago };
                }
                // Nothing is known of the time before: it counts from here.
                Mark::Unknown => *mark = Mark::at(now),
                Mark::Known { .. } => {}
            }
        }
    }

    /// For the record.
    pub(super) fn times(&self) -> Times {
        let on_server = |mark: Mark| match (mark, self.server) {
            (Mark::Server(time), _) => Some(time),
            (Mark::Known { then, ago }, Some((date, read))) => {
                date.checked_add(read.until(then))?.checked_sub(ago.saturating_add(then.until(read)))
            }
            _ => None,
        };
        Times { signed_in_at: on_server(self.signed_in), used_at: on_server(self.used) }
    }

    /// How long ago the user signed in, where that is known.
    pub(super) fn since_sign_in(&self, now: BootTime) -> Option<Duration> {
        self.signed_in.age(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn boot(time: Duration) -> BootTime {
        BootTime::from_boot(time)
    }

    fn date(time: Duration) -> SystemTime {
        SystemTime::UNIX_EPOCH + 10_000 * HOUR + time
    }

    #[test]
    fn a_session_lies_idle_from_its_last_use_and_ages_from_its_sign_in() {
        let policies = Policies { idle_timeout: Some(2 * HOUR), absolute_lifetime: Some(5 * HOUR) };
        let mut ages = Ages::begin(boot(HOUR));
        assert_eq!(ages.violated(&policies, boot(2 * HOUR)), None);
        assert_eq!(ages.until_violated(&policies, boot(2 * HOUR)), Some(HOUR));
        assert_eq!(ages.violated(&policies, boot(3 * HOUR)), Some(SignOutReason::IdleTimeout));
        for hour in 2..6 {
            ages.touch(boot(hour * HOUR));
            assert_eq!(ages.violated(&policies, boot(hour * HOUR)), None);
        }
        assert_eq!(ages.violated(&policies, boot(6 * HOUR)), Some(SignOutReason::LifetimeExceeded));
    }

    #[test]
    fn across_a_restart_only_a_server_s_date_ends_a_session() {
        let policies = Policies { idle_timeout: Some(2 * HOUR), absolute_lifetime: None };
        let mut first = Ages::begin(boot(100 * HOUR));
        first.server_says(date(Duration::ZERO), boot(100 * HOUR));
        // After a reboot the boot clock begins anew, and the device's wall clock may say anything.
        let mut second = Ages::restore(first.times());
        second.touch(boot(HOUR));
        assert_eq!(second.violated(&policies, boot(50 * HOUR)), None);
        second.server_says(date(2 * HOUR), boot(50 * HOUR));
        assert_eq!(second.violated(&policies, boot(50 * HOUR)), Some(SignOutReason::IdleTimeout));
    }

    #[test]
    fn an_age_may_be_longer_than_the_time_since_the_boot() {
        let policies = Policies { idle_timeout: None, absolute_lifetime: Some(10 * HOUR) };
        let mut first = Ages::begin(boot(HOUR));
        first.server_says(date(Duration::ZERO), boot(HOUR));
        let mut second = Ages::restore(first.times());
        second.server_says(date(9 * HOUR), boot(HOUR));
        assert_eq!(second.violated(&policies, boot(HOUR)), None);
        assert_eq!(second.violated(&policies, boot(2 * HOUR)), Some(SignOutReason::LifetimeExceeded));
        assert_eq!(second.times(), first.times_used_later(second.times().used_at));
    }

    #[test]
    fn a_session_from_a_record_without_times_counts_from_the_first_date() {
        let policies = Policies { idle_timeout: None, absolute_lifetime: Some(HOUR) };
        let mut ages = Ages::restore(Times::default());
        assert_eq!(ages.violated(&policies, boot(5 * HOUR)), None);
        ages.server_says(date(HOUR), boot(5 * HOUR));
        assert_eq!(ages.violated(&policies, boot(5 * HOUR)), None);
        assert_eq!(ages.violated(&policies, boot(6 * HOUR)), Some(SignOutReason::LifetimeExceeded));
    }

    impl Ages {
        fn times_used_later(&self, used_at: Option<SystemTime>) -> Times {
            Times { used_at, ..self.times() }
        }
    }
}
