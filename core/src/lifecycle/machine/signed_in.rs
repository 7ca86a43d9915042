//! Somebody is signed in: who gets the token, and how it is refreshed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::backoff::{Backoff, Problem, suspended};
use super::breaker::Breaker;
use super::held::Held;
use super::policy::{Ages, Times};
use super::saves::Saves;
use super::{SAVE_BUDGET, Turn, revoke};
use crate::error::{Error, RefreshObstacle};
use crate::event::{Event, SignOutReason};
use crate::lifecycle::terms::{
    Answer, Attempt, Effect, Grant, Leased, Loaded, Moment, Progress, Stored, Verdict, Version, Want,
};
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;
use crate::trace::{Because, Decision};

/// How often a token whose answer was lost is sent again before callers are told.
pub(super) const QUICK_RETRIES: u32 = 3;
/// Whoever has the lease refreshes and saves in that time; a store that takes longer hangs.
const LEASE_BUDGET: Duration = Duration::from_secs(20);
/// How long the store may take to be read before a rejection is believed.
pub(super) const LOAD_BUDGET: Duration = Duration::from_secs(5);
/// The status of an answer that was fine, but for somebody else.
const OK: u16 = 200;
const QUICK_RETRY_BASE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub(super) epoch: u64,
    pub(super) held: Held,
    /// False until the tokens of a sign-in are saved or their budget is spent.
    released: bool,
    flight: Option<Flight>,
    backoff: Option<Backoff>,
    breaker: Breaker,
    /// When an answer to the held refresh token was first lost.
    answer_lost: Option<BootTime>,
    saves: Saves,
    /// The lease of the store is held until what this attempt brought is durable.
    lease: Option<Attempt>,
    /// The store is being read to see whether somebody else has written.
    looking: Option<Attempt>,
    ages: Ages,
    /// When the policies are looked at next.
    policy_check: Option<BootTime>,
}

/// A refresh, or the saving of a sign-in, that callers may be waiting for.
#[derive(Clone, Debug)]
struct Flight {
    attempt: Attempt,
    stage: Stage,
    because: Option<Because>,
    waiters: u64,
    retries: u32,
    doubted: bool,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Others who share the store may be refreshing; the lease of it is awaited. `first` is whether nothing of
    /// the session was saved when it was asked for: what is read with it may be of before.
    Leasing { until: BootTime, first: bool },
    /// The refresh token is on its way.
    Sent,
    /// An answer was lost; the token is sent again.
    Paused { until: BootTime },
    /// The server rejected the token; the store is read before that is believed.
    Confirming { reason: SignOutReason, until: BootTime },
    /// New tokens are being saved.
    Saving { next: Next, since: BootTime },
    /// Only others may refresh; the store is being read to see whether they have.
    Looking { until: BootTime },
}

/// What is being saved, and so what happens when it is.
#[derive(Clone, Debug)]
enum Next {
    /// The held tokens, after a sign-in.
    SignedIn,
    Refreshed(Box<Held>),
    /// A refresh token without an access token: the refresh has failed all the same.
    Salvaged(Box<Held>),
}

impl SignedIn {
    /// With tokens that have just arrived; they are being saved. The lease that the session before still had
    /// is kept until then.
    pub(super) fn arrive(
        epoch: u64,
        held: Held,
        attempt: Attempt,
        lease: Option<Attempt>,
        turn: &mut Turn<'_>,
    ) -> Self {
        let stage = Stage::Saving { next: Next::SignedIn, since: turn.at.now };
        let flight = Flight::new(attempt, stage, None);
        let ages = Ages::begin(turn.at.now);
        let mut session = Self { lease, ..Self::new(epoch, held, false, Some(flight), ages) };
        turn.effects.push(Effect::WakeIfOpen(turn.at.now.after(SAVE_BUDGET)));
        session.save(turn);
        session.watch_policies(turn);
        session
    }

    /// With tokens from the store.
    pub(super) fn restore(
        epoch: u64,
        held: Held,
        times: Times,
        generation: Generation,
        turn: &mut Turn<'_>,
    ) -> Self {
        let mut session = Self::new(epoch, held, true, None, Ages::restore(times));
        session.saves.is_durable(session.held.revision, generation);
        session.watch_expiry(turn);
        session
    }

    fn new(epoch: u64, held: Held, released: bool, flight: Option<Flight>, ages: Ages) -> Self {
        Self {
            epoch,
            held,
            released,
            flight,
            backoff: None,
            breaker: Breaker::default(),
            answer_lost: None,
            saves: Saves::default(),
            lease: None,
            looking: None,
            ages,
            policy_check: None,
        }
    }

    pub(super) fn want(&mut self, want: Want, turn: &mut Turn<'_>) -> Answer {
        let now = turn.at.now;
        self.ages.touch(now);
        let renewable = self.held.refresh.is_some();
        let refused = want.refused.is_some_and(|number| number >= self.held.number);
        let expired = self.held.expires_at.is_some_and(|expiry| expiry <= now);
        // A server whose new tokens count as expired on arrival must not cause a refresh for each
        // request: a token is used at least once, and by everybody who waited for it.
        let spent = expired && self.held.used && !self.held.is_for(want.after) && renewable;
        if let Some(access) = &self.held.access
            && self.released
            && !refused
            && !spent
        {
            let access = Arc::clone(access);
            self.held.used = true;
            self.renew_if_due(turn);
            let version = Version { epoch: self.epoch, number: self.held.number };
            let refreshed = self.held.is_for(want.after);
            return Answer::Use { access, version, proven: self.held.proven, refreshed };
        }
        if let Some(flight) = &mut self.flight {
            if want.after != Some(flight.attempt) {
                flight.waiters += 1;
            }
            return Answer::Wait { attempt: flight.attempt, epoch: self.epoch };
        }
        if turn.settings.read_only {
            return self.look(want, turn);
        }
        if !renewable {
            return Answer::NotRenewable;
        }
        if let Some(backoff) = &self.backoff {
            let waited = want.after.is_some_and(|attempt| attempt <= backoff.attempt);
            if waited || backoff.until > now {
                return Answer::Fail(backoff.explain(turn.at));
            }
        }
        if turn.suspended {
            return Answer::Fail(suspended());
        }
        if refused && !self.may_cure(turn) {
            return Answer::PassOn;
        }
        let because = match (&self.held.access, refused) {
            (None, _) => Because::NoAccessToken,
            (_, true) => Because::Refused,
            (_, false) => Because::Expired,
        };
        self.start(because, 1, turn)
    }

    /// Reads the store for a newer token. Whoever has waited for that in vain is told; whoever comes later has the
    /// store read again, because somebody may have refreshed since.
    fn look(&mut self, want: Want, turn: &mut Turn<'_>) -> Answer {
        if let Some(backoff) = &self.backoff
            && want.after.is_some_and(|attempt| attempt <= backoff.attempt)
        {
            return Answer::Fail(backoff.explain(turn.at));
        }
        let attempt = turn.counters.attempt();
        let until = turn.at.now.after(LOAD_BUDGET);
        self.flight = Some(Flight::new(attempt, Stage::Looking { until }, None));
        turn.effects.extend([Effect::Load { attempt }, Effect::WakeIfOpen(until)]);
        Answer::Wait { attempt, epoch: self.epoch }
    }

    fn looked_in_vain(&mut self, problem: Problem, turn: &mut Turn<'_>) {
        let Some(flight) = self.flight.take() else { return };
        self.backoff = Some(Backoff::none(turn.at, flight.attempt, problem));
        turn.effects.push(Effect::Settle);
    }

    /// Whether a refresh may help against a refusal. Counts the held token if it was to help and did not.
    fn may_cure(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.breaker.is_open(turn.at.now) {
            return false;
        }
        let useless = self.held.after_refusal && !self.held.proven;
        if useless && self.breaker.did_not_cure(turn.at.now) {
            turn.note(Decision::BreakerOpened);
            return false;
        }
        true
    }

    /// Renews a token in the background while it is still good, if somebody uses it.
    fn renew_if_due(&mut self, turn: &mut Turn<'_>) {
        let now = turn.at.now;
        let expired = self.held.expires_at.is_some_and(|expiry| expiry <= now);
        let due = self.held.renew_at.is_some_and(|renew_at| renew_at <= now) && !expired && self.held.used;
        let may = !turn.settings.read_only
            && !turn.suspended
            && self.flight.is_none()
            && self.backoff.as_ref().is_none_or(|backoff| backoff.until <= now);
        if due && may && self.released && self.held.refresh.is_some() {
            self.start(Because::Leeway, 0, turn);
        }
    }

    fn start(&mut self, because: Because, waiters: u64, turn: &mut Turn<'_>) -> Answer {
        let attempt = turn.counters.attempt();
        turn.note(Decision::RefreshStarted { attempt, because });
        let until = turn.at.now.after(LEASE_BUDGET);
        let mut flight =
            Flight::new(attempt, Stage::Leasing { until, first: self.saves.is_first() }, Some(because));
        flight.waiters = waiters;
        self.flight = Some(flight);
        if self.lease.is_some() {
            // Still held, because what the last refresh brought is not durable yet: nobody else can have
            // refreshed.
            self.send(turn);
        } else {
            turn.effects.extend([Effect::Lease { attempt }, Effect::WakeIfOpen(until)]);
        }
        Answer::Wait { attempt, epoch: self.epoch }
    }

    /// Whether the lease that this attempt has asked for is still to be gained.
    pub(super) fn awaits_lease(&self, attempt: Attempt) -> bool {
        matches!(&self.flight, Some(Flight { attempt: awaiting, stage: Stage::Leasing { .. }, .. })
            if *awaiting == attempt)
    }

    /// The lease was gained and the store read under it; or it was not gained. Returns the reason if the
    /// session ends with it.
    pub(super) fn leased(
        &mut self,
        attempt: Attempt,
        result: Result<Leased, StoreError>,
        turn: &mut Turn<'_>,
    ) -> Option<SignOutReason> {
        let Some(&Flight { stage: Stage::Leasing { first, .. }, .. }) =
            self.flight.as_ref().filter(|flight| flight.attempt == attempt)
        else {
            turn.effects.extend(result.is_ok().then_some(Effect::Release { attempt }));
            return None;
        };
        let Leased { shared, loaded } = match result {
            Ok(leased) => leased,
            Err(error) => {
                self.fail(None, Problem::Store(error.into()), turn);
                return None;
            }
        };
        self.lease = Some(attempt);
        match loaded {
            loaded if first && self.is_of_before(&loaded) => self.send(turn),
            Loaded::Found(stored) if self.is_successor(&stored, turn) || self.spares_refresh(&stored) => {
                self.adopt(*stored, attempt, turn);
            }
            Loaded::Found(stored) if !self.is_ours(&stored.grant) => return Some(SignOutReason::Elsewhere),
            Loaded::Ended(_) => return Some(SignOutReason::Elsewhere),
            // Sending a token that somebody else may have used up would end the session for both.
            Loaded::Unreadable(error) if shared => {
                let problem = Problem::Store(error);
                self.fail(None, problem, turn);
            }
            Loaded::Found(stored) => {
                self.saves.found(stored.generation);
                self.send(turn);
            }
            Loaded::Absent => {
                // What is in memory is all there is; it is saved again with what the refresh brings.
                self.saves.vanished();
                self.send(turn);
            }
            // What a refresh brings takes the place of what nobody can read.
            Loaded::Lost | Loaded::Unreadable(_) | Loaded::Damaged(_) => self.send(turn),
        }
        None
    }

    /// After an answer that was lost or is doubted. Where the lease was lost as well, somebody else may have used the
    /// token since.
    fn send_again(&mut self, turn: &mut Turn<'_>) {
        match &mut self.flight {
            Some(_) if turn.suspended => self.fail(None, Problem::Suspended, turn),
            Some(flight) if self.lease.is_none() => {
                let until = turn.at.now.after(LEASE_BUDGET);
                flight.stage = Stage::Leasing { until, first: false };
                turn.effects.extend([Effect::Lease { attempt: flight.attempt }, Effect::WakeIfOpen(until)]);
            }
            _ => self.send(turn),
        }
    }

    fn send(&mut self, turn: &mut Turn<'_>) {
        let (Some(flight), Some(token)) = (&mut self.flight, &self.held.refresh) else { return };
        flight.stage = Stage::Sent;
        let (attempt, attempt_id) = (flight.attempt, self.held.attempt_id.clone());
        turn.note(Decision::RefreshSent { attempt, id: attempt_id.as_str().to_owned() });
        turn.effects.push(Effect::Refresh { attempt, token: Arc::clone(token), attempt_id });
    }

    /// The authorization server has answered. (What the verdicts mean is the failure table.)
    pub(super) fn refresh_answered(&mut self, attempt: Attempt, verdict: Verdict, turn: &mut Turn<'_>) {
        let at = turn.at;
        let Some(flight) = &mut self.flight else { return };
        if flight.attempt != attempt || !matches!(flight.stage, Stage::Sent) {
            return;
        }
        turn.note(Decision::RefreshAnswered { attempt, verdict: verdict.name() });
        match verdict {
            // The session of one user does not become that of another.
            Verdict::Rotated(grant) if self.held.is_other_subject(&grant) => {
                self.fail(None, Problem::Unexpected(OK), turn);
            }
            Verdict::Rotated(grant) => {
                let mut next = self.held.rotated(*grant, turn.counters.number(), attempt, at);
                next.after_refusal = flight.because == Some(Because::Refused);
                self.save_next(Next::Refreshed(Box::new(next)), turn);
            }
            Verdict::Salvaged(refresh, attempt_id) => {
                let next = self.held.salvaged(refresh, attempt_id, turn.counters.number());
                self.save_next(Next::Salvaged(Box::new(next)), turn);
            }
            Verdict::Ambiguous => self.answer_was_lost(at, turn),
            Verdict::Rejected { certain: false } if !flight.doubted => {
                flight.doubted = true;
                self.send_again(turn);
            }
            Verdict::Rejected { .. } => {
                let lost = self.answer_lost.is_some();
                let reason = if lost { SignOutReason::RotationLost } else { SignOutReason::Rejected };
                let until = at.now.after(LOAD_BUDGET);
                flight.stage = Stage::Confirming { reason, until };
                turn.effects.extend([Effect::Load { attempt }, Effect::WakeIfOpen(until)]);
            }
            Verdict::Misconfigured(what) => self.fail(None, Problem::Misconfigured(what), turn),
            Verdict::Unavailable { retry_after } => {
                self.fail(retry_after, Problem::Obstacle(RefreshObstacle::Unavailable), turn);
            }
            Verdict::Unreachable => {
                self.fail(None, Problem::Obstacle(RefreshObstacle::Unreachable), turn);
            }
            Verdict::Unexpected { status } => self.fail(None, Problem::Unexpected(status), turn),
        }
    }

    fn save_next(&mut self, next: Next, turn: &mut Turn<'_>) {
        let Some(flight) = &mut self.flight else { return };
        flight.stage = Stage::Saving { next, since: turn.at.now };
        self.answer_lost = None;
        turn.effects.push(Effect::WakeIfOpen(turn.at.now.after(SAVE_BUDGET)));
        self.save(turn);
    }

    /// The server may have rotated the token and the answer may come again: the same token is sent again,
    /// quickly as long as the server's grace may last, on demand afterwards.
    fn answer_was_lost(&mut self, at: Moment, turn: &mut Turn<'_>) {
        let first = *self.answer_lost.get_or_insert(at.now);
        let Some(flight) = &mut self.flight else { return };
        if flight.retries < QUICK_RETRIES && first.until(at.now) < turn.settings.grace {
            let pause = at.jitter(QUICK_RETRY_BASE.saturating_mul(1 << flight.retries));
            flight.retries += 1;
            let until = at.now.after(pause);
            flight.stage = Stage::Paused { until };
            turn.effects.push(Effect::WakeAt(until));
        } else {
            self.fail(None, Problem::Obstacle(RefreshObstacle::AnswerLost), turn);
        }
    }

    /// The refresh has failed for now: its waiters are told, and the next ones at once.
    fn fail(&mut self, retry_after: Option<Duration>, problem: Problem, turn: &mut Turn<'_>) {
        let Some(flight) = self.flight.take() else { return };
        let backoff = Backoff::after(self.backoff.as_ref(), turn.at, flight.attempt, problem, retry_after);
        let error = backoff.explain(turn.at);
        turn.ended(flight.attempt, error.code(), flight.waiters);
        turn.effects.push(Effect::Emit(Event::RefreshFailed {
            code: error.code(),
            retry_after: Some(turn.at.now.until(backoff.until)),
        }));
        if backoff.is_hopeless() {
            turn.effects.push(Effect::Emit(Event::SignInRecommended));
        }
        turn.effects.push(Effect::Settle);
        self.backoff = Some(backoff);
        self.give_lease_back(turn);
    }

    /// Nobody else may read the store before what it must hold is there.
    fn give_lease_back(&mut self, turn: &mut Turn<'_>) {
        if self.saves.has(self.newest().revision) && self.flight.is_none() {
            let lease = self.lease.take();
            turn.effects.extend(lease.map(|attempt| Effect::Release { attempt }));
        }
    }

    /// The store has been read, before a rejection is believed, after a save met somebody else's, or to see
    /// what others did. Returns the reason if the session ends with it.
    pub(super) fn loaded(
        &mut self,
        attempt: Attempt,
        loaded: Loaded,
        turn: &mut Turn<'_>,
    ) -> Option<SignOutReason> {
        let rereading = self.saves.rereading.take_if(|awaited| *awaited == attempt).is_some();
        let looking = self.looking.take_if(|awaited| *awaited == attempt).is_some();
        let rejected = match &self.flight {
            Some(Flight { attempt: awaited, stage: Stage::Confirming { reason, .. }, .. })
                if *awaited == attempt =>
            {
                Some(*reason)
            }
            _ => None,
        };
        let wanted = matches!(&self.flight, Some(Flight { attempt: awaited, stage: Stage::Looking { .. }, .. })
            if *awaited == attempt);
        if !rereading && !looking && !wanted && rejected.is_none() {
            return None;
        }
        turn.note(Decision::StoreRead { attempt, found: loaded.name() });
        let loaded = match loaded {
            // Nobody will find a newer token there.
            Loaded::Damaged(_) if rejected.is_some() => return rejected,
            // Otherwise it makes no difference here who could read it.
            Loaded::Damaged(cause) => Loaded::Unreadable(Error::StoreCorrupt(cause)),
            loaded => loaded,
        };
        match loaded {
            loaded if self.saves.is_first() && self.is_of_before(&loaded) => rejected,
            Loaded::Ended(_) => Some(SignOutReason::Elsewhere),
            // What a refresh brings, or has brought and saves, is not thrown away for it.
            Loaded::Found(stored)
                if !self.is_sent()
                    && (rereading || !self.is_saving())
                    && (self.is_successor(&stored, turn)
                        || looking && self.spares_refresh(&stored) && self.is_outlived(&stored, turn)) =>
            {
                self.adopt(*stored, attempt, turn);
                None
            }
            Loaded::Found(stored) if !self.is_ours(&stored.grant) => Some(SignOutReason::Elsewhere),
            Loaded::Found(stored) if rereading && self.saves.has_tried(&stored.grant.attempt_id) => {
                self.saves.found_own(stored.generation);
                None
            }
            // Nor is the other record overwritten: the next save meets it again, and it is adopted then.
            Loaded::Found(stored) if rereading && !self.is_successor(&stored, turn) => {
                self.saves.found(stored.generation);
                None
            }
            Loaded::Absent if rereading => {
                self.saves.vanished();
                None
            }
            // A store that cannot be read may hold a newer token, or have held one: the session is kept.
            Loaded::Unreadable(error) => {
                if wanted {
                    self.looked_in_vain(Problem::Store(error), turn);
                } else if rejected.is_some() {
                    self.fail(None, Problem::Store(error), turn);
                }
                None
            }
            _ if wanted => {
                self.looked_in_vain(Problem::ReadOnly, turn);
                None
            }
            _ => rejected,
        }
    }

    /// Whether the store held, before anything of this session was saved, what the save will replace: that
    /// says nothing about this session. A record of this very session is the saved one, or a later one.
    fn is_of_before(&self, loaded: &Loaded) -> bool {
        match loaded {
            Loaded::Found(stored) => stored.grant.lineage.as_ref() != Some(&self.held.lineage),
            Loaded::Ended(_) => true,
            Loaded::Absent | Loaded::Lost | Loaded::Unreadable(_) | Loaded::Damaged(_) => false,
        }
    }

    fn is_sent(&self) -> bool {
        matches!(&self.flight, Some(Flight { stage: Stage::Sent, .. }))
    }

    fn is_saving(&self) -> bool {
        matches!(&self.flight, Some(Flight { stage: Stage::Saving { .. }, .. }))
    }

    /// Whether a record is a later one of this session, written by somebody else who shares the store.
    fn is_successor(&self, stored: &Stored, turn: &Turn<'_>) -> bool {
        let Stored { grant, generation, .. } = stored;
        // Whoever refreshes needs the newest refresh token; whoever only reads, the newest access token, also of
        // a server that does not rotate the other.
        let differs = if turn.settings.read_only {
            grant.access.is_some() && grant.access.as_ref() != self.held.access.as_deref()
        } else {
            grant.refresh.is_some() && grant.refresh.as_ref() != self.held.refresh.as_deref()
        };
        differs && self.is_of_somebody_later(grant, *generation)
    }

    /// Whether a record is a later one of this session with the same refresh token, and an access token that is good
    /// for all that is known: where the server keeps the refresh token, a refresh of somebody else changes no more.
    fn spares_refresh(&self, Stored { grant, generation, .. }: &Stored) -> bool {
        grant.refresh.as_ref() == self.held.refresh.as_deref()
            && grant.access.is_some()
            && grant.access.as_ref() != self.held.access.as_deref()
            && grant.remaining.is_none_or(|remaining| !remaining.is_zero())
            && self.is_of_somebody_later(grant, *generation)
    }

    /// Whether the access token of a record is good for longer, for all that is known. What is saved later may have been
    /// got earlier, by somebody who could not save it at once.
    fn is_outlived(&self, stored: &Stored, turn: &Turn<'_>) -> bool {
        match (self.held.expires_at, stored.grant.remaining) {
            (Some(expires_at), Some(remaining)) => expires_at < turn.at.now.after(remaining),
            _ => true,
        }
    }

    fn is_of_somebody_later(&self, grant: &Grant, generation: Generation) -> bool {
        self.is_ours(grant)
            && self.saves.generation.is_none_or(|known| generation > known)
            && !self.saves.has_tried(&grant.attempt_id)
    }

    /// Whether a record belongs to this session, or to a later one of the same user. Without a subject that
    /// can only be told by the session's own name.
    fn is_ours(&self, grant: &Grant) -> bool {
        grant.lineage.as_ref() == Some(&self.held.lineage)
            || (grant.subject.is_some() && grant.subject == self.held.subject)
    }

    /// Takes over tokens that somebody else has saved.
    fn adopt(&mut self, stored: Stored, attempt: Attempt, turn: &mut Turn<'_>) {
        self.replace(Held::stored(stored.grant, turn.counters.number(), turn.at));
        self.saves.is_durable(self.held.revision, stored.generation);
        turn.note(Decision::Adopted { attempt });
        if let Some(flight) = self.flight.take() {
            turn.ended(flight.attempt, "adopted", flight.waiters);
        }
        turn.effects.extend([Effect::Emit(Event::Refreshed), Effect::Settle]);
        self.give_lease_back(turn);
        self.watch_expiry(turn);
    }

    fn replace(&mut self, held: Held) {
        self.held = held;
        self.released = true;
        self.backoff = None;
        self.answer_lost = None;
    }

    fn newest(&self) -> &Held {
        match &self.flight {
            Some(Flight {
                stage: Stage::Saving { next: Next::Refreshed(next) | Next::Salvaged(next), .. },
                ..
            }) => next,
            _ => &self.held,
        }
    }

    fn save(&mut self, turn: &mut Turn<'_>) {
        let newest = self.newest();
        let (revision, attempt_id) = (newest.revision, newest.attempt_id.clone());
        if let Some(expected) = self.saves.begin(revision, &attempt_id) {
            let held = Box::new(self.newest().clone());
            turn.effects.push(Effect::Save { epoch: self.epoch, held, times: self.ages.times(), expected });
        }
    }

    pub(super) fn saved(
        &mut self,
        revision: u64,
        result: Result<Generation, StoreError>,
        turn: &mut Turn<'_>,
    ) {
        match result {
            Ok(generation) => {
                self.saves.succeeded(revision, generation);
                if self.newest().revision == revision {
                    turn.note(Decision::Saved);
                    if std::mem::take(&mut self.saves.degraded) {
                        turn.effects.push(Effect::Emit(Event::PersistenceRestored));
                    }
                    self.release(turn);
                    self.give_lease_back(turn);
                }
            }
            Err(error) => {
                turn.note(Decision::SaveFailed);
                let conflict = error == StoreError::Conflict;
                // Somebody may have signed out meanwhile: until that is known, or the budget spent, nobody gets what
                // would be used in their name. And what was written unconditionally may have been written although
                // it failed: if it was, it must not be written over what somebody else puts there next.
                if conflict || self.saves.is_first() {
                    let attempt = turn.counters.attempt();
                    self.saves.rereading = Some(attempt);
                    turn.effects.push(Effect::Load { attempt });
                }
                if !conflict {
                    self.degrade(turn);
                }
                if matches!(error, StoreError::Refused(_)) {
                    self.saves.refused();
                } else {
                    let retry_at = self.saves.failed(turn.at);
                    turn.effects.push(Effect::WakeAt(retry_at));
                }
            }
        }
        self.save(turn);
    }

    /// The newest tokens are not saved in time: they go into use all the same, and the app is told.
    fn degrade(&mut self, turn: &mut Turn<'_>) {
        if !self.saves.degraded {
            self.saves.degraded = true;
            turn.effects.push(Effect::Emit(Event::PersistenceDegraded));
        }
        self.release(turn);
    }

    /// Lets waiters have the tokens that were being saved.
    fn release(&mut self, turn: &mut Turn<'_>) {
        let saving = |flight: &mut Flight| matches!(flight.stage, Stage::Saving { .. });
        let Some(flight) = self.flight.take_if(saving) else { return };
        let Flight { attempt, stage: Stage::Saving { next, .. }, waiters, .. } = flight.clone() else {
            return;
        };
        self.released = true;
        let event = match next {
            Next::SignedIn => Event::SignedIn,
            Next::Refreshed(next) => {
                self.replace(*next);
                turn.ended(attempt, "refreshed", waiters);
                Event::Refreshed
            }
            Next::Salvaged(next) => {
                self.held = *next;
                self.flight = Some(flight);
                let problem = Problem::Obstacle(RefreshObstacle::NoAccessToken);
                return self.fail(None, problem, turn);
            }
        };
        turn.effects.extend([Effect::Emit(event), Effect::Settle]);
        self.watch_expiry(turn);
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

    /// A server accepted the token with this number.
    pub(super) fn accepted(&mut self, number: u64) {
        if number == self.held.number {
            self.held.proven = true;
        }
    }

    /// Returns the reason if a policy ends the session with what a server's clock says.
    pub(super) fn server_says(&mut self, date: SystemTime, turn: &mut Turn<'_>) -> Option<SignOutReason> {
        self.ages.server_says(date, turn.at.now);
        self.watch_policies(turn);
        self.violated(turn)
    }

    /// Which policy of the app ends the session now, if one does.
    pub(super) fn violated(&self, turn: &Turn<'_>) -> Option<SignOutReason> {
        self.ages.violated(&turn.settings.policies, turn.at.now)
    }

    pub(super) fn since_sign_in(&self, now: BootTime) -> Option<Duration> {
        self.ages.since_sign_in(now)
    }

    /// One timer at a time: a later use of the session moves what it watches, not the timer.
    fn watch_policies(&mut self, turn: &mut Turn<'_>) {
        let left = self.ages.until_violated(&turn.settings.policies, turn.at.now);
        let Some(due) = left.map(|left| turn.at.now.after(left)) else { return };
        if self.policy_check.is_none_or(|watched| due < watched) {
            self.policy_check = Some(due);
            turn.effects.push(Effect::WakeIfOpen(due));
        }
    }

    fn watch_expiry(&self, turn: &mut Turn<'_>) {
        let renewable = self.held.refresh.is_some() && !turn.settings.read_only;
        let renew_at = self.held.renew_at.filter(|renew_at| renewable && *renew_at > turn.at.now);
        turn.effects.extend(renew_at.map(Effect::WakeIfOpen));
    }

    pub(super) fn network_changed(&mut self, turn: &mut Turn<'_>) {
        self.backoff.take_if(|backoff| !backoff.was_asked_for());
        let paused = matches!(&self.flight, Some(Flight { stage: Stage::Paused { .. }, .. }));
        if paused && !turn.suspended {
            self.send_again(turn);
        }
    }

    /// The process is about to be suspended, and the lease is gone. A refresh that has not been sent is given up: what
    /// was read under the lease says nothing about the time after, when another process may have refreshed. One whose
    /// answer was lost stays paused until the process goes on.
    pub(super) fn suspended(&mut self, turn: &mut Turn<'_>) {
        self.hand_lease_over();
        if matches!(&self.flight, Some(Flight { stage: Stage::Leasing { .. }, .. })) {
            self.fail(None, Problem::Suspended, turn);
        }
    }

    /// The process was about to be suspended, and goes on.
    pub(super) fn goes_on(&mut self, turn: &mut Turn<'_>) {
        if let Some(backoff) = &mut self.backoff {
            backoff.end_suspension(turn.at);
        }
        self.tick(turn);
    }

    /// The app is in the foreground again: somebody else may have written, and timers may have slept.
    pub(super) fn resumed(&mut self, turn: &mut Turn<'_>) {
        if self.looking.is_none() {
            let attempt = turn.counters.attempt();
            self.looking = Some(attempt);
            turn.effects.push(Effect::Load { attempt });
        }
        self.saves.retry();
        self.save(turn);
        self.goes_on(turn);
    }

    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        let now = turn.at.now;
        match &self.flight {
            Some(Flight { stage: Stage::Paused { until }, .. }) if *until <= now && !turn.suspended => {
                self.send_again(turn);
            }
            Some(Flight { stage: Stage::Saving { since, .. }, .. }) if since.until(now) >= SAVE_BUDGET => {
                self.degrade(turn);
            }
            Some(Flight { stage: Stage::Looking { until }, .. }) if *until <= now => {
                self.looked_in_vain(Problem::Store(unanswered()), turn);
            }
            // The store hangs: whoever waits is told, and what it says later is dealt with then.
            Some(Flight {
                stage: Stage::Leasing { until, .. } | Stage::Confirming { until, .. }, ..
            }) if *until <= now => {
                self.fail(None, Problem::Store(unanswered()), turn);
            }
            _ => {}
        }
        if self.saves.due(now) {
            self.save(turn);
        }
        self.renew_if_due(turn);
        if self.policy_check.take_if(|due| *due <= now).is_some() {
            self.watch_policies(turn);
        }
    }

    /// What the slot must hold for a tombstone that the user has not asked for: somebody else may have
    /// signed in on the store, and theirs stays. `None` where nothing of this session is there.
    pub(super) fn expected(&self) -> Option<Expected> {
        self.saves.expected()
    }

    /// The lease, for what comes after this session: a refresh may be under way, and whoever read the store
    /// before the end of the session is in it would send the same token.
    pub(super) fn hand_lease_over(&mut self) -> Option<Attempt> {
        self.lease.take()
    }

    /// The session is over: what is revoked now if the user wanted it so, and what is decided when a refresh
    /// under way is answered.
    pub(super) fn abandon(&mut self, revoked: bool, turn: &mut Turn<'_>) -> Option<(Attempt, Held)> {
        if let Some(flight) = &self.flight
            && flight.because.is_some()
        {
            turn.ended(flight.attempt, "session_ended", flight.waiters);
        }
        if !revoked {
            return None;
        }
        let newest = self.newest();
        match &self.flight {
            // The server may be rotating this very token: revoking it now could look like the reuse of a
            // stolen one.
            Some(Flight { attempt, stage: Stage::Sent, .. }) => Some((*attempt, newest.clone())),
            _ => {
                turn.effects.extend(revoke(newest.refresh.clone(), newest.access.clone()));
                None
            }
        }
    }
}

fn unanswered() -> Error {
    Error::StoreUnavailable("the store did not answer in time".into())
}

impl Flight {
    fn new(attempt: Attempt, stage: Stage, because: Option<Because>) -> Self {
        Self { attempt, stage, because, waiters: 0, retries: 0, doubted: false }
    }
}

#[cfg(test)]
impl SignedIn {
    pub(super) fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        let Self { epoch, held, released, flight, backoff, breaker, .. } = self;
        print.epoch(Some(*epoch));
        held.fingerprint(print);
        print.add((released, flight.is_some(), backoff.is_some()));
        if let Some(flight) = flight {
            flight.fingerprint(print);
        }
        if let Some(backoff) = backoff {
            backoff.fingerprint(print);
        }
        breaker.fingerprint(print);
        // The ages and their timer decide something only under policies, which are explored by nobody.
        let Self { answer_lost, saves, lease, looking, ages: _, policy_check: _, .. } = self;
        print.since(*answer_lost, super::GRACE);
        saves.fingerprint(print);
        print.attempt(*lease);
        print.attempt(*looking);
    }
}

#[cfg(test)]
impl Flight {
    fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        // How many wait is only told.
        let Self { attempt, stage, because, waiters: _, retries, doubted } = self;
        print.attempt(Some(*attempt));
        print.add((std::mem::discriminant(stage), because, retries, doubted));
        match stage {
            Stage::Leasing { until, first } => {
                print.deadline(Some(*until));
                print.add(first);
            }
            Stage::Paused { until } | Stage::Looking { until } => print.deadline(Some(*until)),
            Stage::Sent => {}
            Stage::Confirming { reason, until } => {
                print.add(reason);
                print.deadline(Some(*until));
            }
            Stage::Saving { next, since } => {
                print.since(Some(*since), SAVE_BUDGET);
                print.add(std::mem::discriminant(next));
                if let Next::Refreshed(held) | Next::Salvaged(held) = next {
                    held.fingerprint(print);
                }
            }
        }
    }
}
