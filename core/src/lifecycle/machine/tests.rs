//! The machine on virtual time. The numbers in brackets are those of the invariants in
//! `docs/architecture.md`.

use super::backoff::{BACKOFF_BASE, BACKOFF_CAP, RETRY_AFTER_CAP};
use super::signed_in::{GRACE, QUICK_RETRIES};
use super::*;
use crate::event::Event;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Verdict, Version};
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;

/// A machine, a clock that stands still unless moved, and what the machine wants done.
struct Rig {
    machine: Machine,
    now: BootTime,
    effects: Vec<Effect>,
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
        let (machine, effects) = Machine::open();
        Self { machine, now: BootTime::from_boot(Duration::from_secs(1000)), effects }
    }

    fn at(&self) -> Moment {
        Moment { now: self.now, entropy: u32::MAX }
    }

    fn apply(&mut self, input: Input) {
        let effects = self.machine.apply(self.at(), input);
        self.effects.extend(effects);
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
        self.effects.extend(effects);
        result
    }

    fn sign_out(&mut self) -> Attempt {
        let (attempt, effects) = self.machine.sign_out(self.at());
        self.effects.extend(effects);
        attempt
    }

    fn want(&mut self, want: Want) -> Answer {
        let (answer, effects) = self.machine.want(self.at(), want);
        self.effects.extend(effects);
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
            Answer::Wait(attempt) => attempt,
            other => panic!("no wait: {other:?}"),
        }
    }

    fn answer(&mut self, attempt: Attempt, verdict: Verdict) {
        self.apply(Input::RefreshAnswered { attempt, verdict });
    }

    fn save(&mut self, result: impl Fn(u64) -> Result<Generation, StoreError>) {
        let (epoch, number) = self
            .effects
            .iter()
            .rev()
            .find_map(|effect| match effect {
                Effect::Save { epoch, held, .. } => Some((*epoch, held.number)),
                _ => None,
            })
            .expect("a save was wanted");
        self.apply(Input::Saved { epoch, number, result: result(number) });
    }

    fn save_ok(&mut self) {
        self.save(|number| Ok(Generation(number)));
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
        subject: Some("u1".into()),
        claims: None,
    }
}

fn rotated(name: &str) -> Verdict {
    Verdict::Rotated(Box::new(grant(name, Some(3600))))
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
fn waiters_are_released_and_events_are_sent_after_the_rotated_token_is_saved() {
    // [3]
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    rig.answer(attempt, rotated("2"));
    assert_eq!((rig.saves(), rig.settlements(), rig.events().len()), (1, 0, 0));
    assert!(matches!(rig.want(waited(version, attempt)), Answer::Wait(_)));
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
fn an_erasure_is_repeated_until_it_is_durable_and_the_session_stays_out() {
    // [5]
    let mut rig = Rig::signed_in(Some(3600));
    let attempt = rig.sign_out();
    assert_eq!(rig.machine.progress(attempt), Progress::Pending);
    let error = StoreError::Transient("disk full".into());
    rig.apply(Input::Erased { attempt, result: Err(error.clone()) });
    assert_eq!(rig.machine.progress(attempt), Progress::Failed(error));
    rig.pass(BACKOFF_CAP + BACKOFF_BASE);
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
    let newer = Loaded::Found(Box::new(grant("newer", Some(3600))), Generation(99));
    rig.apply(Input::Loaded { attempt, loaded: newer });
    assert_eq!(used(&rig.want(waited(version, attempt))), "access-newer");
    assert_eq!(rig.reason(), None);
}

#[test]
fn an_older_or_foreign_token_in_the_store_is_not_adopted() {
    // [6]
    let foreign = Grant { subject: Some("u2".into()), ..grant("foreign", None) };
    for (found, generation) in [(grant("older", None), 0), (grant("1", None), 99), (foreign, 99)] {
        let mut rig = Rig::signed_in(Some(3600));
        let version = rig.version();
        let attempt = rig.refuse(version);
        rig.answer(attempt, Verdict::Rejected { certain: true });
        let loaded = Loaded::Found(Box::new(found), Generation(generation));
        rig.apply(Input::Loaded { attempt, loaded });
        assert_eq!(rig.reason(), Some(SignOutReason::Rejected));
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
    assert!(matches!(rig.ask(), Answer::Wait(_)));
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
    assert!(matches!(rig.ask(), Answer::Wait(_)), "whoever comes later needs a newer one");
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
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let salvaged = Verdict::Salvaged(Secret::new("refresh-2"), AttemptId::random().expect("random bytes"));
    rig.answer(attempt, salvaged);
    assert_eq!(rig.saves(), 1);
    rig.save_ok();
    assert_eq!(code(&rig.want(waited(version, attempt))), "refresh_unavailable");
    rig.pass(BACKOFF_CAP);
    rig.refuse(version);
    let sent = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Refresh { token, .. } => Some(token.expose()),
        _ => None,
    });
    assert_eq!(sent, Some("refresh-2"));
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
    let Answer::Wait(attempt) = rig.ask() else { panic!("there is nothing to use") };
    rig.answer(attempt, rotated("2"));
    rig.save_ok();
    assert_eq!(used(&rig.want(Want { after: Some(attempt), ..Want::default() })), "access-2");
}

#[test]
fn a_store_that_cannot_be_read_is_not_an_empty_store() {
    // [11]
    let mut rig = Rig::restoring();
    assert!(matches!(rig.ask(), Answer::Wait(1)));
    rig.apply(Input::Loaded { attempt: 1, loaded: Loaded::Unreadable(Error::Locked) });
    let waiter = Want { after: Some(1), ..Want::default() };
    assert_eq!(code(&rig.want(waiter)), "locked");
    assert_eq!(rig.reason(), None);
    let Answer::Wait(second) = rig.ask() else { panic!("a later caller has the store read again") };
    rig.apply(Input::Loaded {
        attempt: second,
        loaded: Loaded::Found(Box::new(grant("1", Some(60))), Generation(4)),
    });
    assert_eq!(used(&rig.ask()), "access-1");
}

#[test]
fn a_restored_session_starts_with_the_generation_that_was_read() {
    // [5]
    let mut rig = Rig::restoring();
    let found = Loaded::Found(Box::new(grant("1", Some(60))), Generation(4));
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
fn a_refresh_that_brings_another_subject_s_token_is_not_used() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let other = Grant { subject: Some("u2".into()), ..grant("2", Some(3600)) };
    rig.answer(attempt, Verdict::Rotated(Box::new(other)));
    assert_eq!(code(&rig.want(waited(version, attempt))), "authority_unexpected");
    assert_eq!(rig.saves(), 0);
    rig.sign_out();
    assert_eq!(rig.revoked(), ["refresh-1"]);
}

#[test]
fn a_token_that_does_not_say_whose_it_is_belongs_to_the_session_s_subject() {
    let mut rig = Rig::signed_in(Some(3600));
    let version = rig.version();
    let attempt = rig.refuse(version);
    let silent = Grant { subject: None, ..grant("2", Some(3600)) };
    rig.answer(attempt, Verdict::Rotated(Box::new(silent)));
    rig.save_ok();
    let version = rig.version();
    let attempt = rig.refuse(version);
    let other = Grant { subject: Some("u2".into()), ..grant("3", Some(3600)) };
    rig.answer(attempt, Verdict::Rotated(Box::new(other)));
    assert_eq!(code(&rig.want(waited(version, attempt))), "authority_unexpected");
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

/// A machine on which an import has begun.
fn importing() -> (Rig, Attempt, Input) {
    let mut rig = Rig::signed_out();
    let (attempt, effects) = rig.machine.import(grant("1", Some(3600))).expect("nobody has signed in");
    rig.effects.extend(effects);
    let loaded = Loaded::Imported(Box::new(grant("1", Some(3600))), Generation(1));
    (rig, attempt, Input::Loaded { attempt, loaded })
}

#[test]
fn imported_tokens_are_used_at_once_and_not_saved_again() {
    let (mut rig, attempt, done) = importing();
    assert!(matches!(rig.ask(), Answer::Wait(awaited) if awaited == attempt));
    rig.apply(done);
    assert_eq!(used(&rig.ask()), "access-1");
    assert_eq!((rig.events(), rig.saves()), (vec![Event::SignedIn], 0));
    assert!(rig.machine.has_imported(attempt));
    assert!(rig.machine.import(grant("2", None)).is_none(), "it is done once");
}

#[test]
fn a_sign_out_during_an_import_wins_and_leaves_its_tombstone() {
    let (mut rig, attempt, done) = importing();
    rig.sign_out();
    rig.apply(done);
    assert_eq!(rig.reason(), Some(SignOutReason::User));
    assert_eq!(rig.count(|effect| matches!(effect, Effect::Erase { .. })), 1);
    assert!(!rig.machine.has_imported(attempt) && rig.machine.import(grant("2", None)).is_none());
}

#[test]
fn a_sign_in_during_an_import_wins() {
    let (mut rig, attempt, done) = importing();
    rig.sign_in(grant("2", None)).expect("nobody else signs in");
    rig.apply(done);
    rig.save_ok();
    assert_eq!(used(&rig.ask()), "access-2");
    assert!(!rig.machine.has_imported(attempt));
}
