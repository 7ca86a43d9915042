//! The machine on virtual time. The numbers in brackets are those of the invariants in
//! `docs/architecture.md`.

use super::backoff::{BACKOFF_CAP, HOPELESS_AFTER, RETRY_AFTER_CAP};
use super::breaker::{UNCURED, WINDOW};
use super::signed_in::{LOAD_BUDGET, QUICK_RETRIES};
use super::*;
use crate::event::Event;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Leased, Stored, Verdict, Version};
use crate::store::{Generation, Refusal, StoreError};
use crate::time::BootTime;

/// A machine, a clock that stands still unless moved, and what the machine wants done.
struct Rig {
    machine: Machine,
    now: BootTime,
    effects: Vec<Effect>,
    /// Leases that are wanted are gained at once, of a store that nobody else uses.
    unshared: bool,
}

impl Rig {
    /// Signed in with tokens of this lifetime, saved.
    fn signed_in(lifetime: Option<u64>) -> Self {
        let mut rig = Self::signed_out();
        rig.sign_in(grant("1", lifetime)).expect("nobody else signs in");
        rig.save_ok();
        rig.effects.clear();
        rig
    }

    fn signed_out() -> Self {
        let mut rig = Self::restoring();
        rig.apply(Input::Loaded { attempt: 1, loaded: Loaded::Absent });
        rig.effects.clear();
        rig
    }

    fn restoring() -> Self {
        Self::restoring_with(Settings::default())
    }

    fn restoring_with(settings: Settings) -> Self {
        let (machine, effects) = Machine::open(settings);
        let now = BootTime::from_boot(Duration::from_secs(1000));
        Self { machine, now, effects, unshared: true }
    }

    /// Signed in under policies.
    fn signed_in_with(policies: Policies) -> Self {
        let mut rig = Self::restoring_with(Settings { policies, ..Settings::default() });
        rig.apply(Input::Loaded { attempt: 1, loaded: Loaded::Absent });
        rig.sign_in(grant("1", None)).expect("nobody else signs in");
        rig.save_ok();
        rig.effects.clear();
        rig
    }

    /// Signed in on a store that others use too.
    fn sharing() -> Self {
        let mut rig = Self::signed_in(Some(3600));
        rig.unshared = false;
        rig
    }

    /// A session that only reads, and has found one of this lifetime in the store.
    fn reading(lifetime: Option<u64>) -> Self {
        let mut rig = Self::restoring_with(Settings { read_only: true, ..Settings::default() });
        let loaded = found(of_session("1", lifetime), Generation(1));
        rig.apply(Input::Loaded { attempt: 1, loaded });
        rig.effects.clear();
        rig
    }

    /// What it must not do.
    fn changes(&self) -> usize {
        self.count(|effect| {
            matches!(
                effect,
                Effect::Save { .. }
                    | Effect::Erase { .. }
                    | Effect::Lease { .. }
                    | Effect::Refresh { .. }
                    | Effect::Revoke { .. }
            )
        })
    }

    fn load(&mut self, loaded: Loaded) {
        let attempt = self.last_load();
        self.apply(Input::Loaded { attempt, loaded });
    }

    fn at(&self) -> Moment {
        Moment { now: self.now, entropy: u32::MAX }
    }

    fn apply(&mut self, input: Input) {
        let effects = self.machine.apply(self.at(), input);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let lease = match effect {
                Effect::Lease { attempt } if self.unshared => Some(attempt),
                _ => None,
            };
            self.effects.push(effect);
            if let Some(attempt) = lease {
                self.lease(attempt, false, Loaded::Unreadable(Error::Locked));
            }
        }
    }

    fn lease(&mut self, attempt: Attempt, shared: bool, loaded: Loaded) {
        self.apply(Input::Leased { attempt, result: Ok(Leased { shared, loaded }) });
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.apply(Input::Tick);
    }

    fn sign_in(&mut self, grant: Grant) -> Result<Attempt, Error> {
        let intent = self.machine.begin_sign_in();
        self.finish_sign_in(intent, grant)
    }

    fn finish_sign_in(&mut self, intent: Intent, grant: Grant) -> Result<Attempt, Error> {
        let (result, effects) = self.machine.sign_in(self.at(), intent, grant);
        self.take(effects);
        result
    }

    fn sign_out(&mut self) -> Attempt {
        let (attempt, effects) = self.machine.sign_out(self.at());
        self.take(effects);
        attempt.unwrap_or_default()
    }

    fn want(&mut self, want: Want) -> Answer {
        let (answer, effects) = self.machine.want(self.at(), want);
        self.take(effects);
        answer
    }

    /// A new request asks.
    fn ask(&mut self) -> Answer {
        self.want(Want::default())
    }

    fn version(&mut self) -> Version {
        match self.ask() {
            Answer::Use { version, .. } => version,
            other => panic!("no token: {other:?}"),
        }
    }

    /// A request whose token a server has refused asks; it must wait for this attempt.
    fn refuse(&mut self, version: Version) -> Attempt {
        match self.want(refused(version)) {
            Answer::Wait { attempt, .. } => attempt,
            other => panic!("no wait: {other:?}"),
        }
    }

    fn answer(&mut self, attempt: Attempt, verdict: Verdict) {
        self.apply(Input::RefreshAnswered { attempt, verdict });
    }

    fn save(&mut self, result: impl Fn(u64) -> Result<Generation, StoreError>) {
        let (epoch, revision) = self
            .effects
            .iter()
            .rev()
            .find_map(|effect| match effect {
                Effect::Save { epoch, held, .. } => Some((*epoch, held.revision)),
                _ => None,
            })
            .expect("a save was wanted");
        self.apply(Input::Saved { epoch, revision, result: result(revision) });
    }

    fn save_ok(&mut self) {
        self.save(|revision| Ok(Generation(revision)));
    }

    fn refreshes(&self) -> usize {
        self.count(|effect| matches!(effect, Effect::Refresh { .. }))
    }

    fn saves(&self) -> usize {
        self.count(|effect| matches!(effect, Effect::Save { .. }))
    }

    fn settlements(&self) -> usize {
        self.count(|effect| matches!(effect, Effect::Settle))
    }

    fn count(&self, which: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| which(effect)).count()
    }

    fn events(&self) -> Vec<Event> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Emit(event) => Some(event.clone()),
                _ => None,
            })
            .collect()
    }

    fn revoked(&self) -> Vec<&str> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Revoke { refresh, .. } => Some(refresh.expose()),
                _ => None,
            })
            .collect()
    }

    fn leases(&self) -> usize {
        self.count(|effect| matches!(effect, Effect::Lease { .. }))
    }

    fn releases(&self) -> usize {
        self.count(|effect| matches!(effect, Effect::Release { .. }))
    }

    fn last_sent(&self) -> &str {
        let sent = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Refresh { token, .. } => Some(token.expose()),
            _ => None,
        });
        sent.expect("a refresh token was sent")
    }

    fn last_load(&self) -> Attempt {
        let load = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Load { attempt } => Some(*attempt),
            _ => None,
        });
        load.expect("the store was to be read")
    }

    fn reason(&self) -> Option<SignOutReason> {
        match self.machine.view() {
            View::SignedOut(reason) => Some(reason),
            _ => None,
        }
    }
}

fn grant(name: &str, lifetime: Option<u64>) -> Grant {
    let lifetime = lifetime.map(Duration::from_secs);
    Grant {
        access: Some(Secret::new(format!("access-{name}"))),
        refresh: Some(Secret::new(format!("refresh-{name}"))),
        lifetime,
        remaining: lifetime,
        attempt_id: AttemptId::random().expect("random bytes"),
        lineage: None,
        subject: Some("u1".into()),
        claims: None,
    }
}

/// Tokens of the session whose first are "1", as a store holds them.
fn of_session(name: &str, lifetime: Option<u64>) -> Grant {
    Grant { subject: None, lineage: Some(AttemptId::named("session")), ..grant(name, lifetime) }
}

fn found(grant: Grant, generation: Generation) -> Loaded {
    Loaded::Found(Box::new(Stored { grant, times: Times::default(), generation }))
}

fn rotated(name: &str) -> Verdict {
    Verdict::Rotated(Box::new(grant(name, Some(3600))))
}

fn salvaged(refresh: &str) -> Verdict {
    Verdict::Salvaged(Secret::new(refresh), AttemptId::random().expect("random bytes"))
}

fn refused(version: Version) -> Want {
    Want { epoch: Some(version.epoch), refused: Some(version.number), after: None }
}

fn waited(version: Version, attempt: Attempt) -> Want {
    Want { after: Some(attempt), ..refused(version) }
}

fn used(answer: &Answer) -> &str {
    match answer {
        Answer::Use { access, .. } => access.expose(),
        other => panic!("no token: {other:?}"),
    }
}

fn code(answer: &Answer) -> &'static str {
    match answer {
        Answer::Fail(error) => error.code(),
        other => panic!("no failure: {other:?}"),
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn any_number_of_refused_callers_start_one_refresh() {
    // [1]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    for _ in 0..100 {
        assert_eq!(rig.refuse(version), attempt);
    }
    assert_eq!(rig.refreshes(), 1);
}

#[test]
fn a_refusal_of_an_older_token_gets_the_current_one_and_does_not_refresh() {
    // [2]
    let mut rig = Rig::signed_in(Some(3600));
    let old = rig.version();
    let attempt = rig.refuse(old);
    rig.answer(attempt, rotated("2"));
    rig.save_ok();
    assert_eq!(used(&rig.want(refused(old))), "access-2");
    assert_eq!(rig.refreshes(), 1);
}

#[test]
fn a_request_of_an_earlier_epoch_never_gets_the_token_of_a_later_one() {
    // [2]
    let mut rig = Rig::signed_in(Some(3600));
    let old = rig.version();
    rig.sign_in(grant("other-user", None)).expect("nobody else signs in");
    rig.save_ok();
    assert_eq!(code(&rig.want(refused(old))), "session_changed");
    assert_eq!(code(&rig.want(Want { epoch: Some(old.epoch), ..Want::default() })), "session_changed");
}

#[test]
fn a_request_belongs_to_the_session_in_which_it_began_to_wait() {
    // [2]
    let mut rig = Rig::signed_in(Some(3600));
    rig.version();
    rig.pass(Duration::from_secs(3600));
    let Answer::Wait { attempt, epoch } = rig.ask() else { panic!("the token has expired") };
    rig.sign_in(grant("other-user", None)).expect("nobody else signs in");
    rig.save_ok();
    let waiter = Want { epoch: Some(epoch), after: Some(attempt), refused: None };
    assert_eq!(code(&rig.want(waiter)), "session_changed");
}

#[test]
fn a_request_that_has_not_been_sent_is_told_how_its_session_ended() {
    for (verdict, expected) in
        [(Some(Verdict::Rejected { certain: true }), "session_ended"), (None, "session_changed")]
    {
        let mut rig = Rig::signed_in(Some(3600));
        rig.version();
        rig.pass(Duration::from_secs(3600));
        let Answer::Wait { attempt, epoch } = rig.ask() else { panic!("the token has expired") };
        match verdict {
            Some(verdict) => {
                rig.answer(attempt, verdict);
                rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
            }
            None => {
                rig.sign_out();
            }
        }
        let waiter = Want { epoch: Some(epoch), after: Some(attempt), refused: None };
        assert_eq!(code(&rig.want(waiter)), expected);
    }
}

#[test]
fn a_request_that_waits_for_the_store_is_told_that_nobody_is_signed_in() {
    let mut rig = Rig::restoring();
    let Answer::Wait { attempt, epoch } = rig.ask() else { panic!("the store is being read") };
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    let waiter = Want { epoch: Some(epoch), after: Some(attempt), refused: None };
    assert_eq!(code(&rig.want(waiter)), "signed_out");
}

#[test]
fn waiters_are_released_and_events_are_sent_after_the_rotated_token_is_saved() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    assert_eq!((rig.saves(), rig.settlements(), rig.events().len()), (1, 0, 0));
    assert!(matches!(rig.want(waited(version, attempt)), Answer::Wait { .. }));
    rig.save_ok();
    assert_eq!((rig.settlements(), rig.events()), (1, vec![Event::Refreshed]));
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
}

#[test]
fn a_save_that_takes_too_long_releases_waiters_and_is_reported() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.pass(SAVE_BUDGET - Duration::from_millis(1));
    assert_eq!(rig.settlements(), 0);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.events(), [Event::PersistenceDegraded, Event::Refreshed]);
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
    rig.save_ok();
    assert_eq!(rig.events().last(), Some(&Event::PersistenceRestored));
}

#[test]
fn a_save_that_fails_is_repeated_until_it_succeeds() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    for failures in 1..=5 {
        rig.save(|_| Err(StoreError::Transient("disk full".into())));
        assert_eq!(rig.saves(), failures);
        rig.pass(BACKOFF_CAP);
        assert_eq!(rig.saves(), failures + 1);
    }
    assert_eq!(used(&rig.ask()), "access-2");
    rig.save_ok();
    assert_eq!(rig.events(), [Event::PersistenceDegraded, Event::Refreshed, Event::PersistenceRestored]);
    rig.pass(BACKOFF_CAP);
    assert_eq!(rig.saves(), 6);
}

#[test]
fn a_refresh_that_a_sign_out_elsewhere_has_overtaken_hands_its_token_to_nobody() {
    // [5] The save meets the tombstone.
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, Loaded::Absent);
    rig.answer(attempt, rotated("2"));
    rig.effects.retain(|effect| matches!(effect, Effect::Save { .. }));
    rig.save(|_| Err(StoreError::Conflict));
    assert_eq!((rig.settlements(), rig.events()), (0, vec![]));
    let load = rig.last_load();
    rig.apply(Input::Loaded { attempt: load, loaded: Loaded::Ended(SignOutReason::User) });
    assert_eq!(rig.reason(), Some(SignOutReason::Elsewhere));
    assert_eq!(code(&rig.want(waited(version, attempt))), "session_ended");
}

#[test]
fn what_is_saved_where_the_record_was_lost_counts_on_and_replaces_nothing() {
    // [5]
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, Loaded::Absent);
    rig.answer(attempt, rotated("2"));
    let expected = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save { expected, .. } => Some(*expected),
        _ => None,
    });
    assert_eq!(expected, Some(Expected::Nothing { after: Generation(1) }));
}

#[test]
fn what_the_store_refuses_is_asked_of_it_again_when_the_app_says_so_and_not_before() {
    let refused = || StoreError::Refused(Refusal::UnlockCancelled);
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.save(|_| Err(refused()));
    let saves = rig.saves();
    for _ in 0..100 {
        rig.pass(BACKOFF_CAP);
        rig.ask();
    }
    assert_eq!(rig.saves(), saves);
    rig.apply(Input::Resumed);
    assert_eq!(rig.saves(), saves + 1);
    rig.save_ok();
    // The same with the end of the session.
    let attempt = rig.sign_out();
    let erasures = |rig: &Rig| rig.count(|effect| matches!(effect, Effect::Erase { .. }));
    assert_eq!(erasures(&rig), 1);
    rig.apply(Input::Erased { attempt, result: Err(refused()) });
    rig.pass(100 * BACKOFF_CAP);
    assert_eq!(erasures(&rig), 1);
    rig.apply(Input::Resumed);
    assert_eq!(erasures(&rig), 2);
}

#[test]
fn a_save_that_meets_somebody_else_s_holds_nobody_up_for_longer_than_its_budget() {
    // [3] The store is not read in time.
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.save(|_| Err(StoreError::Conflict));
    assert_eq!(rig.settlements(), 0);
    rig.pass(SAVE_BUDGET);
    assert_eq!(rig.events(), [Event::PersistenceDegraded, Event::Refreshed]);
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
}

#[test]
fn a_save_that_was_made_and_reported_as_failed_is_not_taken_for_somebody_else_s() {
    // [3] The newest token is kept, and saved over the older one.
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let second = grant("2", Some(3600));
    rig.answer(attempt, Verdict::Rotated(Box::new(second.clone())));
    rig.save(|_| Err(StoreError::Transient("the directory could not be synced".into())));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("3"));
    rig.pass(BACKOFF_CAP);
    rig.save(|_| Err(StoreError::Conflict));
    rig.apply(Input::Loaded { attempt: rig.last_load(), loaded: found(second, Generation(100)) });
    assert_eq!(used(&rig.ask()), "access-3");
    rig.pass(BACKOFF_CAP);
    let expected = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save { expected, .. } => Some(*expected),
        _ => None,
    });
    assert_eq!(expected, Some(Expected::Generation(Generation(100))));
}

#[test]
fn a_later_sign_in_met_by_a_save_is_not_overwritten_by_what_a_refresh_under_way_brings() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.save(|_| Err(StoreError::Conflict));
    let reread = rig.last_load();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.apply(Input::Loaded { attempt: reread, loaded: found(grant("later", None), Generation(100)) });
    rig.answer(attempt, rotated("3"));
    rig.pass(BACKOFF_CAP);
    rig.save(|_| Err(StoreError::Conflict));
    let known = rig
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Save { expected: Expected::Generation(Generation(100)), .. }));
    assert!(!known);
    rig.apply(Input::Loaded {
        attempt: rig.last_load(),
        loaded: found(grant("later", None), Generation(100)),
    });
    assert_eq!(used(&rig.ask()), "access-later");
}

#[test]
fn a_tombstone_found_after_a_save_conflict_ends_the_session() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.save(|_| Err(StoreError::Conflict));
    let reread = rig.last_load();
    rig.apply(Input::Loaded { attempt: reread, loaded: Loaded::Ended(SignOutReason::User) });
    assert_eq!(rig.reason(), Some(SignOutReason::Elsewhere));
}

#[test]
fn what_a_refresh_brings_after_sign_out_changes_nothing_and_is_revoked() {
    // [4]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.sign_out();
    assert_eq!(rig.reason(), Some(SignOutReason::User));
    assert_eq!(code(&rig.want(waited(version, attempt))), "session_changed");
    assert!(rig.revoked().is_empty(), "the answer decides what is revoked");
    rig.answer(attempt, rotated("2"));
    assert_eq!(rig.revoked(), ["refresh-2"]);
    assert_eq!((rig.reason(), rig.saves()), (Some(SignOutReason::User), 0));
}

#[test]
fn what_a_refresh_brings_after_somebody_has_signed_in_again_is_not_revoked() {
    // [4]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.sign_out();
    rig.sign_in(grant("3", None)).expect("nobody else signs in");
    rig.save_ok();
    rig.answer(attempt, rotated("2"));
    assert!(rig.revoked().is_empty(), "it could end the new session");
    assert_eq!(used(&rig.ask()), "access-3");
}

#[test]
fn signing_out_revokes_the_newest_token_also_while_it_is_being_saved() {
    // [4]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.sign_out();
    assert_eq!(rig.revoked(), ["refresh-2"]);
}

#[test]
fn a_sign_in_that_ends_after_a_sign_out_does_not_sign_in() {
    // [4]
    let mut rig = Rig::signed_in(Some(3600));
    let intent = rig.machine.begin_sign_in();
    rig.sign_out();
    rig.effects.clear();
    assert!(rig.finish_sign_in(intent, grant("2", None)).is_err());
    assert_eq!(rig.reason(), Some(SignOutReason::User));
    assert_eq!(rig.revoked(), ["refresh-2"]);
}

#[test]
fn of_two_sign_ins_the_later_one_counts() {
    // [4]
    let mut rig = Rig::signed_out();
    let first = rig.machine.begin_sign_in();
    let second = rig.machine.begin_sign_in();
    rig.finish_sign_in(second, grant("second", None)).expect("the later one");
    rig.save_ok();
    assert!(rig.finish_sign_in(first, grant("first", None)).is_err());
    assert_eq!(used(&rig.ask()), "access-second");
    assert!(rig.revoked().is_empty());
}

#[test]
fn a_sign_in_that_fails_does_not_void_an_earlier_one() {
    // [4]
    let mut rig = Rig::signed_out();
    let first = rig.machine.begin_sign_in();
    let _wrong_password = rig.machine.begin_sign_in();
    rig.finish_sign_in(first, grant("first", None)).expect("the other one took no effect");
    rig.save_ok();
    assert_eq!(used(&rig.ask()), "access-first");
}

#[test]
fn tokens_of_a_sign_in_that_the_user_has_cancelled_are_revoked_wherever_it_began() {
    // [4]
    let mut rig = Rig::signed_out();
    let intent = rig.machine.begin_sign_in();
    rig.sign_out();
    assert!(rig.finish_sign_in(intent, grant("late", None)).is_err());
    assert_eq!((rig.revoked(), rig.reason()), (vec!["refresh-late"], Some(SignOutReason::NeverSignedIn)));
}

#[test]
fn only_the_user_s_sign_out_erases_whatever_is_there() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    let expected = |rig: &Rig| {
        rig.effects.iter().find_map(|effect| match effect {
            Effect::Erase { expected, .. } => Some(*expected),
            _ => None,
        })
    };
    assert!(matches!(expected(&rig), Some(Expected::Generation(_))));
    let mut rig = Rig::signed_in(Some(3600));
    rig.sign_out();
    assert_eq!(expected(&rig), Some(Expected::Any));
}

#[test]
fn a_rejected_session_that_was_never_saved_erases_nothing() {
    // [5] Whatever is there is somebody else's.
    let mut rig = Rig::signed_out();
    rig.sign_in(grant("1", None)).expect("nobody else signs in");
    rig.save(|_| Err(StoreError::Locked));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    assert_eq!(rig.reason(), Some(SignOutReason::Rejected));
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 0);
}

#[test]
fn an_erasure_that_meets_somebody_else_s_record_leaves_it() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    let erasing = rig.machine.counters.attempts;
    rig.apply(Input::Erased { attempt: erasing, result: Err(StoreError::Conflict) });
    rig.pass(BACKOFF_CAP);
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 1);
}

#[test]
fn an_erasure_is_repeated_until_it_is_durable_and_the_session_stays_out() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let attempt = rig.sign_out();
    assert_eq!(rig.machine.progress(attempt), Progress::Pending);
    let error = StoreError::Transient("disk full".into());
    rig.apply(Input::Erased { attempt, result: Err(error.clone()) });
    assert_eq!(rig.machine.progress(attempt), Progress::Failed(error));
    rig.pass(BACKOFF_CAP);
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 2);
    rig.apply(Input::Erased { attempt, result: Ok(Generation(9)) });
    assert_eq!(rig.machine.progress(attempt), Progress::Done);
    rig.pass(BACKOFF_CAP);
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 2);
}

#[test]
fn a_store_that_does_not_answer_does_not_hold_up_signing_out() {
    // [14]
    let mut rig = Rig::signed_in(Some(3600));
    let attempt = rig.sign_out();
    rig.pass(SAVE_BUDGET);
    assert!(matches!(rig.machine.progress(attempt), Progress::Failed(_)));
}

#[test]
fn a_rejection_ends_the_session_once_and_tells_its_requests_why() {
    // [6]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    assert_eq!(rig.reason(), None, "the store is read first");
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    assert_eq!(rig.reason(), Some(SignOutReason::Rejected));
    assert_eq!(code(&rig.want(waited(version, attempt))), "session_ended");
    assert_eq!(code(&rig.ask()), "signed_out");
    assert_eq!(rig.events(), [Event::SignedOut { reason: SignOutReason::Rejected }]);
    assert!(rig.revoked().is_empty(), "the server has rejected it itself");
}

#[test]
fn before_a_rejection_ends_the_session_a_newer_token_in_the_store_is_adopted() {
    // [6]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    let newer = found(grant("newer", Some(3600)), Generation(99));
    rig.apply(Input::Loaded { attempt, loaded: newer });
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-newer");
    assert_eq!(rig.reason(), None);
}

#[test]
fn an_older_token_in_the_store_is_not_adopted() {
    // [6]
    for (stored, generation) in [(grant("older", None), 0), (grant("1", None), 99)] {
        let mut rig = Rig::signed_in(Some(3600));
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, Verdict::Rejected { certain: true });
        rig.apply(Input::Loaded { attempt, loaded: found(stored, Generation(generation)) });
        assert_eq!(rig.reason(), Some(SignOutReason::Rejected));
    }
}

#[test]
fn somebody_else_s_session_in_the_store_is_neither_adopted_nor_erased() {
    // [4] [6]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    let foreign = Grant { subject: Some("u2".into()), ..grant("foreign", None) };
    rig.apply(Input::Loaded { attempt, loaded: found(foreign, Generation(99)) });
    assert_eq!(rig.reason(), Some(SignOutReason::Elsewhere));
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 0);
}

#[test]
fn without_a_subject_only_the_same_sign_in_is_the_same_session() {
    // [6]
    for same in [true, false] {
        let mut rig = Rig::signed_out();
        let opaque = Grant { subject: None, ..grant("1", Some(3600)) };
        let lineage = opaque.attempt_id.clone();
        rig.sign_in(opaque).expect("nobody else signs in");
        rig.save_ok();
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, Verdict::Rejected { certain: true });
        let lineage = if same { Some(lineage) } else { grant("x", None).attempt_id.into() };
        let stored = Grant { subject: None, lineage, ..grant("2", None) };
        rig.apply(Input::Loaded { attempt, loaded: found(stored, Generation(99)) });
        assert_eq!(rig.reason(), if same { None } else { Some(SignOutReason::Elsewhere) });
    }
}

#[test]
fn a_rejection_is_not_believed_while_the_store_cannot_be_read() {
    // [6] [11]
    for hangs in [true, false] {
        let mut rig = Rig::signed_in(Some(3600));
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, Verdict::Rejected { certain: true });
        if hangs {
            rig.pass(LOAD_BUDGET);
        } else {
            rig.apply(Input::Loaded { attempt, loaded: Loaded::Unreadable(Error::Locked) });
        }
        let expected = if hangs { "store_unavailable" } else { "locked" };
        assert_eq!(code(&rig.want(waited(version, attempt))), expected);
        assert_eq!(rig.reason(), None);
    }
}

#[test]
fn an_uncertain_rejection_is_asked_for_once_more() {
    // [6]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Rejected { certain: false });
    assert_eq!((rig.refreshes(), rig.reason()), (2, None));
    rig.answer(attempt, Verdict::Rejected { certain: false });
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    assert_eq!(rig.reason(), Some(SignOutReason::Rejected));
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_token_and_attempt_id() {
    // [7]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Ambiguous);
    rig.pass(SECOND);
    let sent: Vec<_> = rig
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Refresh { token, attempt_id, .. } => Some((token.expose(), attempt_id.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
    rig.answer(attempt, rotated("2"));
    rig.save_ok();
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
}

#[test]
fn after_a_suspension_a_lost_answer_is_asked_for_again_only_under_the_lease() {
    // [1] Somebody else may have refreshed meanwhile.
    let mut rig = Rig::sharing();
    let first = grant("1", None);
    let lineage = Some(first.attempt_id.clone());
    rig.sign_in(first).expect("signed in");
    rig.save_ok();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, Loaded::Absent);
    rig.apply(Input::Suspended);
    rig.apply(Input::Resumed);
    rig.answer(attempt, Verdict::Ambiguous);
    rig.pass(SECOND);
    assert_eq!((rig.refreshes(), rig.leases()), (1, 2));
    rig.lease(attempt, true, found(Grant { lineage, ..grant("2", None) }, Generation(9)));
    assert_eq!(rig.refreshes(), 1, "it need not be sent again");
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
}

#[test]
fn a_lease_that_a_suspension_has_taken_is_not_used_when_it_is_reported_later() {
    // [1] What was read under it is of before: somebody else may have refreshed since.
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    assert!(rig.machine.awaits_lease(attempt));
    rig.apply(Input::Suspended);
    assert!(!rig.machine.awaits_lease(attempt));
    rig.lease(attempt, true, Loaded::Absent);
    assert_eq!((rig.refreshes(), code(&rig.want(waited(version, attempt)))), (0, "store_unavailable"));
    rig.apply(Input::Resumed);
    let next = rig.refuse(version);
    assert_eq!((next > attempt, rig.leases()), (true, 2), "nothing is waited for");
}

#[test]
fn while_the_process_is_suspended_no_lease_is_asked_for_until_the_app_resumes_it() {
    let mut rig = Rig::sharing();
    let version = rig.version();
    rig.apply(Input::Suspended);
    rig.pass(3599 * SECOND);
    assert_eq!(code(&rig.want(refused(version))), "store_unavailable");
    rig.apply(Input::NetworkChanged);
    assert_eq!(rig.leases(), 0);
    rig.apply(Input::Resumed);
    assert_eq!(rig.leases(), 1, "the token is inside its leeway");
}

#[test]
fn a_request_that_the_app_begins_shows_that_the_process_goes_on() {
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.apply(Input::Suspended);
    assert_eq!(code(&rig.want(refused(version))), "store_unavailable", "it has begun before");
    rig.pass(4000 * SECOND);
    assert_eq!(rig.leases(), 1);
    assert!(matches!(rig.ask(), Answer::Wait { attempt: next, .. } if next > attempt));
    assert_eq!(rig.leases(), 2);
}

#[test]
fn what_was_read_while_the_process_was_suspended_does_not_begin_a_refresh() {
    let mut rig = Rig::restoring();
    let Answer::Wait { attempt, epoch } = rig.ask() else { panic!("the store is being read") };
    rig.apply(Input::Suspended);
    rig.unshared = false;
    rig.load(found(of_session("1", Some(0)), Generation(1)));
    let waiting = Want { epoch: Some(epoch), refused: None, after: Some(attempt) };
    assert_eq!((code(&rig.want(waiting)), rig.leases()), ("store_unavailable", 0));
}

#[test]
fn a_lost_answer_is_asked_for_again_when_the_suspended_process_goes_on() {
    // [7]
    for resumes in [true, false] {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.lease(attempt, true, Loaded::Absent);
        rig.apply(Input::Suspended);
        rig.answer(attempt, Verdict::Ambiguous);
        rig.pass(SECOND);
        rig.apply(Input::NetworkChanged);
        assert_eq!((rig.leases(), rig.settlements()), (1, 0), "it is put off");
        if resumes {
            rig.apply(Input::Resumed);
        } else {
            rig.ask();
        }
        assert_eq!(rig.leases(), 2);
        rig.lease(attempt, true, Loaded::Absent);
        assert_eq!(rig.refreshes(), 2);
    }
}

#[test]
fn a_doubted_rejection_is_tested_only_under_the_lease() {
    // [1] Somebody else may have refreshed since a suspension took it.
    for resumes in [false, true] {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.lease(attempt, true, Loaded::Absent);
        rig.apply(Input::Suspended);
        if resumes {
            rig.apply(Input::Resumed);
        }
        rig.answer(attempt, Verdict::Rejected { certain: false });
        assert_eq!((rig.refreshes(), rig.leases(), rig.reason()), (1, 1 + usize::from(resumes), None));
    }
}

#[test]
fn lost_answers_never_end_the_session_and_callers_are_told_after_a_few() {
    // [7] [10]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    for _ in 0..=QUICK_RETRIES {
        assert_eq!(rig.settlements(), 0);
        rig.answer(attempt, Verdict::Ambiguous);
        rig.pass(2 * SECOND);
    }
    assert_eq!(code(&rig.want(waited(version, attempt))), "refresh_unavailable");
    assert_eq!(rig.reason(), None);
}

#[test]
fn after_the_grace_a_lost_answer_is_not_asked_for_quickly_any_more() {
    // [7]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Ambiguous);
    rig.pass(GRACE);
    rig.answer(attempt, Verdict::Ambiguous);
    assert_eq!(code(&rig.want(waited(version, attempt))), "refresh_unavailable");
}

#[test]
fn a_rejection_after_a_lost_answer_says_that_the_rotation_was_lost() {
    // [7]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Ambiguous);
    rig.pass(SECOND);
    rig.answer(attempt, Verdict::Rejected { certain: true });
    rig.apply(Input::Loaded { attempt, loaded: Loaded::Absent });
    assert_eq!(rig.reason(), Some(SignOutReason::RotationLost));
}

#[test]
fn while_the_token_is_valid_a_renewal_and_its_failure_block_nobody() {
    // [8]
    let mut rig = Rig::signed_in(Some(3600));
    rig.version();
    rig.pass(Duration::from_secs(3590));
    assert_eq!(used(&rig.ask()), "access-1");
    assert_eq!(rig.refreshes(), 1, "inside the leeway it is renewed in the background");
    assert_eq!(used(&rig.ask()), "access-1");
    rig.answer(rig.machine.counters.attempts, Verdict::Unreachable);
    assert_eq!(used(&rig.ask()), "access-1");
    assert_eq!(rig.refreshes(), 1, "not again before its time");
}

#[test]
fn before_the_leeway_nothing_is_refreshed() {
    let mut rig = Rig::signed_in(Some(3600));
    rig.version();
    rig.pass(Duration::from_secs(3539));
    rig.version();
    assert_eq!(rig.refreshes(), 0);
}

#[test]
fn an_expired_token_is_refreshed_before_anything_is_sent() {
    let mut rig = Rig::signed_in(Some(3600));
    rig.version();
    rig.pass(Duration::from_secs(3600));
    assert!(matches!(rig.ask(), Answer::Wait { .. }));
    assert_eq!(rig.refreshes(), 1);
}

#[test]
fn during_backoff_callers_that_need_a_new_token_fail_at_once_with_the_time() {
    // [8]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Unavailable { retry_after: Some(10 * SECOND) });
    rig.pass(4 * SECOND);
    let Answer::Fail(error) = rig.want(refused(version)) else { panic!("no failure") };
    assert_eq!(error.retry_after(), Some(6 * SECOND));
    rig.pass(6 * SECOND);
    rig.refuse(version);
    assert_eq!(rig.refreshes(), 2);
}

#[test]
fn a_server_cannot_ask_for_endless_patience() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Unavailable { retry_after: Some(Duration::MAX) });
    rig.pass(RETRY_AFTER_CAP);
    rig.refuse(version);
}

#[test]
fn a_changed_network_does_not_shorten_what_a_server_asked_for() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Unavailable { retry_after: Some(10 * SECOND) });
    rig.apply(Input::NetworkChanged);
    assert_eq!(code(&rig.want(refused(version))), "refresh_unavailable");
}

#[test]
fn a_server_that_asks_for_no_patience_at_all_is_not_hammered() {
    // [8]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Unavailable { retry_after: Some(Duration::ZERO) });
    assert_eq!(code(&rig.want(refused(version))), "refresh_unavailable");
}

#[test]
fn a_few_unexpected_answers_in_a_row_recommend_a_sign_in_once() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    for _ in 0..2 * HOPELESS_AFTER {
        let attempt = rig.refuse(version);
        rig.answer(attempt, Verdict::Unexpected { status: 404 });
        rig.pass(BACKOFF_CAP);
    }
    let recommended = rig.events().iter().filter(|event| **event == Event::SignInRecommended).count();
    assert_eq!((recommended, rig.reason()), (1, None));
}

#[test]
fn refreshes_that_do_not_cure_refusals_open_the_breaker_for_a_while() {
    // [9]
    let mut rig = Rig::signed_in(Some(3600));
    for round in 0..UNCURED {
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, rotated(&round.to_string()));
        rig.save_ok();
    }
    let version = rig.version();
    assert!(matches!(rig.want(refused(version)), Answer::PassOn));
    assert_eq!(rig.refreshes(), UNCURED);
    rig.pass(WINDOW);
    rig.refuse(version);
}

#[test]
fn refreshes_that_cure_refusals_never_open_the_breaker() {
    // [9]
    let mut rig = Rig::signed_in(Some(3600));
    for round in 0..3 * UNCURED {
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, rotated(&round.to_string()));
        rig.save_ok();
        let Version { epoch, number } = rig.version();
        rig.apply(Input::Accepted { epoch, number });
    }
}

#[test]
fn a_shared_store_is_leased_and_read_before_the_refresh_token_is_sent() {
    // [1]
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    assert_eq!((rig.leases(), rig.refreshes()), (1, 0));
    rig.lease(attempt, true, found(grant("1", None), Generation(1)));
    assert_eq!(rig.refreshes(), 1);
    rig.answer(attempt, rotated("2"));
    assert_eq!(rig.releases(), 0, "nobody may read the store before the new token is there");
    rig.save_ok();
    assert_eq!(rig.releases(), 1);
}

#[test]
fn a_token_that_somebody_else_has_rotated_is_adopted_under_the_lease_and_not_sent() {
    // [1]
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, found(grant("theirs", Some(3600)), Generation(9)));
    assert_eq!((rig.refreshes(), rig.releases()), (0, 1));
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-theirs");
}

#[test]
fn where_the_server_keeps_the_refresh_token_what_somebody_else_has_got_with_it_is_adopted_while_it_is_good() {
    // [1]
    let stored = |name: &str, lifetime| Grant {
        refresh: Some(Secret::new("refresh-1".to_owned())),
        ..grant(name, Some(lifetime))
    };
    for (stored, generation, sent) in [
        (stored("theirs", 3600), 9, 0),
        (stored("expired", 0), 9, 1),
        // What was refused here, and what is older.
        (stored("1", 3600), 9, 1),
        (stored("older", 3600), 0, 1),
        // With it the session would be without a refresh token.
        (Grant { refresh: None, ..grant("theirs", Some(3600)) }, 9, 1),
    ] {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        let (name, again) = (format!("{stored:?} {generation}"), stored.clone());
        rig.lease(attempt, true, found(stored, Generation(generation)));
        assert_eq!(rig.refreshes(), sent, "{name}");
        if sent == 0 {
            let adopted = rig.want(waited(version, attempt));
            assert_eq!(used(&adopted), "access-theirs");
            // Refused as well, it is renewed: nobody has a newer one.
            let version = rig.version();
            let attempt = rig.refuse(version);
            rig.lease(attempt, true, found(again, Generation(9)));
            assert_eq!(rig.refreshes(), 1);
        }
    }
}

#[test]
fn what_the_store_says_under_the_lease_decides() {
    // [5] [11]
    let foreign = Grant { subject: Some("u2".into()), ..grant("foreign", None) };
    for (loaded, reason, sent) in [
        (Loaded::Ended(SignOutReason::User), Some(SignOutReason::Elsewhere), 0),
        (found(foreign, Generation(9)), Some(SignOutReason::Elsewhere), 0),
        (Loaded::Unreadable(Error::Locked), None, 0),
        // Whoever has written it with another version may have refreshed.
        (Loaded::Unreadable(Error::StoreCorrupt("of another version".into())), None, 0),
        (Loaded::Damaged("damaged".into()), None, 1),
        (Loaded::Absent, None, 1),
        (Loaded::Lost, None, 1),
    ] {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.lease(attempt, true, loaded.clone());
        assert_eq!((rig.reason(), rig.refreshes()), (reason, sent), "{loaded:?}");
        assert_eq!(rig.releases(), 1 - sent, "{loaded:?}");
    }
}

#[test]
fn a_lease_that_is_not_gained_is_told_and_keeps_the_session() {
    // [10]
    for hangs in [true, false] {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        if hangs {
            rig.pass(Duration::from_secs(60));
            rig.lease(attempt, true, Loaded::Absent);
            assert_eq!(rig.releases(), 1, "one that comes too late is given back");
        } else {
            let error = StoreError::Transient("held by another process".into());
            rig.apply(Input::Leased { attempt, result: Err(error) });
        }
        assert_eq!(rig.reason(), None);
        assert_eq!(rig.refreshes(), 0);
    }
}

#[test]
fn a_store_that_refuses_keeps_the_session_and_its_callers_are_told_who_can_act() {
    // [6] [11]
    let refused = || Loaded::Unreadable(Error::StoreRefused(Refusal::UnlockCancelled));
    let ways: [fn(&mut Rig, u64, Loaded); 3] = [
        |rig, attempt, loaded| rig.lease(attempt, true, loaded),
        |rig, attempt, loaded| {
            rig.lease(attempt, true, Loaded::Absent);
            rig.answer(attempt, Verdict::Rejected { certain: true });
            rig.apply(Input::Loaded { attempt, loaded });
        },
        |rig, attempt, _| {
            let error = StoreError::Refused(Refusal::UnlockCancelled);
            rig.apply(Input::Leased { attempt, result: Err(error) });
        },
    ];
    for way in ways {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        way(&mut rig, attempt, refused());
        assert_eq!(code(&rig.want(waited(version, attempt))), "unlock_cancelled");
        assert_eq!(rig.reason(), None);
    }
}

#[test]
fn the_lease_is_given_back_when_a_refresh_fails_or_the_session_ends() {
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, found(grant("1", None), Generation(1)));
    rig.answer(attempt, Verdict::Unreachable);
    assert_eq!(rig.releases(), 1);
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, found(grant("1", None), Generation(1)));
    let erasure = rig.sign_out();
    rig.apply(Input::Erased { attempt: erasure, result: Ok(Generation(2)) });
    assert_eq!(rig.releases(), 1);
}

#[test]
fn the_lease_is_kept_until_what_a_refresh_brought_is_durable() {
    // [1] Whoever read the store meanwhile would send a token that is used up.
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, found(grant("1", None), Generation(1)));
    rig.answer(attempt, rotated("2"));
    rig.save(|_| Err(StoreError::Transient("disk full".into())));
    let version = rig.version();
    let attempt = rig.refuse(version);
    assert_eq!(rig.leases(), 1, "it is still held for the next refresh");
    rig.answer(attempt, Verdict::Unreachable);
    assert_eq!(rig.releases(), 0);
    rig.pass(BACKOFF_CAP);
    rig.save_ok();
    assert_eq!(rig.releases(), 1);
}

#[test]
fn the_lease_is_held_until_the_end_of_the_session_is_in_the_store() {
    // [1] Whoever gains it earlier reads the token that is on its way to the server, and sends it too.
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, found(grant("1", None), Generation(1)));
    let erasure = rig.sign_out();
    rig.answer(attempt, rotated("2"));
    assert_eq!(rig.releases(), 0);
    rig.apply(Input::Erased { attempt: erasure, result: Err(StoreError::Locked) });
    assert_eq!(rig.releases(), 0);
    rig.apply(Input::Erased { attempt: erasure, result: Ok(Generation(2)) });
    assert_eq!(rig.releases(), 1);
}

#[test]
fn the_lease_is_held_until_the_session_that_replaces_another_is_saved() {
    // [1] Also where the user signs out in between.
    for signs_out in [false, true] {
        let mut rig = Rig::sharing();
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.lease(attempt, true, found(grant("1", None), Generation(1)));
        let _ = signs_out.then(|| rig.sign_out());
        rig.sign_in(grant("3", None)).expect("nobody else signs in");
        rig.answer(attempt, rotated("2"));
        assert_eq!(rig.releases(), 0);
        rig.save_ok();
        assert_eq!(rig.releases(), 1);
    }
}

#[test]
fn what_the_store_held_before_a_sign_in_does_not_undo_it() {
    // [3] [6] The save is slow or fails, and the store still has what the sign-in replaces.
    let before = [
        Loaded::Ended(SignOutReason::User),
        found(grant("old", None), Generation(7)),
        found(Grant { subject: Some("u2".into()), ..grant("other-user", None) }, Generation(7)),
    ];
    for loaded in before {
        let mut rig = Rig::signed_out();
        rig.unshared = false;
        rig.sign_in(grant("1", None)).expect("nobody else signs in");
        rig.save(|_| Err(StoreError::Locked));
        rig.apply(Input::Resumed);
        rig.apply(Input::Loaded { attempt: rig.last_load(), loaded: loaded.clone() });
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.lease(attempt, true, loaded);
        assert_eq!((rig.reason(), rig.last_sent()), (None, "refresh-1"));
    }
}

#[test]
fn what_was_read_before_a_sign_in_was_saved_does_not_undo_it_afterwards() {
    // [3] [6] The lease is gained and the store read; then the save ends, and is told of first.
    for loaded in [Loaded::Ended(SignOutReason::User), found(grant("old", None), Generation(1))] {
        let mut rig = Rig::signed_out();
        rig.unshared = false;
        rig.sign_in(grant("1", None)).expect("nobody else signs in");
        rig.pass(SAVE_BUDGET);
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.save(|_| Ok(Generation(2)));
        rig.lease(attempt, true, loaded);
        rig.answer(attempt, rotated("2"));
        assert_eq!((rig.reason(), rig.last_sent()), (None, "refresh-1"));
        assert!(matches!(
            rig.effects.last(),
            Some(Effect::Save { expected: Expected::Generation(Generation(2)), .. })
        ));
    }
}

#[test]
fn a_record_of_a_sign_in_that_is_not_known_to_be_saved_is_adopted_when_somebody_has_rotated_it() {
    // [1] The save has been made and not been told of.
    let mut rig = Rig::signed_out();
    rig.unshared = false;
    let first = grant("1", None);
    let lineage = Some(first.attempt_id.clone());
    rig.sign_in(first).expect("nobody else signs in");
    rig.pass(SAVE_BUDGET);
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.lease(attempt, true, found(Grant { lineage, ..grant("2", None) }, Generation(2)));
    assert_eq!((rig.refreshes(), rig.version().number), (0, version.number + 1));
}

#[test]
fn a_lease_that_is_gained_after_the_session_ended_is_given_back() {
    let mut rig = Rig::sharing();
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.sign_out();
    rig.lease(attempt, true, Loaded::Absent);
    assert_eq!((rig.releases(), rig.refreshes()), (1, 0));
}

#[test]
fn after_a_resume_the_store_is_looked_at() {
    // [5]
    let with_the_same = |name: &str, lifetime| Grant {
        refresh: Some(Secret::new("refresh-1".to_owned())),
        ..grant(name, Some(lifetime))
    };
    let without = Grant { refresh: None, ..grant("theirs", Some(7200)) };
    for (loaded, reason, token) in [
        (Loaded::Ended(SignOutReason::User), Some(SignOutReason::Elsewhere), None),
        (found(grant("theirs", Some(3600)), Generation(9)), None, Some("access-theirs")),
        (found(with_the_same("newer", 7200), Generation(9)), None, Some("access-newer")),
        // Saved later, but got earlier: by somebody who could not save it at once.
        (found(with_the_same("older", 60), Generation(9)), None, Some("access-1")),
        (found(without, Generation(9)), None, Some("access-1")),
        (Loaded::Absent, None, Some("access-1")),
        (Loaded::Unreadable(Error::Locked), None, Some("access-1")),
        (Loaded::Lost, None, Some("access-1")),
    ] {
        let mut rig = Rig::signed_in(Some(3600));
        rig.apply(Input::Resumed);
        let attempt = rig.last_load();
        rig.apply(Input::Loaded { attempt, loaded });
        assert_eq!(rig.reason(), reason);
        if let Some(token) = token {
            assert_eq!(used(&rig.ask()), token);
        }
    }
}

#[test]
fn a_resume_does_not_throw_away_what_a_refresh_under_way_brings() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.apply(Input::Resumed);
    let look = rig.last_load();
    rig.apply(Input::Loaded { attempt: look, loaded: found(grant("theirs", None), Generation(9)) });
    rig.answer(attempt, rotated("2"));
    rig.save_ok();
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
}

#[test]
fn a_resume_does_not_throw_away_what_a_refresh_has_just_brought() {
    // [3]
    let theirs = |refresh: &str| {
        let refresh = Some(Secret::new(refresh.to_owned()));
        found(Grant { refresh, ..grant("theirs", Some(7200)) }, Generation(9))
    };
    // Where the server has kept the refresh token for somebody else, and where it has rotated that, too.
    for stored in ["refresh-1", "refresh-theirs"].map(theirs) {
        let mut rig = Rig::signed_in(Some(3600));
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.apply(Input::Resumed);
        let look = rig.last_load();
        rig.answer(attempt, rotated("2"));
        rig.apply(Input::Loaded { attempt: look, loaded: stored });
        rig.save_ok();
        assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
    }
}

#[test]
fn a_timer_renews_a_token_that_is_in_use_and_leaves_an_idle_session_alone() {
    for in_use in [true, false] {
        let mut rig = Rig::signed_in(Some(3600));
        if in_use {
            rig.version();
        }
        rig.pass(Duration::from_secs(3590));
        assert_eq!(rig.refreshes(), usize::from(in_use));
    }
}

#[test]
fn an_idle_session_and_an_old_one_end_by_the_app_s_policy_and_are_revoked() {
    let hour = Duration::from_secs(3600);
    let idle = Policies { idle_timeout: Some(hour), absolute_lifetime: None };
    let mut rig = Rig::signed_in_with(idle);
    rig.pass(hour - SECOND);
    assert!(matches!(rig.ask(), Answer::Use { .. }));
    rig.pass(hour - SECOND);
    assert_eq!(rig.reason(), None);
    rig.pass(SECOND);
    assert_eq!((rig.reason(), rig.revoked().len()), (Some(SignOutReason::IdleTimeout), 1));
    let old = Policies { idle_timeout: None, absolute_lifetime: Some(hour) };
    let mut rig = Rig::signed_in_with(old);
    rig.now = rig.now.after(hour);
    assert_eq!(code(&rig.ask()), "signed_out", "checked on use, without a timer");
    assert_eq!(rig.reason(), Some(SignOutReason::LifetimeExceeded));
}

#[test]
fn the_policies_are_watched_by_one_timer() {
    let idle = Policies { idle_timeout: Some(10 * SECOND), absolute_lifetime: None };
    let mut rig = Rig::signed_in_with(idle);
    for _ in 0..100 {
        rig.ask();
        rig.pass(Duration::from_millis(100));
    }
    assert!(rig.count(|effect| matches!(effect, Effect::WakeIfOpen(_))) <= 3);
}

#[test]
fn a_changed_network_ends_the_backoff() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Unreachable);
    assert_eq!(code(&rig.want(refused(version))), "refresh_unavailable");
    rig.apply(Input::NetworkChanged);
    rig.refuse(version);
    assert_eq!(rig.refreshes(), 2);
}

#[test]
fn every_failing_verdict_tells_its_waiters_and_keeps_the_session() {
    // [6] [10]
    for (verdict, expected) in [
        (Verdict::Unreachable, "refresh_unavailable"),
        (Verdict::Unavailable { retry_after: None }, "refresh_unavailable"),
        (Verdict::Misconfigured("invalid_client".into()), "authority_misconfigured"),
        (Verdict::Unexpected { status: 418 }, "authority_unexpected"),
    ] {
        let mut rig = Rig::signed_in(Some(3600));
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, verdict);
        assert_eq!(rig.settlements(), 1);
        assert_eq!(code(&rig.want(waited(version, attempt))), expected);
        assert_eq!((rig.reason(), rig.refreshes()), (None, 1));
    }
}

#[test]
fn waiters_of_a_failed_refresh_do_not_start_another_one_by_one() {
    // [8]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, Verdict::Unavailable { retry_after: Some(Duration::ZERO) });
    for _ in 0..100 {
        assert_eq!(code(&rig.want(waited(version, attempt))), "refresh_unavailable");
    }
    assert_eq!(rig.refreshes(), 1);
}

#[test]
fn a_new_token_is_used_by_all_its_waiters_whatever_its_expiry_says() {
    // [9]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let expired = Grant { remaining: Some(Duration::ZERO), ..grant("2", Some(3600)) };
    rig.answer(attempt, Verdict::Rotated(Box::new(expired)));
    rig.save_ok();
    for _ in 0..100 {
        assert_eq!(used(&rig.want(waited(version, attempt))), "access-2");
    }
    assert_eq!(rig.refreshes(), 1);
    assert!(matches!(rig.ask(), Answer::Wait { .. }), "whoever comes later needs a newer one");
}

#[test]
fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let kept = Grant { refresh: None, ..grant("2", Some(3600)) };
    rig.answer(attempt, Verdict::Rotated(Box::new(kept)));
    rig.save_ok();
    rig.sign_out();
    assert_eq!(rig.revoked(), ["refresh-1"]);
}

#[test]
fn a_refresh_token_that_comes_alone_is_saved_and_used_next() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, salvaged("refresh-2"));
    assert_eq!((rig.saves(), rig.settlements(), rig.events().len()), (1, 0, 0));
    rig.save_ok();
    assert_eq!(code(&rig.want(waited(version, attempt))), "refresh_unavailable");
    rig.pass(BACKOFF_CAP);
    rig.refuse(version);
    assert_eq!(rig.last_sent(), "refresh-2");
}

#[test]
fn a_refresh_token_that_comes_alone_during_a_save_is_saved_after_it() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.pass(SAVE_BUDGET);
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, salvaged("refresh-3"));
    rig.save_ok();
    assert_eq!(rig.saves(), 2);
    rig.save_ok();
    rig.sign_out();
    assert_eq!(rig.revoked(), ["refresh-3"]);
}

#[test]
fn tokens_of_another_subject_are_not_used() {
    // [2]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let other = Grant { subject: Some("u2".into()), ..grant("other", None) };
    rig.answer(attempt, Verdict::Rotated(Box::new(other)));
    assert_eq!(code(&rig.want(waited(version, attempt))), "authority_unexpected");
    assert_eq!((rig.saves(), rig.reason()), (0, None));
}

#[test]
fn a_token_without_a_subject_belongs_to_the_session_s() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let opaque = Grant { subject: None, ..grant("2", None) };
    rig.answer(attempt, Verdict::Rotated(Box::new(opaque)));
    rig.save_ok();
    let View::SignedIn(held) = rig.machine.view() else { panic!("signed in") };
    assert_eq!(held.subject.as_deref(), Some("u1"));
}

#[test]
fn without_a_refresh_token_the_access_token_is_used_until_it_is_refused() {
    let mut rig = Rig::signed_out();
    let alone = Grant { refresh: None, ..grant("1", Some(1)) };
    rig.sign_in(alone).expect("nobody else signs in");
    rig.save_ok();
    rig.version();
    rig.pass(10 * SECOND);
    let version = rig.version();
    assert!(matches!(rig.want(refused(version)), Answer::NotRenewable));
    assert_eq!(rig.reason(), None);
}

#[test]
fn a_refresh_token_alone_is_used_by_the_first_caller() {
    let mut rig = Rig::signed_out();
    rig.sign_in(Grant { access: None, ..grant("1", None) }).expect("nobody else signs in");
    rig.save_ok();
    let Answer::Wait { attempt, .. } = rig.ask() else { panic!("there is nothing to use") };
    rig.answer(attempt, rotated("2"));
    rig.save_ok();
    assert_eq!(used(&rig.want(Want { after: Some(attempt), ..Want::default() })), "access-2");
}

#[test]
fn a_store_that_cannot_be_read_is_not_an_empty_store() {
    // [11]
    let mut rig = Rig::restoring();
    assert!(matches!(rig.ask(), Answer::Wait { attempt: 1, .. }));
    rig.apply(Input::Loaded { attempt: 1, loaded: Loaded::Unreadable(Error::Locked) });
    let waiter = Want { after: Some(1), ..Want::default() };
    assert_eq!(code(&rig.want(waiter)), "locked");
    assert_eq!(rig.reason(), None);
    let Answer::Wait { attempt: second, .. } = rig.ask() else {
        panic!("a later caller has the store read again")
    };
    rig.apply(Input::Loaded { attempt: second, loaded: found(grant("1", Some(60)), Generation(4)) });
    assert_eq!(used(&rig.ask()), "access-1");
}

#[test]
fn what_the_store_says_when_the_session_is_opened_decides() {
    // The load table's first column.
    use SignOutReason::{NeverSignedIn, Rejected, SecretsLost};
    let locked = Loaded::Unreadable(Error::Locked);
    let failing = Loaded::Unreadable(Error::StoreUnavailable("disk".into()));
    let corrupt = Loaded::Unreadable(Error::StoreCorrupt("damaged".into()));
    for (loaded, state) in [
        (found(grant("1", Some(60)), Generation(4)), Ok(())),
        (Loaded::Ended(Rejected), Err(Ok(Rejected))),
        (Loaded::Absent, Err(Ok(NeverSignedIn))),
        (Loaded::Lost, Err(Ok(SecretsLost))),
        (locked, Err(Err("locked"))),
        (failing, Err(Err("store_unavailable"))),
        (corrupt, Err(Err("store_corrupt"))),
    ] {
        let mut rig = Rig::restoring();
        rig.apply(Input::Loaded { attempt: 1, loaded });
        let seen = match rig.machine.view() {
            View::SignedIn(_) => Ok(()),
            View::SignedOut(reason) => Err(Ok(reason)),
            View::Locked(cause) => Err(Err(cause.code())),
            View::Restoring => panic!("the store has been read"),
        };
        assert_eq!(seen, state);
        assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. } | Effect::Save { .. })), 0);
    }
}

#[test]
fn a_restored_session_starts_with_the_generation_that_was_read() {
    // [5]
    let mut rig = Rig::restoring();
    let found = found(grant("1", Some(60)), Generation(4));
    rig.apply(Input::Loaded { attempt: 1, loaded: found });
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    let expected = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save { expected, .. } => Some(*expected),
        _ => None,
    });
    assert_eq!(expected, Some(Expected::Generation(Generation(4))));
}

#[test]
fn a_save_that_ends_after_sign_out_changes_nothing() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.sign_out();
    let before = rig.effects.len();
    rig.save_ok();
    assert_eq!(rig.effects.len(), before);
    assert_eq!(rig.reason(), Some(SignOutReason::User));
}

#[test]
fn saves_run_one_at_a_time_and_the_newest_is_saved_last() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    rig.pass(SAVE_BUDGET);
    let second = rig.version();
    let attempt = rig.refuse(second);
    rig.answer(attempt, rotated("3"));
    assert_eq!(rig.saves(), 1, "the first is still running");
    rig.save_ok();
    assert_eq!(rig.saves(), 2);
    rig.save_ok();
    assert_eq!(used(&rig.want(waited(second, attempt))), "access-3");
}

#[test]
fn another_subject_s_token_that_comes_after_a_sign_out_is_not_revoked() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.sign_out();
    let other = Grant { subject: Some("u2".into()), ..grant("2", Some(3600)) };
    rig.answer(attempt, Verdict::Rotated(Box::new(other)));
    assert_eq!(rig.revoked(), ["refresh-1"]);
}

#[test]
fn an_import_begins_only_where_nobody_is_known_to_have_signed_in() {
    let mut rig = Rig::signed_out();
    let attempt = rig.machine.begin_import().expect("nobody has signed in");
    assert!(rig.machine.begin_import().is_none(), "one at a time");
    assert!(matches!(rig.ask(), Answer::Wait { attempt: awaited, .. } if awaited == attempt));
    rig.apply(Input::Loaded { attempt, loaded: found(grant("1", Some(3600)), Generation(1)) });
    assert_eq!(used(&rig.ask()), "access-1");
    assert_eq!(rig.saves(), 0);
    assert!(rig.machine.begin_import().is_none());
    rig.sign_out();
    assert!(rig.machine.begin_import().is_none());
}

#[test]
fn a_sign_out_during_an_import_wins_and_leaves_its_tombstone() {
    let mut rig = Rig::signed_out();
    let attempt = rig.machine.begin_import().expect("nobody has signed in");
    rig.sign_out();
    rig.apply(Input::Loaded { attempt, loaded: found(grant("1", Some(3600)), Generation(1)) });
    assert_eq!(rig.reason(), Some(SignOutReason::User));
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 1);
}

#[test]
fn a_sign_in_during_an_import_wins() {
    let mut rig = Rig::signed_out();
    let attempt = rig.machine.begin_import().expect("nobody has signed in");
    rig.sign_in(grant("2", None)).expect("nobody else signs in");
    rig.apply(Input::Loaded { attempt, loaded: found(grant("1", Some(3600)), Generation(1)) });
    rig.save_ok();
    assert_eq!(used(&rig.ask()), "access-2");
}

#[test]
fn a_session_that_only_reads_never_changes_anything_whatever_happens() {
    let policies = Policies { idle_timeout: Some(100 * SECOND), absolute_lifetime: None };
    let mut rig = Rig::reading(Some(60));
    rig.machine.settings.policies = policies;
    let version = rig.version();
    assert_eq!(rig.machine.may_change(), Err(Error::ReadOnly));
    assert_eq!(rig.sign_in(grant("2", None)), Err(Error::ReadOnly));
    assert_eq!((rig.sign_out(), rig.machine.begin_import()), (Attempt::default(), None));
    assert_eq!(rig.reason(), None);
    // Inside the leeway it goes on with what it has, and renews nothing.
    rig.pass(59 * SECOND);
    assert_eq!(used(&rig.ask()), "access-1");
    rig.refuse(version);
    rig.load(Loaded::Absent);
    rig.apply(Input::NetworkChanged);
    rig.apply(Input::Resumed);
    rig.load(Loaded::Unreadable(Error::Locked));
    rig.pass(SECOND);
    assert!(matches!(rig.ask(), Answer::Wait { .. }), "it has expired");
    rig.pass(LOAD_BUDGET);
    rig.pass(100 * SECOND);
    assert_eq!(rig.reason(), Some(SignOutReason::IdleTimeout), "here alone");
    assert_eq!(rig.sign_in(grant("2", None)), Err(Error::ReadOnly));
    rig.pass(BACKOFF_CAP);
    assert_eq!(rig.changes(), 0, "{:?}", rig.effects);
    let mut rig = Rig::reading(None);
    let Version { epoch, .. } = rig.version();
    rig.apply(Input::ServerEndedSession { epoch });
    assert_eq!((rig.reason(), rig.changes()), (Some(SignOutReason::EndedByServer), 0));
}

#[test]
fn a_session_that_only_reads_goes_on_with_the_token_that_another_has_saved() {
    for expires in [false, true] {
        // The second is of a server that keeps the refresh token.
        for refresh in ["refresh-2", "refresh-1"] {
            let mut rig = Rig::reading(expires.then_some(60));
            let version = rig.version();
            if expires {
                rig.pass(60 * SECOND);
            }
            let want = if expires { Want::default() } else { refused(version) };
            let Answer::Wait { attempt, epoch } = rig.want(want) else { panic!("it is no good any more") };
            let newer = Grant { refresh: Some(Secret::new(refresh)), ..of_session("2", Some(60)) };
            rig.load(found(newer, Generation(2)));
            assert_eq!((rig.settlements(), rig.events()), (1, vec![Event::Refreshed]));
            let waiter = Want { epoch: Some(epoch), after: Some(attempt), ..want };
            assert_eq!(used(&rig.want(waiter)), "access-2");
            assert_eq!(rig.changes(), 0);
        }
    }
}

#[test]
fn a_session_that_only_reads_tells_its_callers_at_once_what_did_not_help_and_looks_again_for_the_next() {
    for (loaded, expected) in [
        (found(of_session("1", Some(60)), Generation(1)), "read_only"),
        (Loaded::Absent, "read_only"),
        (Loaded::Lost, "read_only"),
        (Loaded::Unreadable(Error::Locked), "locked"),
        (Loaded::Damaged("damaged".into()), "store_corrupt"),
    ] {
        let mut rig = Rig::reading(Some(60));
        let version = rig.version();
        let attempt = rig.refuse(version);
        for _ in 0..100 {
            assert_eq!(rig.refuse(version), attempt, "the store is read once for all");
        }
        rig.load(loaded);
        assert_eq!((rig.settlements(), rig.events()), (1, vec![]));
        for _ in 0..100 {
            assert_eq!(code(&rig.want(waited(version, attempt))), expected);
        }
        let next = rig.refuse(version);
        assert!(next > attempt);
        rig.load(found(of_session("2", Some(60)), Generation(2)));
        assert_eq!(used(&rig.want(waited(version, next))), "access-2");
        assert_eq!(rig.changes(), 0);
    }
}

#[test]
fn a_session_that_only_reads_waits_for_a_slow_store_no_longer_than_its_budget() {
    // [10] [11]
    let mut rig = Rig::reading(Some(60));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.pass(LOAD_BUDGET - SECOND);
    assert!(matches!(rig.want(waited(version, attempt)), Answer::Wait { .. }));
    rig.pass(SECOND);
    assert_eq!(code(&rig.want(waited(version, attempt))), "store_unavailable");
    rig.load(found(of_session("2", Some(60)), Generation(2)));
    assert_eq!((rig.reason(), rig.changes()), (None, 0));
}

#[test]
fn an_expired_token_from_the_store_is_no_reason_to_read_it_for_ever() {
    let mut rig = Rig::reading(Some(60));
    rig.version();
    rig.pass(60 * SECOND);
    let Answer::Wait { attempt, epoch } = rig.ask() else { panic!("it has expired") };
    let expired = Grant { remaining: Some(Duration::ZERO), ..of_session("2", Some(60)) };
    rig.load(found(expired.clone(), Generation(2)));
    let waiter = Want { epoch: Some(epoch), after: Some(attempt), refused: None };
    let Answer::Wait { attempt, .. } = rig.want(waiter) else { panic!("so has the next") };
    rig.load(found(expired, Generation(2)));
    assert_eq!(code(&rig.want(Want { after: Some(attempt), ..waiter })), "read_only");
}

#[test]
fn a_session_that_only_reads_ends_with_that_of_the_others_and_comes_back_with_the_next_when_it_resumes() {
    for over in [
        Loaded::Ended(SignOutReason::User),
        found(Grant { lineage: None, subject: Some("u2".into()), ..grant("9", None) }, Generation(5)),
    ] {
        let mut rig = Rig::reading(Some(60));
        let version = rig.version();
        rig.apply(Input::Resumed);
        rig.load(over);
        assert_eq!(rig.reason(), Some(SignOutReason::Elsewhere));
        assert_eq!(code(&rig.want(Want { epoch: Some(version.epoch), ..Want::default() })), "session_ended");
        for nothing in [Loaded::Ended(SignOutReason::User), Loaded::Absent, Loaded::Unreadable(Error::Locked)]
        {
            rig.apply(Input::Resumed);
            rig.load(nothing);
            assert_eq!(rig.reason(), Some(SignOutReason::Elsewhere));
        }
        // Nor does the one that has ended come back.
        rig.apply(Input::Resumed);
        rig.load(found(of_session("1", None), Generation(1)));
        assert_eq!(rig.reason(), Some(SignOutReason::Elsewhere));
        rig.effects.clear();
        rig.apply(Input::Resumed);
        rig.load(found(
            Grant { lineage: Some(AttemptId::named("next")), ..of_session("7", None) },
            Generation(7),
        ));
        assert_eq!((used(&rig.ask()), rig.events()), ("access-7", vec![Event::SignedIn]));
        assert_eq!(code(&rig.want(refused(version))), "session_changed");
        assert_eq!(rig.changes(), 0);
    }
}

#[test]
fn a_session_that_may_write_does_not_come_back_by_itself() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    rig.sign_out();
    rig.effects.clear();
    rig.apply(Input::Resumed);
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Load { .. })), 0);
}

#[test]
fn resuming_costs_one_read_of_the_store_however_often_it_is_said() {
    let mut gone = Rig::reading(None);
    gone.apply(Input::Resumed);
    gone.load(Loaded::Ended(SignOutReason::User));
    for mut rig in [Rig::sharing(), Rig::reading(Some(3600)), gone] {
        rig.effects.clear();
        for _ in 0..10 {
            rig.apply(Input::Resumed);
        }
        assert!(matches!(rig.effects.as_slice(), [Effect::Load { .. }]), "{:?}", rig.effects);
        rig.load(Loaded::Absent);
        rig.apply(Input::Resumed);
        assert_eq!(rig.count(|effect| matches!(effect, Effect::Load { .. })), 2);
    }
}

#[test]
fn a_session_that_resumes_goes_on_with_what_others_have_saved_meanwhile() {
    let mut rig = Rig::sharing();
    let version = rig.version();
    rig.apply(Input::Resumed);
    let newer = Grant { lineage: None, ..grant("2", Some(3600)) };
    rig.load(found(newer, Generation(9)));
    assert_eq!((used(&rig.ask()), rig.events()), ("access-2", vec![Event::Refreshed]));
    assert_eq!(used(&rig.want(refused(version))), "access-2", "a late 401 refreshes nothing");
    assert_eq!((rig.leases(), rig.refreshes()), (0, 0));
}
