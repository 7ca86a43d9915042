//! Nobody is signed in.

use std::time::Duration;

use super::backoff::pause;
use super::held::Held;
use super::{SAVE_BUDGET, Turn, revoke};
use crate::error::Error;
use crate::event::{Event, SignOutReason};
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Attempt, Effect, Progress, Stored, Verdict};
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;
use crate::trace::Decision;

#[derive(Clone, Debug)]
pub(super) struct SignedOut {
    pub(super) reason: SignOutReason,
    /// Whether the last thing that happened is that the user signed out.
    pub(super) by_user: bool,
    ended: Option<Ended>,
    erasure: Option<Erasure>,
    /// A refresh that was on its way when the session was to end, and the tokens that it set out with.
    orphan: Option<(Attempt, Held)>,
    /// The lease of the store that the session had is held until the tombstone is durable.
    lease: Option<Attempt>,
    /// The store is being read to see whether somebody has signed in there.
    looking: Option<Attempt>,
}

/// The session that has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// For its requests.
    pub(super) epoch: u64,
    /// To tell it from one that somebody else begins.
    pub(super) lineage: Option<AttemptId>,
}

/// The tombstone on its way to the store: one write at a time, until it is durable.
#[derive(Clone, Debug)]
struct Erasure {
    attempt: Attempt,
    expected: Expected,
    /// When the write that is running began.
    running: Option<BootTime>,
    failures: u32,
    retry_at: Option<BootTime>,
    /// What whoever signed out was told, if it was not "done".
    error: Option<StoreError>,
    reported: bool,
    done: bool,
}

impl SignedOut {
    /// Signed out since before this process: nothing has to be erased.
    pub(super) fn quietly(reason: SignOutReason) -> Self {
        Self { reason, by_user: false, ended: None, erasure: None, orphan: None, lease: None, looking: None }
    }

    /// The session of the epoch `ended` ends now.
    pub(super) fn now(
        reason: SignOutReason,
        ended: Ended,
        orphan: Option<(Attempt, Held)>,
        lease: Option<Attempt>,
        expected: Option<Expected>,
        turn: &mut Turn<'_>,
    ) -> Self {
        turn.note(Decision::SignedOut { reason });
        turn.effects.extend([Effect::Emit(Event::SignedOut { reason }), Effect::Settle]);
        // What somebody else has written since is theirs.
        let expected = expected.filter(|_| reason != SignOutReason::Elsewhere);
        let erasure = expected.map(|expected| {
            let mut erasure = Erasure::new(turn.counters.attempt(), expected);
            erasure.run(reason, turn);
            erasure
        });
        let by_user = reason == SignOutReason::User;
        let mut out = Self { reason, by_user, ended: Some(ended), erasure, orphan, lease, looking: None };
        out.give_lease_back(turn);
        out
    }

    /// A session that only reads comes back when somebody has signed in elsewhere.
    pub(super) fn look(&mut self, turn: &mut Turn<'_>) {
        if self.looking.is_none() {
            let attempt = turn.counters.attempt();
            self.looking = Some(attempt);
            turn.effects.push(Effect::Load { attempt });
        }
    }

    /// Whether that is another session than the one that has ended here.
    pub(super) fn is_another(&self, stored: &Stored) -> bool {
        let ended = self.ended.as_ref().and_then(|ended| ended.lineage.as_ref());
        ended.is_none() || stored.grant.lineage.as_ref() != ended
    }

    /// Whether that is what was read.
    pub(super) fn has_looked(&mut self, attempt: Attempt) -> bool {
        self.looking.take_if(|awaited| *awaited == attempt).is_some()
    }

    /// Nobody else may read the store before the end of the session is in it.
    fn give_lease_back(&mut self, turn: &mut Turn<'_>) {
        if self.erasure.as_ref().is_none_or(|erasure| erasure.done) {
            let lease = self.lease.take();
            turn.effects.extend(lease.map(|attempt| Effect::Release { attempt }));
        }
    }

    /// The lease, for somebody who signs in.
    pub(super) fn hand_lease_over(&mut self) -> Option<Attempt> {
        self.lease.take()
    }

    /// The attempt that leaves the tombstone.
    pub(super) fn erasing(&self) -> Option<Attempt> {
        self.erasure.as_ref().map(|erasure| erasure.attempt)
    }

    /// What a request of this epoch, or one without an epoch yet, is told.
    pub(super) fn explain(&self, epoch: Option<u64>) -> Error {
        let reason = self.reason;
        match epoch {
            None => Error::SignedOut { reason },
            // It waited for the store to be read, and nobody was signed in.
            Some(_) if self.ended.is_none() => Error::SignedOut { reason },
            Some(epoch)
                if self.ended.as_ref().is_some_and(|ended| ended.epoch == epoch)
                    && reason != SignOutReason::User =>
            {
                Error::SessionEnded { reason }
            }
            Some(_) => Error::SessionChanged,
        }
    }

    /// Signing out once more tries an erasure again that has failed. The attempt to wait for, if any.
    pub(super) fn sign_out_again(&mut self, turn: &mut Turn<'_>) -> Option<Attempt> {
        self.by_user = true;
        let erasure = self.erasure.as_mut()?;
        if erasure.retry_at.take().is_some() {
            erasure.error = None;
            erasure.run(self.reason, turn);
        }
        Some(erasure.attempt)
    }

    pub(super) fn progress(&self, attempt: Attempt) -> Progress {
        match self.erasure.as_ref().filter(|erasure| erasure.attempt == attempt) {
            Some(Erasure { done: false, error: None, .. }) => Progress::Pending,
            Some(Erasure { done: false, error: Some(error), .. }) => Progress::Failed(error.clone()),
            _ => Progress::Done,
        }
    }

    /// A refresh that was on its way when the session was to end has been answered: what it brought is not
    /// used, and the newest token is revoked.
    pub(super) fn orphan_answered(&mut self, attempt: Attempt, verdict: Verdict, turn: &mut Turn<'_>) {
        let Some((_, held)) = self.orphan.take_if(|(awaited, _)| *awaited == attempt) else { return };
        let (refresh, access) = match verdict {
            // Somebody else's tokens are left alone.
            Verdict::Rotated(grant) if held.is_other_subject(&grant) => (held.refresh, held.access),
            Verdict::Rotated(grant) => {
                (grant.refresh.map(Into::into).or(held.refresh), grant.access.map(Into::into))
            }
            Verdict::Salvaged(refresh, _) => (Some(refresh.into()), held.access),
            Verdict::Rejected { .. } => return,
            _ => (held.refresh, held.access),
        };
        turn.effects.extend(revoke(refresh, access));
    }

    pub(super) fn erased(
        &mut self,
        attempt: Attempt,
        result: Result<Generation, StoreError>,
        turn: &mut Turn<'_>,
    ) {
        let Some(erasure) = self.erasure.as_mut().filter(|erasure| erasure.attempt == attempt) else {
            return;
        };
        erasure.running = None;
        match result {
            // Somebody else has written since: theirs stands.
            Ok(_) | Err(StoreError::Conflict) => {
                erasure.done = true;
                if erasure.reported {
                    turn.effects.push(Effect::Emit(Event::PersistenceRestored));
                }
            }
            Err(error) => erasure.failed(error, turn),
        }
        self.give_lease_back(turn);
        turn.effects.push(Effect::Settle);
    }

    /// The app is in the foreground again: a store that refused the tombstone may ask the user once more.
    pub(super) fn resumed(&mut self, turn: &mut Turn<'_>) {
        if let Some(erasure) = &mut self.erasure
            && matches!(erasure.error, Some(StoreError::Refused(_)))
            && erasure.retry_at.take().is_some()
        {
            erasure.run(self.reason, turn);
        }
        self.tick(turn);
    }

    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        let now = turn.at.now;
        let Some(erasure) = &mut self.erasure else { return };
        if erasure.retry_at.take_if(|retry_at| *retry_at <= now).is_some() {
            erasure.run(self.reason, turn);
        } else if erasure.error.is_none()
            && erasure.running.is_some_and(|started| started.until(now) >= SAVE_BUDGET)
        {
            // Whoever signs out is not held up by a stuck store; the write goes on.
            erasure.report(StoreError::Transient("the store did not answer in time".into()), turn);
            turn.effects.push(Effect::Settle);
        }
    }
}

impl Erasure {
    fn new(attempt: Attempt, expected: Expected) -> Self {
        Self {
            attempt,
            expected,
            running: None,
            failures: 0,
            retry_at: None,
            error: None,
            reported: false,
            done: false,
        }
    }

    fn run(&mut self, reason: SignOutReason, turn: &mut Turn<'_>) {
        self.running = Some(turn.at.now);
        turn.effects.extend([
            Effect::Erase { attempt: self.attempt, reason, expected: self.expected },
            Effect::WakeIfOpen(turn.at.now.after(SAVE_BUDGET)),
        ]);
    }

    fn failed(&mut self, error: StoreError, turn: &mut Turn<'_>) {
        if matches!(error, StoreError::Refused(_)) {
            self.retry_at = Some(turn.at.now.after(Duration::MAX));
        } else {
            let retry_at = turn.at.now.after(pause(turn.at, self.failures));
            self.failures = self.failures.saturating_add(1);
            self.retry_at = Some(retry_at);
            turn.effects.push(Effect::WakeAt(retry_at));
        }
        self.report(error, turn);
    }

    fn report(&mut self, error: StoreError, turn: &mut Turn<'_>) {
        if !self.reported {
            turn.effects.push(Effect::Emit(Event::PersistenceDegraded));
        }
        (self.reported, self.error) = (true, Some(error));
    }
}

#[cfg(test)]
impl SignedOut {
    pub(super) fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        let Self { reason, by_user, ended, erasure, orphan, lease, looking } = self;
        print.attempt(*looking);
        print.add((reason, by_user));
        print.epoch(ended.as_ref().map(|ended| ended.epoch));
        print.add(ended.as_ref().map(|ended| &ended.lineage));
        print.attempt(*lease);
        print.add((erasure.is_some(), orphan.is_some()));
        if let Some((attempt, held)) = orphan {
            print.attempt(Some(*attempt));
            held.fingerprint(print);
        }
        if let Some(erasure) = erasure {
            let Erasure { attempt, expected, running, failures, retry_at, error, reported, done } = erasure;
            print.attempt(Some(*attempt));
            print.expected(*expected);
            print.since(*running, SAVE_BUDGET);
            print.deadline(*retry_at);
            print.add((failures, error.is_some(), reported, done));
        }
    }
}
