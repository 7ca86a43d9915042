//! A server's `Date`: the only clock that ends a session across a restart, by a policy of the app. Behind the times and
//! the policies, each line is how many minutes pass, and what a server says then.

#![no_main]

use std::time::{Duration, SystemTime};

use auth_session::fuzzing::{Session, date, record_at};
use auth_session::{Generation, Load, SignOutReason};
use fuzz::{at, lines};
use libfuzzer_sys::fuzz_target;

const HOUR: u64 = 3600;

fuzz_target!(|input: (u64, u64, u64, u8, u8, &[u8])| {
    let (signed_in, used, wall, idle, absolute, steps) = input;
    let (signed_in, used) = (at(signed_in), at(used));
    let limit = |hours: u8| (hours > 0).then(|| Duration::from_secs(u64::from(hours) * HOUR));
    let (idle, absolute) = (limit(idle), limit(absolute));
    let stored = Load::Found(record_at(signed_in, used), Generation(1));
    let mut session = Session::restore(stored, at(wall), idle, absolute);
    assert!(session.is_signed_in(), "the wall clock ends nothing");
    let mut known: Option<SystemTime> = None;
    let mut since = Duration::ZERO;
    for step in lines(steps).0 {
        let Some((minutes, text)) = std::str::from_utf8(step).ok().and_then(|step| step.split_once(' '))
        else {
            continue;
        };
        let Ok(minutes) = minutes.parse::<u16>() else { continue };
        let passed = Duration::from_secs(u64::from(minutes) * 60);
        session.pass(passed);
        since = since.saturating_add(passed);
        let Some(said) = date(text) else { continue };
        assert!(said <= at(253_402_300_799), "HTTP can say no more");
        if known.is_none() {
            known = Some(said);
            since = Duration::ZERO;
        }
        session.server_says(said);
        if !session.is_signed_in() {
            break;
        }
        // Somebody uses the session.
        let _ = session.token();
    }
    let Some(reason) = session.signed_out() else { return };
    // The first word counts: how old the session was then, and what has passed since on a clock that nobody sets.
    let first = known.expect("without a server's word no policy ends a session");
    let age = |mark: SystemTime| first.duration_since(mark).unwrap_or_default().saturating_add(since);
    match reason {
        SignOutReason::LifetimeExceeded => assert!(absolute.is_some_and(|limit| age(signed_in) >= limit)),
        SignOutReason::IdleTimeout => assert!(idle.is_some_and(|limit| age(used) >= limit)),
        other => panic!("{other:?} is no policy"),
    }
    // It stays so, and leaves no token behind.
    session.pass(Duration::from_secs(HOUR));
    assert_eq!(session.signed_out(), Some(reason));
    assert!(matches!(session.stored(), Load::Tombstone(..)));
});
