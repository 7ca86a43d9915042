//! The rules: every decision about tokens is made here, by functions of the state and an input that
//! return what is to be done. No clock, no randomness and no I/O: the [`Moment`] brings the first two, and
//! the driver carries out the [`Effect`]s and reports what came of them.
//!
//! A token set has a version: the epoch, which advances with every sign-in and sign-out, and a number,
//! which advances with every token set. Whoever needs a token asks with [`Machine::want`]; who is told to
//! wait asks again after the next [`Effect::Settle`].

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::record::AttemptId;
use crate::error::{Error, RefreshObstacle};
use crate::event::{Event, SignOutReason};
use crate::secret::Secret;
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;

/// A token is renewed in the background when this much of its life is left, or a tenth of its life where
/// that is shorter: long enough for a slow network, short enough not to waste much of the token.
const LEEWAY: Duration = Duration::from_secs(60);
/// Waiters are released after this long even if the new tokens are not saved yet: a stuck disk must not
/// stop the app.
pub(crate) const SAVE_BUDGET: Duration = Duration::from_secs(2);
/// While an answer may have been lost, the same token is sent again only within this time: the grace
/// that common authorization servers allow for a retry is no longer.
const GRACE: Duration = Duration::from_secs(30);
/// How often it is sent again before callers are told.
const QUICK_RETRIES: u32 = 3;
const QUICK_RETRY_BASE: Duration = Duration::from_millis(200);
const BACKOFF_BASE: Duration = Duration::from_secs(1);
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// A server that asks for more patience than this is asked again after this long.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(300);

/// When an input arrives: the time, and random bits for jitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: BootTime,
    pub(crate) entropy: u32,
}

impl Moment {
    /// A random duration between nothing and all of `most` ("full jitter").
    fn jitter(self, most: Duration) -> Duration {
        most.mul_f64(f64::from(self.entropy) / f64::from(u32::MAX))
    }
}

/// Names one refresh, one sign-in or one sign-out, from its start to its settlement.
pub(crate) type Attempt = u64;

/// Names a sign-in that has begun; a later sign-in or sign-out supersedes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intent(u64);

/// Which tokens a request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

/// Tokens as they arrive from a server, from the app or from the store.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    /// Missing where only a refresh token is handed over: the first request refreshes then.
    pub(crate) access: Option<Secret>,
    pub(crate) refresh: Option<Secret>,
    /// How long the access token lives, and how much of that is left.
    pub(crate) lifetime: Option<Duration>,
    pub(crate) remaining: Option<Duration>,
    pub(crate) attempt_id: AttemptId,
    pub(crate) subject: Option<String>,
    pub(crate) claims: Option<Arc<Map<String, Value>>>,
}

/// Tokens in use.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) number: u64,
    pub(crate) access: Option<Arc<Secret>>,
    pub(crate) refresh: Option<Arc<Secret>>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) expires_at: Option<BootTime>,
    pub(crate) attempt_id: AttemptId,
    pub(crate) subject: Option<String>,
    pub(crate) claims: Option<Arc<Map<String, Value>>>,
    renew_at: Option<BootTime>,
    /// The attempt that brought these tokens: its waiters may use them whatever their expiry says.
    made_by: Attempt,
    used: bool,
}

/// What the authorization server's answer to a refresh means (the failure table).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// New tokens; without a refresh token among them, the old one stays in use.
    Rotated(Box<Grant>),
    /// A new refresh token, and no access token.
    Salvaged(Secret, AttemptId),
    /// The request may have taken effect, but no usable answer came.
    Ambiguous,
    /// The refresh token is no good. `certain` is false where the answer may come from something in
    /// between that knows nothing about tokens.
    Rejected { certain: bool },
    /// This client is set up wrongly.
    Misconfigured(String),
    /// Not now.
    Unavailable { retry_after: Option<Duration> },
    /// Nothing was sent.
    Unreachable,
    /// An answer that means nothing here.
    Unexpected { status: u16 },
}

/// What the store said when it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Loaded {
    Found(Box<Grant>, Generation),
    Ended(SignOutReason),
    Absent,
    /// Not readable now, or not at all; callers get this error.
    Unreadable(Error),
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Loaded { attempt: Attempt, loaded: Loaded },
    RefreshAnswered { attempt: Attempt, verdict: Verdict },
    Saved { epoch: u64, number: u64, result: Result<Generation, StoreError> },
    Erased { attempt: Attempt, result: Result<Generation, StoreError> },
    NetworkChanged,
    Tick,
}

/// What the driver must do, in this order.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Read the store.
    Load { attempt: Attempt },
    /// Send the refresh token.
    Refresh { attempt: Attempt, token: Arc<Secret>, attempt_id: AttemptId },
    /// Save these tokens.
    Save { epoch: u64, held: Box<Held>, expected: Expected },
    /// Leave a tombstone.
    Erase { attempt: Attempt, reason: SignOutReason },
    /// Tell the server that these tokens are not needed any more; nobody waits for it.
    Revoke { refresh: Arc<Secret>, access: Option<Arc<Secret>> },
    /// Tell the app.
    Emit(Event),
    /// Let everybody who waits ask again.
    Settle,
    /// Come back with a tick.
    WakeAt(BootTime),
}

/// Who needs a token, and what they know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Want {
    /// The epoch the request belongs to, once it has one.
    pub(crate) epoch: Option<u64>,
    /// The number of the token that a server refused.
    pub(crate) refused: Option<u64>,
    /// The attempt that was waited for.
    pub(crate) after: Option<Attempt>,
}

/// What they get.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Use {
        access: Arc<Secret>,
        version: Version,
    },
    Wait(Attempt),
    Fail(Error),
    /// The token was refused and cannot be renewed: there is no refresh token.
    NotRenewable,
}

/// How far a sign-in or sign-out is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    Pending,
    Done,
    Failed(StoreError),
}

#[derive(Debug)]
pub(crate) struct Machine {
    epoch: u64,
    numbers: u64,
    attempts: Attempt,
    intents: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Restoring {
        attempt: Attempt,
    },
    /// The store could not be read; it is read again when somebody needs it.
    Locked {
        attempt: Attempt,
        cause: Error,
    },
    SignedOut(SignedOut),
    SignedIn(Box<SignedIn>),
}

#[derive(Debug)]
struct SignedOut {
    reason: SignOutReason,
    /// The epoch that ended with this, for its requests.
    ended: Option<u64>,
    erasure: Option<Erasure>,
    /// A refresh that was on its way when the user signed out, and the tokens that it set out with.
    orphan: Option<(Attempt, Held)>,
}

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

#[derive(Debug)]
struct SignedIn {
    held: Held,
    /// False until the tokens of a sign-in are saved or their budget is spent.
    released: bool,
    flight: Option<Flight>,
    backoff: Option<Backoff>,
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

#[derive(Clone, Debug)]
struct Backoff {
    attempt: Attempt,
    failures: u32,
    until: BootTime,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq)]
enum Problem {
    Obstacle(RefreshObstacle),
    Misconfigured(String),
    Unexpected(u16),
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

impl Machine {
    /// A machine that is reading the store for the first time.
    pub(crate) fn open() -> (Self, Vec<Effect>) {
        let attempt = 1;
        let machine =
            Self { epoch: 1, numbers: 0, attempts: attempt, intents: 0, phase: Phase::Restoring { attempt } };
        (machine, vec![Effect::Load { attempt }])
    }

    pub(crate) fn phase(&self) -> View<'_> {
        match &self.phase {
            Phase::Restoring { .. } => View::Restoring,
            Phase::Locked { cause, .. } => View::Locked(cause),
            Phase::SignedOut(out) => View::SignedOut(out.reason),
            Phase::SignedIn(session) => View::SignedIn(&session.held),
        }
    }

    /// Decides what somebody who needs a token gets. This is the request path: with a usable token it
    /// allocates nothing.
    pub(crate) fn want(&mut self, at: Moment, want: Want) -> (Answer, Vec<Effect>) {
        let epoch = self.epoch;
        match &mut self.phase {
            Phase::Restoring { attempt } => (Answer::Wait(*attempt), Vec::new()),
            Phase::Locked { attempt, cause } if want.after == Some(*attempt) => {
                (Answer::Fail(cause.clone()), Vec::new())
            }
            Phase::Locked { .. } => {
                self.attempts += 1;
                let attempt = self.attempts;
                self.phase = Phase::Restoring { attempt };
                (Answer::Wait(attempt), vec![Effect::Load { attempt }])
            }
            Phase::SignedOut(out) => (Answer::Fail(out.explain(want.epoch)), Vec::new()),
            Phase::SignedIn(_) if want.epoch.is_some_and(|wanted| wanted != epoch) => {
                (Answer::Fail(Error::SessionChanged), Vec::new())
            }
            Phase::SignedIn(session) => {
                let mut effects = Vec::new();
                let answer = session.want(at, want, epoch, &mut self.attempts, &mut effects);
                (answer, effects)
            }
        }
    }

    /// Begins a sign-in: what it brings counts only if nobody signs in or out in the meantime.
    pub(crate) fn begin_sign_in(&mut self) -> Intent {
        self.intents += 1;
        Intent(self.intents)
    }

    /// Ends a sign-in with tokens. They take effect at once; the attempt is done when they are saved.
    pub(crate) fn sign_in(
        &mut self,
        at: Moment,
        intent: Intent,
        grant: Grant,
    ) -> (Result<Attempt, Error>, Vec<Effect>) {
        if intent.0 != self.intents {
            // Revoking after somebody else has signed in could end their session: many servers revoke
            // all tokens of a grant at once.
            let abandoned = matches!(&self.phase, Phase::SignedOut(out) if out.reason == SignOutReason::User);
            let effects = match grant.refresh {
                Some(refresh) if abandoned => vec![revoke(refresh, grant.access)],
                _ => Vec::new(),
            };
            return (Err(Error::SessionChanged), effects);
        }
        self.epoch += 1;
        self.attempts += 1;
        self.numbers += 1;
        let attempt = self.attempts;
        let held = Held::new(grant, None, self.numbers, attempt, at);
        let mut session = SignedIn::new(held, false);
        session.flight = Some(Flight::new(attempt, Stage::Saving { next: None, since: at.now }));
        // Whoever waited in the session before must ask again.
        let mut effects = vec![Effect::Settle, Effect::WakeAt(at.now.after(SAVE_BUDGET))];
        session.save(self.epoch, &mut effects);
        self.phase = Phase::SignedIn(Box::new(session));
        (Ok(attempt), effects)
    }

    /// The user signs out. It takes effect at once; the attempt is done when the tombstone is durable.
    pub(crate) fn sign_out(&mut self, at: Moment) -> (Attempt, Vec<Effect>) {
        self.intents += 1;
        if let Phase::SignedOut(out) = &mut self.phase {
            // Already: only an erasure that has failed is tried again.
            return match &mut out.erasure {
                Some(erasure) => {
                    let effects = if matches!(erasure.stage, Erasing::Failed { .. }) {
                        erasure.run(at, out.reason)
                    } else {
                        Vec::new()
                    };
                    (erasure.attempt, effects)
                }
                None => (self.attempts, Vec::new()),
            };
        }
        let mut effects = Vec::new();
        let mut orphan = None;
        if let Phase::SignedIn(session) = &mut self.phase {
            let newest = session.newest().clone();
            match (&session.flight, &newest.refresh) {
                // The server may be rotating this very token: revoking it now could look like the reuse of
                // a stolen one. The answer decides what is revoked.
                (Some(Flight { attempt, stage: Stage::Sent, .. }), _) => orphan = Some((*attempt, newest)),
                (_, Some(refresh)) => {
                    effects.push(Effect::Revoke { refresh: refresh.clone(), access: newest.access.clone() });
                }
                (_, None) => {}
            }
        }
        self.end(at, SignOutReason::User, orphan, &mut effects);
        (self.attempts, effects)
    }

    /// How far the sign-in or sign-out with this attempt is.
    pub(crate) fn progress(&self, attempt: Attempt) -> Progress {
        match &self.phase {
            Phase::SignedIn(session) => match &session.flight {
                Some(Flight { attempt: running, stage: Stage::Saving { .. }, .. }) if *running == attempt => {
                    Progress::Pending
                }
                _ => Progress::Done,
            },
            Phase::SignedOut(SignedOut { erasure: Some(erasure), .. }) if erasure.attempt == attempt => {
                match &erasure.stage {
                    Erasing::Running => Progress::Pending,
                    Erasing::Done => Progress::Done,
                    Erasing::Failed { error, .. } => Progress::Failed(error.clone()),
                }
            }
            _ => Progress::Done,
        }
    }

    pub(crate) fn apply(&mut self, at: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Loaded { attempt, loaded } => self.loaded(at, attempt, loaded, &mut effects),
            Input::RefreshAnswered { attempt, verdict } => {
                self.refresh_answered(at, attempt, verdict, &mut effects);
            }
            Input::Saved { epoch, number, result } if epoch == self.epoch => {
                self.saved(at, number, result, &mut effects);
            }
            // A save of an epoch that has ended: what was written after it counts.
            Input::Saved { .. } => {}
            Input::Erased { attempt, result } => self.erased(at, attempt, result, &mut effects),
            Input::NetworkChanged => self.network_changed(at, &mut effects),
            Input::Tick => self.tick(at, &mut effects),
        }
        effects
    }

    fn loaded(&mut self, at: Moment, attempt: Attempt, loaded: Loaded, effects: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::Restoring { attempt: awaited } if *awaited == attempt => {
                self.phase = match loaded {
                    Loaded::Found(grant, generation) => {
                        self.numbers += 1;
                        let mut held = Held::new(*grant, None, self.numbers, attempt, at);
                        // An earlier process may have used it.
                        held.used = true;
                        let number = held.number;
                        let mut session = SignedIn::new(held, true);
                        session.saves.generation = Some(generation);
                        session.saves.durable = Some(number);
                        Phase::SignedIn(Box::new(session))
                    }
                    Loaded::Ended(reason) => Phase::SignedOut(SignedOut::quietly(reason)),
                    Loaded::Absent => Phase::SignedOut(SignedOut::quietly(SignOutReason::NeverSignedIn)),
                    Loaded::Unreadable(cause) => Phase::Locked { attempt, cause },
                };
                effects.push(Effect::Settle);
            }
            Phase::SignedIn(session) if session.saves.rereading == Some(attempt) => {
                session.saves.rereading = None;
                match loaded {
                    Loaded::Ended(_) => self.end(at, SignOutReason::Elsewhere, None, effects),
                    Loaded::Found(_, generation) => session.saves.generation = Some(generation),
                    Loaded::Absent => session.saves.generation = None,
                    Loaded::Unreadable(_) => {}
                }
            }
            Phase::SignedIn(session) => {
                let Some(Flight { attempt: awaited, stage: Stage::Confirming { reason }, .. }) =
                    &session.flight
                else {
                    return;
                };
                if *awaited != attempt {
                    return;
                }
                let reason = *reason;
                match loaded {
                    // Somebody else on this store has rotated the token: theirs is the one to use.
                    Loaded::Found(grant, generation) if session.is_successor(&grant, generation) => {
                        self.numbers += 1;
                        let old = session.held.refresh.clone();
                        let held = Held::new(*grant, old, self.numbers, attempt, at);
                        session.replace(held);
                        session.saves.generation = Some(generation);
                        session.saves.durable = Some(self.numbers);
                        session.flight = None;
                        effects.extend([Effect::Emit(Event::Refreshed), Effect::Settle]);
                    }
                    Loaded::Ended(_) => self.end(at, SignOutReason::Elsewhere, None, effects),
                    _ => self.end(at, reason, None, effects),
                }
            }
            _ => {}
        }
    }

    fn refresh_answered(
        &mut self,
        at: Moment,
        attempt: Attempt,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) {
        let epoch = self.epoch;
        let session = match &mut self.phase {
            Phase::SignedIn(session) => session,
            Phase::SignedOut(out) => {
                out.orphan_answered(attempt, verdict, effects);
                return;
            }
            _ => return,
        };
        let Some(flight) = &mut session.flight else { return };
        if flight.attempt != attempt || !matches!(flight.stage, Stage::Sent) {
            return;
        }
        match verdict {
            Verdict::Rotated(grant) => {
                self.numbers += 1;
                let old = session.held.refresh.clone();
                let next = Held::new(*grant, old, self.numbers, attempt, at);
                flight.stage = Stage::Saving { next: Some(Box::new(next)), since: at.now };
                session.answer_lost = None;
                effects.push(Effect::WakeAt(at.now.after(SAVE_BUDGET)));
                session.save(epoch, effects);
            }
            Verdict::Salvaged(refresh, attempt_id) => {
                // The access token is the old one, and so is its number: it stays refused where it was.
                session.held.refresh = Some(Arc::new(refresh));
                session.held.attempt_id = attempt_id;
                session.answer_lost = None;
                session.saves.durable = None;
                session.fail(at, None, Problem::Obstacle(RefreshObstacle::NoAccessToken), effects);
                session.save(epoch, effects);
            }
            Verdict::Ambiguous => {
                let first = *session.answer_lost.get_or_insert(at.now);
                let quick = flight.retries < QUICK_RETRIES && first.until(at.now) < GRACE;
                if quick {
                    let pause = at.jitter(QUICK_RETRY_BASE.saturating_mul(1 << flight.retries));
                    flight.retries += 1;
                    let until = at.now.after(pause);
                    flight.stage = Stage::Paused { until };
                    effects.push(Effect::WakeAt(until));
                } else {
                    session.fail(at, None, Problem::Obstacle(RefreshObstacle::AnswerLost), effects);
                }
            }
            Verdict::Rejected { certain: false } if !flight.doubted => {
                flight.doubted = true;
                session.send(effects);
            }
            Verdict::Rejected { .. } => {
                let reason = if session.answer_lost.is_some() {
                    SignOutReason::RotationLost
                } else {
                    SignOutReason::Rejected
                };
                flight.stage = Stage::Confirming { reason };
                effects.push(Effect::Load { attempt });
            }
            Verdict::Misconfigured(what) => {
                session.fail(at, None, Problem::Misconfigured(what), effects);
            }
            Verdict::Unavailable { retry_after } => {
                session.fail(at, retry_after, Problem::Obstacle(RefreshObstacle::Unavailable), effects);
            }
            Verdict::Unreachable => {
                session.fail(at, None, Problem::Obstacle(RefreshObstacle::Unreachable), effects);
            }
            Verdict::Unexpected { status } => {
                session.fail(at, None, Problem::Unexpected(status), effects);
            }
        }
    }

    fn saved(
        &mut self,
        at: Moment,
        number: u64,
        result: Result<Generation, StoreError>,
        effects: &mut Vec<Effect>,
    ) {
        let Phase::SignedIn(session) = &mut self.phase else { return };
        session.saves.running = None;
        match result {
            Ok(generation) => {
                session.saves.generation = Some(generation);
                session.saves.durable = Some(number);
                session.saves.failures = 0;
                session.saves.retry_at = None;
                if session.newest().number == number {
                    if std::mem::take(&mut session.saves.degraded) {
                        effects.push(Effect::Emit(Event::PersistenceRestored));
                    }
                    session.release(effects);
                }
            }
            Err(error) => {
                session.degrade(effects);
                if error == StoreError::Conflict {
                    self.attempts += 1;
                    session.saves.rereading = Some(self.attempts);
                    effects.push(Effect::Load { attempt: self.attempts });
                }
                let pause = backoff(at, session.saves.failures);
                session.saves.failures = session.saves.failures.saturating_add(1);
                let retry_at = at.now.after(pause);
                session.saves.retry_at = Some(retry_at);
                effects.push(Effect::WakeAt(retry_at));
            }
        }
        session.save(self.epoch, effects);
    }

    fn erased(
        &mut self,
        at: Moment,
        attempt: Attempt,
        result: Result<Generation, StoreError>,
        effects: &mut Vec<Effect>,
    ) {
        let Phase::SignedOut(SignedOut { erasure: Some(erasure), .. }) = &mut self.phase else { return };
        if erasure.attempt != attempt {
            return;
        }
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

    fn network_changed(&mut self, at: Moment, effects: &mut Vec<Effect>) {
        if let Phase::SignedIn(session) = &mut self.phase {
            session.backoff = None;
            session.resume_paused(at, true, effects);
        }
    }

    fn tick(&mut self, at: Moment, effects: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::SignedIn(session) => {
                session.resume_paused(at, false, effects);
                if let Some(Flight { stage: Stage::Saving { since, .. }, .. }) = &session.flight
                    && since.until(at.now) >= SAVE_BUDGET
                {
                    session.degrade(effects);
                }
                if session.saves.retry_at.is_some_and(|retry_at| retry_at <= at.now) {
                    session.saves.retry_at = None;
                    session.save(self.epoch, effects);
                }
            }
            Phase::SignedOut(SignedOut { reason, erasure: Some(erasure), .. }) => match &erasure.stage {
                Erasing::Failed { retry_at, .. } if *retry_at <= at.now => {
                    effects.extend(erasure.run(at, *reason));
                }
                Erasing::Running if erasure.started.until(at.now) >= SAVE_BUDGET => {
                    // Whoever signs out is not held up by a stuck store; the erasure goes on.
                    let error = StoreError::Transient("the store did not answer in time".into());
                    erasure.fail(at, error, effects);
                    effects.push(Effect::Settle);
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// Ends the session: everything of its epoch is void from here on.
    fn end(
        &mut self,
        at: Moment,
        reason: SignOutReason,
        orphan: Option<(Attempt, Held)>,
        effects: &mut Vec<Effect>,
    ) {
        let ended = self.epoch;
        self.epoch += 1;
        self.attempts += 1;
        let mut erasure = Erasure { attempt: self.attempts, started: at.now, stage: Erasing::Running };
        effects.extend([Effect::Emit(Event::SignedOut { reason }), Effect::Settle]);
        effects.extend(erasure.run(at, reason));
        self.phase =
            Phase::SignedOut(SignedOut { reason, ended: Some(ended), erasure: Some(erasure), orphan });
    }
}

/// The state as the driver shows it.
pub(crate) enum View<'a> {
    Restoring,
    Locked(&'a Error),
    SignedOut(SignOutReason),
    SignedIn(&'a Held),
}

impl Held {
    fn new(grant: Grant, refresh: Option<Arc<Secret>>, number: u64, made_by: Attempt, at: Moment) -> Self {
        let expires_at = grant.remaining.map(|remaining| at.now.after(remaining));
        let leeway = LEEWAY.min(grant.lifetime.or(grant.remaining).unwrap_or_default() / 10);
        // Jitter, so that devices which signed in together do not refresh together.
        let renew_at = expires_at.map(|expiry| expiry.before(leeway).after(at.jitter(leeway / 4)));
        Self {
            number,
            access: grant.access.map(Arc::new),
            refresh: grant.refresh.map(Arc::new).or(refresh),
            lifetime: grant.lifetime,
            expires_at,
            attempt_id: grant.attempt_id,
            subject: grant.subject,
            claims: grant.claims,
            renew_at,
            made_by,
            used: false,
        }
    }
}

impl SignedOut {
    /// Signed out since before this process: nothing has to be erased.
    fn quietly(reason: SignOutReason) -> Self {
        Self { reason, ended: None, erasure: None, orphan: None }
    }

    fn explain(&self, epoch: Option<u64>) -> Error {
        let reason = self.reason;
        match epoch {
            None => Error::SignedOut { reason },
            Some(epoch) if Some(epoch) == self.ended && reason != SignOutReason::User => {
                Error::SessionEnded { reason }
            }
            Some(_) => Error::SessionChanged,
        }
    }

    /// A refresh that was on its way when the user signed out has been answered: what it brought is not
    /// used, and the newest token is revoked.
    fn orphan_answered(&mut self, attempt: Attempt, verdict: Verdict, effects: &mut Vec<Effect>) {
        if self.orphan.as_ref().is_none_or(|(awaited, _)| *awaited != attempt) {
            return;
        }
        let Some((_, held)) = self.orphan.take() else { return };
        match verdict {
            Verdict::Rotated(grant) => {
                let refresh = grant.refresh.map(Arc::new).or(held.refresh);
                let access = grant.access.map(Arc::new);
                effects.extend(refresh.map(|refresh| Effect::Revoke { refresh, access }));
            }
            Verdict::Salvaged(refresh, _) => {
                effects.push(Effect::Revoke { refresh: Arc::new(refresh), access: held.access });
            }
            Verdict::Rejected { .. } => {}
            _ => effects.extend(held.refresh.map(|refresh| Effect::Revoke { refresh, access: held.access })),
        }
    }
}

impl Erasure {
    fn run(&mut self, at: Moment, reason: SignOutReason) -> Vec<Effect> {
        self.started = at.now;
        self.stage = Erasing::Running;
        vec![Effect::Erase { attempt: self.attempt, reason }, Effect::WakeAt(at.now.after(SAVE_BUDGET))]
    }

    fn fail(&mut self, at: Moment, error: StoreError, effects: &mut Vec<Effect>) {
        let failures = match &self.stage {
            Erasing::Failed { failures, .. } => *failures,
            _ => 0,
        };
        if failures == 0 {
            effects.push(Effect::Emit(Event::PersistenceDegraded));
        }
        let retry_at = at.now.after(BACKOFF_BASE + backoff(at, failures));
        self.stage = Erasing::Failed { failures: failures.saturating_add(1), retry_at, error };
        effects.push(Effect::WakeAt(retry_at));
    }
}

impl Flight {
    fn new(attempt: Attempt, stage: Stage) -> Self {
        Self { attempt, stage, retries: 0, doubted: false }
    }
}

impl SignedIn {
    fn new(held: Held, released: bool) -> Self {
        Self { held, released, flight: None, backoff: None, answer_lost: None, saves: Saves::default() }
    }

    fn want(
        &mut self,
        at: Moment,
        want: Want,
        epoch: u64,
        attempts: &mut Attempt,
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
            let access = access.clone();
            self.held.used = true;
            let due = !expired && self.held.renew_at.is_some_and(|renew_at| renew_at <= at.now);
            if due && renewable && self.may_refresh(at) {
                self.start(attempts, effects);
            }
            let version = Version { epoch, number: self.held.number };
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
        Answer::Wait(self.start(attempts, effects))
    }

    fn may_refresh(&self, at: Moment) -> bool {
        self.flight.is_none() && self.backoff.as_ref().is_none_or(|backoff| backoff.until <= at.now)
    }

    fn start(&mut self, attempts: &mut Attempt, effects: &mut Vec<Effect>) -> Attempt {
        *attempts += 1;
        self.flight = Some(Flight::new(*attempts, Stage::Sent));
        self.send(effects);
        *attempts
    }

    fn send(&mut self, effects: &mut Vec<Effect>) {
        let (Some(flight), Some(token)) = (&mut self.flight, &self.held.refresh) else { return };
        flight.stage = Stage::Sent;
        effects.push(Effect::Refresh {
            attempt: flight.attempt,
            token: token.clone(),
            attempt_id: self.held.attempt_id.clone(),
        });
    }

    fn resume_paused(&mut self, at: Moment, at_once: bool, effects: &mut Vec<Effect>) {
        if let Some(Flight { stage: Stage::Paused { until }, .. }) = &self.flight
            && (at_once || *until <= at.now)
        {
            self.send(effects);
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
        let failures = self.backoff.as_ref().map_or(0, |backoff| backoff.failures);
        let pause = match retry_after {
            Some(asked) => asked.min(RETRY_AFTER_CAP),
            None => backoff(at, failures),
        };
        let backoff = Backoff {
            attempt: flight.attempt,
            failures: failures.saturating_add(1),
            until: at.now.after(pause),
            problem,
        };
        let error = backoff.explain(at);
        self.backoff = Some(backoff);
        effects.extend([
            Effect::Emit(Event::RefreshFailed { code: error.code(), retry_after: error.retry_after() }),
            Effect::Settle,
        ]);
    }

    fn newest(&self) -> &Held {
        match &self.flight {
            Some(Flight { stage: Stage::Saving { next: Some(next), .. }, .. }) => next,
            _ => &self.held,
        }
    }

    /// Starts saving what is newest, unless that is saved, or a save is running or waits for its time.
    fn save(&mut self, epoch: u64, effects: &mut Vec<Effect>) {
        let newest = self.newest();
        if self.saves.running.is_some()
            || self.saves.retry_at.is_some()
            || self.saves.durable == Some(newest.number)
        {
            return;
        }
        let expected = self.saves.generation.map_or(Expected::Any, Expected::Generation);
        effects.push(Effect::Save { epoch, held: Box::new(newest.clone()), expected });
        self.saves.running = Some(newest.number);
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
        let Some(Flight { stage: Stage::Saving { .. }, .. }) = &self.flight else { return };
        let Some(Flight { stage: Stage::Saving { next, .. }, .. }) = self.flight.take() else { return };
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

    fn replace(&mut self, held: Held) {
        self.held = held;
        self.backoff = None;
        self.answer_lost = None;
    }

    /// Whether a record is a later one of this session, written by somebody else who shares the store.
    fn is_successor(&self, grant: &Grant, generation: Generation) -> bool {
        grant.subject == self.held.subject
            && self.saves.generation.is_none_or(|known| generation > known)
            && grant.refresh.is_some()
            && grant.refresh.as_ref() != self.held.refresh.as_deref()
    }
}

impl Backoff {
    fn explain(&self, at: Moment) -> Error {
        match &self.problem {
            Problem::Obstacle(cause) => {
                Error::RefreshUnavailable { cause: *cause, retry_after: Some(at.now.until(self.until)) }
            }
            Problem::Misconfigured(what) => Error::AuthorityMisconfigured(what.clone()),
            Problem::Unexpected(status) => Error::AuthorityUnexpected { status: *status },
        }
    }
}

/// Full-jitter exponential backoff.
fn backoff(at: Moment, failures: u32) -> Duration {
    at.jitter(BACKOFF_BASE.saturating_mul(1 << failures.min(10)).min(BACKOFF_CAP))
}

fn revoke(refresh: Secret, access: Option<Secret>) -> Effect {
    Effect::Revoke { refresh: Arc::new(refresh), access: access.map(Arc::new) }
}

#[cfg(test)]
mod tests;
