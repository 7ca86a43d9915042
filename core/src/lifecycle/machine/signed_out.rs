//! Nobody is signed in.

use super::backoff::{BACKOFF_BASE, pause};
use super::held::Held;
use super::{SAVE_BUDGET, revoke};
use crate::error::Error;
use crate::event::{Event, SignOutReason};
use crate::lifecycle::terms::{Attempt, Effect, Moment, Progress, Verdict};
use crate::store::{Generation, StoreError};
use crate::time::BootTime;

#[derive(Debug)]
pub(super) struct SignedOut {
    pub(super) reason: SignOutReason,
    /// The epoch that ended with this, for its requests.
    ended: Option<u64>,
    erasure: Option<Erasure>,
    /// A refresh that was on its way when the user signed out, and the tokens that it set out with.
    orphan: Option<(Attempt, Held)>,
}

/// The tombstone on its way to the store.
#[derive(Debug)]
struct Erasure {
    attempt: Attempt,
    started: BootTime,
    stage: Erasing,
}

#[derive(Debug)]
enum Erasing {
    Running,
    Done,
    Failed { failures: u32, retry_at: BootTime, error: StoreError },
}

impl SignedOut {
    /// Signed out since before this process: nothing has to be erased.
    pub(super) fn quietly(reason: SignOutReason) -> Self {
        Self { reason, ended: None, erasure: None, orphan: None }
    }

    /// The session of the epoch `ended` ends now; the attempt is its erasure.
    pub(super) fn now(
        at: Moment,
        reason: SignOutReason,
        ended: u64,
        attempt: Attempt,
        orphan: Option<(Attempt, Held)>,
        effects: &mut Vec<Effect>,
    ) -> Self {
        effects.extend([Effect::Emit(Event::SignedOut { reason }), Effect::Settle]);
        let mut erasure = Erasure { attempt, started: at.now, stage: Erasing::Running };
        erasure.run(at, reason, effects);
        Self { reason, ended: Some(ended), erasure: Some(erasure), orphan }
    }

    /// What a request of this epoch, or one without an epoch yet, is told.
    pub(super) fn explain(&self, epoch: Option<u64>) -> Error {
        let reason = self.reason;
        match epoch {
            None => Error::SignedOut { reason },
            Some(epoch) if Some(epoch) == self.ended && reason != SignOutReason::User => {
                Error::SessionEnded { reason }
            }
            Some(_) => Error::SessionChanged,
        }
    }

    /// Signing out once more tries an erasure again that has failed. The attempt to wait for, if any.
    pub(super) fn sign_out_again(&mut self, at: Moment, effects: &mut Vec<Effect>) -> Option<Attempt> {
        let erasure = self.erasure.as_mut()?;
        if matches!(erasure.stage, Erasing::Failed { .. }) {
            erasure.run(at, self.reason, effects);
        }
        Some(erasure.attempt)
    }

    pub(super) fn progress(&self, attempt: Attempt) -> Progress {
        match &self.erasure {
            Some(erasure) if erasure.attempt == attempt => match &erasure.stage {
                Erasing::Running => Progress::Pending,
                Erasing::Done => Progress::Done,
                Erasing::Failed { error, .. } => Progress::Failed(error.clone()),
            },
            _ => Progress::Done,
        }
    }

    /// A refresh that was on its way when the user signed out has been answered: what it brought is not
    /// used, and the newest token is revoked.
    pub(super) fn orphan_answered(&mut self, attempt: Attempt, verdict: Verdict, effects: &mut Vec<Effect>) {
        let Some((_, held)) = self.orphan.take_if(|(awaited, _)| *awaited == attempt) else { return };
        let (refresh, access) = match verdict {
            // Somebody else's tokens are left alone.
            Verdict::Rotated(grant) if held.is_of_another_than(&grant) => (held.refresh, held.access),
            Verdict::Rotated(grant) => {
                (grant.refresh.map(Into::into).or(held.refresh), grant.access.map(Into::into))
            }
            Verdict::Salvaged(refresh, _) => (Some(refresh.into()), held.access),
            Verdict::Rejected { .. } => return,
            _ => (held.refresh, held.access),
        };
        effects.extend(revoke(refresh, access));
    }

    pub(super) fn erased(
        &mut self,
        at: Moment,
        attempt: Attempt,
        result: Result<Generation, StoreError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(erasure) = self.erasure.as_mut().filter(|erasure| erasure.attempt == attempt) else {
            return;
        };
        match result {
            Ok(_) => {
                if matches!(erasure.stage, Erasing::Failed { .. }) {
                    effects.push(Effect::Emit(Event::PersistenceRestored));
                }
                erasure.stage = Erasing::Done;
            }
            Err(error) => erasure.fail(at, error, effects),
        }
        effects.push(Effect::Settle);
    }

    pub(super) fn tick(&mut self, at: Moment, effects: &mut Vec<Effect>) {
        let Some(erasure) = &mut self.erasure else { return };
        match &erasure.stage {
            Erasing::Failed { retry_at, .. } if *retry_at <= at.now => {
                erasure.run(at, self.reason, effects);
            }
            Erasing::Running if erasure.started.until(at.now) >= SAVE_BUDGET => {
                // Whoever signs out is not held up by a stuck store; the erasure goes on.
                let error = StoreError::Transient("the store did not answer in time".into());
                erasure.fail(at, error, effects);
                effects.push(Effect::Settle);
            }
            _ => {}
        }
    }
}

impl Erasure {
    fn run(&mut self, at: Moment, reason: SignOutReason, effects: &mut Vec<Effect>) {
        self.started = at.now;
        self.stage = Erasing::Running;
        effects.extend([
            Effect::Erase { attempt: self.attempt, reason },
            Effect::WakeAt(at.now.after(SAVE_BUDGET)),
        ]);
    }

    fn fail(&mut self, at: Moment, error: StoreError, effects: &mut Vec<Effect>) {
        let failures = match &self.stage {
            Erasing::Failed { failures, .. } => *failures,
            _ => 0,
        };
        if failures == 0 {
            effects.push(Effect::Emit(Event::PersistenceDegraded));
        }
        let retry_at = at.now.after(BACKOFF_BASE + pause(at, failures));
        self.stage = Erasing::Failed { failures: failures.saturating_add(1), retry_at, error };
        effects.push(Effect::WakeAt(retry_at));
    }
}
