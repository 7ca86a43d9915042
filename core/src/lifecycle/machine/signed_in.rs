//! Somebody is signed in: who gets the token, when it is refreshed, and when it is saved.

use std::sync::Arc;
use std::time::Duration;

use super::backoff::{Backoff, Problem, pause};
use super::held::Held;
use super::{Counters, SAVE_BUDGET, revoke};
use crate::error::RefreshObstacle;
use crate::event::{Event, SignOutReason};
use crate::lifecycle::terms::{
    Answer, Attempt, Effect, Grant, Loaded, Moment, Progress, Verdict, Version, Want,
};
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;

/// While an answer may have been lost, the same token is sent again only within this time: the grace
/// that common authorization servers allow for a retry is no longer.
pub(super) const GRACE: Duration = Duration::from_secs(30);
/// How often it is sent again before callers are told.
pub(super) const QUICK_RETRIES: u32 = 3;
const QUICK_RETRY_BASE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) epoch: u64,
    pub(super) held: Held,
    /// False until the tokens of a sign-in are saved or their budget is spent.
    released: bool,
    flight: Option<Flight>,
    pub(super) backoff: Option<Backoff>,
    /// When an answer to the held refresh token was first lost.
    answer_lost: Option<BootTime>,
    saves: Saves,
}

/// A refresh, or the saving of a sign-in, that callers may be waiting for.
#[derive(Debug)]
struct Flight {
    attempt: Attempt,
    stage: Stage,
    retries: u32,
    doubted: bool,
}

#[derive(Debug)]
enum Stage {
    /// The refresh token is on its way.
    Sent,
    /// An answer was lost; the token is sent again.
    Paused { until: BootTime },
    /// The server rejected the token; the store is read before that is believed.
    Confirming { reason: SignOutReason },
    /// New tokens are being saved. After a sign-in they are the held ones.
    Saving { next: Option<Box<Held>>, since: BootTime },
}

/// One save at a time; what is newest when it ends is saved next.
#[derive(Debug, Default)]
struct Saves {
    generation: Option<Generation>,
    running: Option<u64>,
    durable: Option<u64>,
    /// Somebody else has written: the store is being read to learn what, before the save is repeated.
    rereading: Option<Attempt>,
    failures: u32,
    retry_at: Option<BootTime>,
    degraded: bool,
}

impl SignedIn {
    /// With tokens that have just arrived; they are being saved.
    pub(super) fn arrive(epoch: u64, held: Held, at: Moment, effects: &mut Vec<Effect>) -> Self {
        let flight = Flight::new(held.made_by, Stage::Saving { next: None, since: at.now });
        let mut session = Self::new(epoch, held, false, Some(flight));
        effects.push(Effect::WakeAt(at.now.after(SAVE_BUDGET)));
        session.save(effects);
        session
    }

    /// With tokens from the store.
    pub(super) fn restore(epoch: u64, mut held: Held, generation: Generation) -> Self {
        // An earlier process may have used them.
        held.used = true;
        let mut session = Self::new(epoch, held, true, None);
        session.is_durable(generation);
        session
    }

    fn new(epoch: u64, held: Held, released: bool, flight: Option<Flight>) -> Self {
        let saves = Saves::default();
        Self { epoch, held, released, flight, backoff: None, answer_lost: None, saves }
    }

    pub(super) fn want(
        &mut self,
        at: Moment,
        want: Want,
        counters: &mut Counters,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let renewable = self.held.refresh.is_some();
        let refused = want.refused.is_some_and(|number| number >= self.held.number);
        let expired = self.held.expires_at.is_some_and(|expiry| expiry <= at.now);
        // A server whose new tokens count as expired on arrival must not cause a refresh for each
        // request: a token is used at least once, and by everybody who waited for it.
        let spent = expired && self.held.used && want.after != Some(self.held.made_by) && renewable;
        if let Some(access) = &self.held.access
            && self.released
            && !refused
            && !spent
        {
            let access = Arc::clone(access);
            self.held.used = true;
            let due = !expired && self.held.renew_at.is_some_and(|renew_at| renew_at <= at.now);
            if due && renewable && self.may_refresh(at) {
                self.start(counters, effects);
            }
            let version = Version { epoch: self.epoch, number: self.held.number };
            return Answer::Use { access, version };
        }
        if let Some(flight) = &self.flight {
            return Answer::Wait(flight.attempt);
        }
        if !renewable {
            return Answer::NotRenewable;
        }
        if let Some(backoff) = &self.backoff {
            let waited = want.after.is_some_and(|attempt| attempt <= backoff.attempt);
            if waited || backoff.until > at.now {
                return Answer::Fail(backoff.explain(at));
            }
        }
        Answer::Wait(self.start(counters, effects))
    }

    fn may_refresh(&self, at: Moment) -> bool {
        self.flight.is_none() && self.backoff.as_ref().is_none_or(|backoff| backoff.until <= at.now)
    }

    fn start(&mut self, counters: &mut Counters, effects: &mut Vec<Effect>) -> Attempt {
        let attempt = counters.attempt();
        self.flight = Some(Flight::new(attempt, Stage::Sent));
        self.send(effects);
        attempt
    }

    fn send(&mut self, effects: &mut Vec<Effect>) {
        let (Some(flight), Some(token)) = (&mut self.flight, &self.held.refresh) else { return };
        flight.stage = Stage::Sent;
        effects.push(Effect::Refresh {
            attempt: flight.attempt,
            token: Arc::clone(token),
            attempt_id: self.held.attempt_id.clone(),
        });
    }

    /// The authorization server has answered. (What the verdicts mean is the failure table.)
    pub(super) fn refresh_answered(
        &mut self,
        at: Moment,
        attempt: Attempt,
        verdict: Verdict,
        counters: &mut Counters,
        effects: &mut Vec<Effect>,
    ) {
        let Some(flight) = &mut self.flight else { return };
        if flight.attempt != attempt || !matches!(flight.stage, Stage::Sent) {
            return;
        }
        match verdict {
            // A server that mixes up its users must not make one of them send the other's token. (OIDC Core
            // section 12.2 rules it out for ID tokens.)
            Verdict::Rotated(grant) if self.held.is_of_another_than(&grant) => {
                self.fail(at, None, Problem::Unexpected(200), effects);
            }
            Verdict::Rotated(mut grant) => {
                let old = self.held.refresh.clone();
                // A token that does not say whose it is belongs to whom the refresh token belonged.
                grant.subject = grant.subject.or_else(|| self.held.subject.clone());
                let next = Held::new(*grant, old, counters.number(), attempt, at);
                flight.stage = Stage::Saving { next: Some(Box::new(next)), since: at.now };
                self.answer_lost = None;
                effects.push(Effect::WakeAt(at.now.after(SAVE_BUDGET)));
                self.save(effects);
            }
            Verdict::Salvaged(refresh, attempt_id) => {
                // The access token is the old one, and so is its number: it stays refused where it was.
                self.held.refresh = Some(Arc::new(refresh));
                self.held.attempt_id = attempt_id;
                self.answer_lost = None;
                self.saves.durable = None;
                self.fail(at, None, Problem::Obstacle(RefreshObstacle::NoAccessToken), effects);
                self.save(effects);
            }
            Verdict::Ambiguous => {
                let first = *self.answer_lost.get_or_insert(at.now);
                if flight.retries < QUICK_RETRIES && first.until(at.now) < GRACE {
                    let pause = at.jitter(QUICK_RETRY_BASE.saturating_mul(1 << flight.retries));
                    flight.retries += 1;
                    let until = at.now.after(pause);
                    flight.stage = Stage::Paused { until };
                    effects.push(Effect::WakeAt(until));
                } else {
                    self.fail(at, None, Problem::Obstacle(RefreshObstacle::AnswerLost), effects);
                }
            }
            Verdict::Rejected { certain: false } if !flight.doubted => {
                flight.doubted = true;
                self.send(effects);
            }
            Verdict::Rejected { .. } => {
                let lost = self.answer_lost.is_some();
                let reason = if lost { SignOutReason::RotationLost } else { SignOutReason::Rejected };
                flight.stage = Stage::Confirming { reason };
                effects.push(Effect::Load { attempt });
            }
            Verdict::Misconfigured(what) => self.fail(at, None, Problem::Misconfigured(what), effects),
            Verdict::Unavailable { retry_after } => {
                self.fail(at, retry_after, Problem::Obstacle(RefreshObstacle::Unavailable), effects);
            }
            Verdict::Unreachable => {
                self.fail(at, None, Problem::Obstacle(RefreshObstacle::Unreachable), effects);
            }
            Verdict::Unexpected { status } => self.fail(at, None, Problem::Unexpected(status), effects),
        }
    }

    /// The refresh has failed for now: its waiters are told, and the next ones at once.
    fn fail(
        &mut self,
        at: Moment,
        retry_after: Option<Duration>,
        problem: Problem,
        effects: &mut Vec<Effect>,
    ) {
        let Some(flight) = self.flight.take() else { return };
        let backoff = Backoff::after(self.backoff.as_ref(), at, flight.attempt, problem, retry_after);
        let error = backoff.explain(at);
        self.backoff = Some(backoff);
        effects.extend([
            Effect::Emit(Event::RefreshFailed { code: error.code(), retry_after: error.retry_after() }),
            Effect::Settle,
        ]);
    }

    /// The store has been read, before a rejection is believed or after a save met somebody else's. Returns
    /// the reason if the session ends with it.
    pub(super) fn loaded(
        &mut self,
        at: Moment,
        attempt: Attempt,
        loaded: Loaded,
        counters: &mut Counters,
        effects: &mut Vec<Effect>,
    ) -> Option<SignOutReason> {
        if self.saves.rereading.take_if(|awaited| *awaited == attempt).is_some() {
            match loaded {
                Loaded::Ended(_) => return Some(SignOutReason::Elsewhere),
                Loaded::Found(_, generation) | Loaded::Imported(_, generation) => {
                    self.saves.generation = Some(generation);
                }
                Loaded::Absent => self.saves.generation = None,
                Loaded::Unreadable(_) => {}
            }
            return None;
        }
        let reason = match &self.flight {
            Some(Flight { attempt: awaited, stage: Stage::Confirming { reason }, .. })
                if *awaited == attempt =>
            {
                *reason
            }
            _ => return None,
        };
        match loaded {
            // Somebody else on this store has rotated the token: theirs is the one to use.
            Loaded::Found(grant, generation) if self.is_successor(&grant, generation) => {
                let held = Held::new(*grant, None, counters.number(), attempt, at);
                self.replace(held);
                self.is_durable(generation);
                self.flight = None;
                effects.extend([Effect::Emit(Event::Refreshed), Effect::Settle]);
                None
            }
            Loaded::Ended(_) => Some(SignOutReason::Elsewhere),
            _ => Some(reason),
        }
    }

    /// Whether a record is a later one of this session, written by somebody else who shares the store.
    fn is_successor(&self, grant: &Grant, generation: Generation) -> bool {
        grant.subject == self.held.subject
            && self.saves.generation.is_none_or(|known| generation > known)
            && grant.refresh.is_some()
            && grant.refresh.as_ref() != self.held.refresh.as_deref()
    }

    fn replace(&mut self, held: Held) {
        self.held = held;
        self.backoff = None;
        self.answer_lost = None;
    }

    fn newest(&self) -> &Held {
        match &self.flight {
            Some(Flight { stage: Stage::Saving { next: Some(next), .. }, .. }) => next,
            _ => &self.held,
        }
    }

    fn is_durable(&mut self, generation: Generation) {
        self.saves.generation = Some(generation);
        self.saves.durable = Some(self.held.number);
    }

    /// Starts saving what is newest, unless that is saved, or a save is running or waits for its time.
    fn save(&mut self, effects: &mut Vec<Effect>) {
        let newest = self.newest();
        if self.saves.running.is_some()
            || self.saves.retry_at.is_some()
            || self.saves.durable == Some(newest.number)
        {
            return;
        }
        let expected = self.saves.generation.map_or(Expected::Any, Expected::Generation);
        effects.push(Effect::Save { epoch: self.epoch, held: Box::new(newest.clone()), expected });
        self.saves.running = Some(newest.number);
    }

    pub(super) fn saved(
        &mut self,
        at: Moment,
        number: u64,
        result: Result<Generation, StoreError>,
        counters: &mut Counters,
        effects: &mut Vec<Effect>,
    ) {
        self.saves.running = None;
        match result {
            Ok(generation) => {
                self.saves.generation = Some(generation);
                self.saves.durable = Some(number);
                self.saves.failures = 0;
                self.saves.retry_at = None;
                if self.newest().number == number {
                    if std::mem::take(&mut self.saves.degraded) {
                        effects.push(Effect::Emit(Event::PersistenceRestored));
                    }
                    self.release(effects);
                }
            }
            Err(error) => {
                self.degrade(effects);
                if error == StoreError::Conflict {
                    let attempt = counters.attempt();
                    self.saves.rereading = Some(attempt);
                    effects.push(Effect::Load { attempt });
                }
                let retry_at = at.now.after(pause(at, self.saves.failures));
                self.saves.failures = self.saves.failures.saturating_add(1);
                self.saves.retry_at = Some(retry_at);
                effects.push(Effect::WakeAt(retry_at));
            }
        }
        self.save(effects);
    }

    /// The newest tokens are not saved in time: they go into use all the same, and the app is told.
    fn degrade(&mut self, effects: &mut Vec<Effect>) {
        if !self.saves.degraded {
            self.saves.degraded = true;
            effects.push(Effect::Emit(Event::PersistenceDegraded));
        }
        self.release(effects);
    }

    /// Lets waiters have the tokens that were being saved.
    fn release(&mut self, effects: &mut Vec<Effect>) {
        let Some(Flight { stage: Stage::Saving { next, .. }, .. }) =
            self.flight.take_if(|flight| matches!(flight.stage, Stage::Saving { .. }))
        else {
            return;
        };
        self.released = true;
        let event = match next {
            Some(next) => {
                self.replace(*next);
                Event::Refreshed
            }
            None => Event::SignedIn,
        };
        effects.extend([Effect::Emit(event), Effect::Settle]);
    }

    /// How far the sign-in with this attempt is.
    pub(super) fn progress(&self, attempt: Attempt) -> Progress {
        match &self.flight {
            Some(Flight { attempt: saving, stage: Stage::Saving { .. }, .. }) if *saving == attempt => {
                Progress::Pending
            }
            _ => Progress::Done,
        }
    }

    pub(super) fn network_changed(&mut self, effects: &mut Vec<Effect>) {
        self.backoff = None;
        if self.is_paused() {
            self.send(effects);
        }
    }

    pub(super) fn tick(&mut self, at: Moment, effects: &mut Vec<Effect>) {
        match &self.flight {
            Some(Flight { stage: Stage::Paused { until }, .. }) if *until <= at.now => self.send(effects),
            Some(Flight { stage: Stage::Saving { since, .. }, .. }) if since.until(at.now) >= SAVE_BUDGET => {
                self.degrade(effects);
            }
            _ => {}
        }
        if self.saves.retry_at.take_if(|retry_at| *retry_at <= at.now).is_some() {
            self.save(effects);
        }
    }

    fn is_paused(&self) -> bool {
        matches!(&self.flight, Some(Flight { stage: Stage::Paused { .. }, .. }))
    }

    /// The user signs out: what is revoked now, and what is decided when a refresh under way is answered.
    pub(super) fn abandon(&self, effects: &mut Vec<Effect>) -> Option<(Attempt, Held)> {
        let newest = self.newest();
        match &self.flight {
            // The server may be rotating this very token: revoking it now could look like the reuse of a
            // stolen one.
            Some(Flight { attempt, stage: Stage::Sent, .. }) => Some((*attempt, newest.clone())),
            _ => {
                effects.extend(revoke(newest.refresh.clone(), newest.access.clone()));
                None
            }
        }
    }
}

impl Flight {
    fn new(attempt: Attempt, stage: Stage) -> Self {
        Self { attempt, stage, retries: 0, doubted: false }
    }
}
