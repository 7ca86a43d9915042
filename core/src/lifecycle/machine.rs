//! The rules: every decision about tokens is made here, by functions of the state and an input that
//! return what is to be done. No clock, no randomness and no I/O: the [`Moment`] brings the first two, and
//! the driver carries out the [`Effect`]s and reports what came of them.
//!
//! A token set has a version: the epoch, which advances with every sign-in and sign-out, and a number,
//! which advances with every token set. Whoever needs a token asks with [`Machine::want`]; who is told to
//! wait asks again after the next [`Effect::Settle`].

mod backoff;
mod breaker;
#[cfg(test)]
mod exploration;
mod held;
mod policy;
mod saves;
mod signed_in;
mod signed_out;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use held::Held;
pub(crate) use policy::{Policies, Times};
use signed_in::SignedIn;
use signed_out::{Ended, SignedOut};

use super::terms::{Answer, Attempt, Effect, Grant, Input, Intent, Loaded, Moment, Progress, Stored, Want};
use crate::error::Error;
use crate::event::{Event, SignOutReason};
use crate::secret::Secret;
use crate::store::Expected;
use crate::time::BootTime;
use crate::trace::Decision;

/// Waiters are released after this long even if the new tokens are not saved yet: a stuck disk must not
/// stop the app.
const SAVE_BUDGET: Duration = Duration::from_secs(2);

/// The grace that common authorization servers allow for a retry is no longer.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// What the app has set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long a token whose answer was lost is sent again quickly.
    pub(crate) grace: Duration,
    pub(crate) policies: Policies,
    /// Another process owns the session: this one reads what that one saves, and changes nothing.
    pub(crate) read_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { grace: GRACE, policies: Policies::default(), read_only: false }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Machine {
    settings: Settings,
    counters: Counters,
    /// The process is about to be suspended, and nothing has shown since that it goes on.
    suspended: bool,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    Restoring {
        attempt: Attempt,
    },
    /// The store could not be read; it is read again when somebody needs it.
    Locked {
        attempt: Attempt,
        cause: Error,
    },
    SignedOut(Box<SignedOut>),
    SignedIn(Box<SignedIn>),
}

/// Names what follows each other.
#[derive(Clone, Debug, Default)]
struct Counters {
    /// Sign-ins and sign-outs that took effect.
    epochs: u64,
    /// Sign-ins that have begun, and those of them that count no more: somebody has signed in or out since.
    intents: u64,
    void_intents: u64,
    attempts: Attempt,
    numbers: u64,
}

impl Counters {
    fn attempt(&mut self) -> Attempt {
        self.attempts += 1;
        self.attempts
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

/// One input being dealt with: what the rules may look at, and where they put what is to be done.
struct Turn<'a> {
    at: Moment,
    settings: &'a Settings,
    /// Whoever is suspended must hold no lock, so none is asked for.
    suspended: bool,
    counters: &'a mut Counters,
    effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    fn note(&mut self, decision: Decision) {
        self.effects.push(Effect::Note(decision));
    }

    fn ended(&mut self, attempt: Attempt, outcome: &'static str, waiters: u64) {
        self.note(Decision::RefreshEnded { attempt, outcome, waiters });
    }
}

/// The state as the driver shows it.
pub(crate) enum View<'a> {
    Restoring,
    Locked(&'a Error),
    SignedOut(SignOutReason),
    SignedIn(&'a Held),
}

impl Machine {
    /// A machine that is reading the store for the first time.
    pub(crate) fn open(settings: Settings) -> (Self, Vec<Effect>) {
        let mut counters = Counters { epochs: 1, ..Counters::default() };
        let attempt = counters.attempt();
        let phase = Phase::Restoring { attempt };
        (Self { settings, counters, suspended: false, phase }, vec![Effect::Load { attempt }])
    }

    /// Whether this session may sign in or out, and so change what others share with it.
    pub(crate) fn may_change(&self) -> Result<(), Error> {
        if self.settings.read_only { Err(Error::ReadOnly) } else { Ok(()) }
    }

    pub(crate) fn view(&self) -> View<'_> {
        match &self.phase {
            Phase::Restoring { .. } => View::Restoring,
            Phase::Locked { cause, .. } => View::Locked(cause),
            Phase::SignedOut(out) => View::SignedOut(out.reason),
            Phase::SignedIn(session) => View::SignedIn(&session.held),
        }
    }

    /// How long ago the user signed in, where that is known.
    pub(crate) fn since_sign_in(&self, now: BootTime) -> Result<Option<Duration>, Error> {
        match &self.phase {
            Phase::SignedIn(session) => Ok(session.since_sign_in(now)),
            Phase::SignedOut(out) => Err(out.explain(None)),
            Phase::Locked { cause, .. } => Err(cause.clone()),
            Phase::Restoring { .. } => Ok(None),
        }
    }

    /// Decides what somebody who needs a token gets. This is the request path: with a usable token it
    /// allocates nothing.
    pub(crate) fn want(&mut self, at: Moment, want: Want) -> (Answer, Vec<Effect>) {
        let mut effects = Vec::new();
        // Only an app that runs begins a request; one that has begun before may be going on to its end.
        let goes_on = want.epoch.is_none() && std::mem::take(&mut self.suspended);
        let mut turn = Turn {
            at,
            settings: &self.settings,
            suspended: self.suspended,
            counters: &mut self.counters,
            effects: &mut effects,
        };
        if goes_on && let Phase::SignedIn(session) = &mut self.phase {
            session.goes_on(&mut turn);
        }
        let violated = match &self.phase {
            Phase::SignedIn(session) => session.violated(&turn),
            _ => None,
        };
        if let Some(reason) = violated {
            end(&mut self.phase, reason, &mut turn);
        }
        let answer = match &mut self.phase {
            Phase::Restoring { attempt } => Answer::Wait { attempt: *attempt, epoch: turn.counters.epochs },
            Phase::Locked { attempt, cause } if want.after == Some(*attempt) => Answer::Fail(cause.clone()),
            // Each reading would ask the user again; it is up to the app when that is right.
            Phase::Locked { cause: cause @ Error::StoreRefused(_), .. } => Answer::Fail(cause.clone()),
            Phase::Locked { .. } => {
                let attempt = read_again(&mut self.phase, &mut turn);
                Answer::Wait { attempt, epoch: turn.counters.epochs }
            }
            Phase::SignedOut(out) => Answer::Fail(out.explain(want.epoch)),
            Phase::SignedIn(session) if want.epoch.is_some_and(|epoch| epoch != session.epoch) => {
                Answer::Fail(Error::SessionChanged)
            }
            Phase::SignedIn(session) => session.want(want, &mut turn),
        };
        (answer, effects)
    }

    /// Begins a sign-in: what it brings counts only if nobody signs in or out in the meantime.
    pub(crate) fn begin_sign_in(&mut self) -> Intent {
        self.counters.intents += 1;
        Intent(self.counters.intents)
    }

    /// Ends a sign-in with tokens. They take effect at once; the attempt is done when they are saved.
    pub(crate) fn sign_in(
        &mut self,
        at: Moment,
        intent: Intent,
        grant: Grant,
    ) -> (Result<Attempt, Error>, Vec<Effect>) {
        let mut effects = Vec::new();
        if let Err(error) = self.may_change() {
            return (Err(error), effects);
        }
        if intent.0 <= self.counters.void_intents {
            // Revoking after somebody else has signed in could end their session: many servers revoke
            // all tokens of a grant at once.
            if matches!(&self.phase, Phase::SignedOut(out) if out.by_user) {
                effects.extend(revoke(grant.refresh.map(Into::into), grant.access.map(Into::into)));
            }
            return (Err(Error::SessionChanged), effects);
        }
        self.counters.void_intents = intent.0;
        self.counters.epochs += 1;
        let attempt = self.counters.attempt();
        let held = Held::arrived(grant, self.counters.number(), attempt, at);
        let mut turn = Turn {
            at,
            settings: &self.settings,
            suspended: self.suspended,
            counters: &mut self.counters,
            effects: &mut effects,
        };
        let lease = match &mut self.phase {
            Phase::SignedIn(session) => {
                session.abandon(false, &mut turn);
                session.hand_lease_over()
            }
            Phase::SignedOut(out) => out.hand_lease_over(),
            Phase::Restoring { .. } | Phase::Locked { .. } => None,
        };
        turn.note(Decision::SignedIn { attempt });
        // Whoever waited in the session before must ask again.
        turn.effects.push(Effect::Settle);
        let session = SignedIn::arrive(turn.counters.epochs, held, attempt, lease, &mut turn);
        self.phase = Phase::SignedIn(Box::new(session));
        (Ok(attempt), effects)
    }

    /// Begins an import: the store is read once more, and written where nothing ever was. `None` while it is
    /// being read, and where somebody is known to have signed in. Whoever calls asks
    /// [`may_change`](Self::may_change) first.
    pub(crate) fn begin_import(&mut self) -> Option<Attempt> {
        self.may_change().ok()?;
        match &self.phase {
            Phase::SignedOut(out) if out.reason == SignOutReason::NeverSignedIn => {}
            Phase::Locked { .. } => {}
            _ => return None,
        }
        let attempt = self.counters.attempt();
        self.phase = Phase::Restoring { attempt };
        Some(attempt)
    }

    /// The user signs out. It takes effect at once; the attempt is done when the tombstone is durable.
    /// `None` where there is nothing to erase, or nothing may be: whoever calls asks
    /// [`may_change`](Self::may_change) first.
    pub(crate) fn sign_out(&mut self, at: Moment) -> (Option<Attempt>, Vec<Effect>) {
        if self.may_change().is_err() {
            return (None, Vec::new());
        }
        self.counters.void_intents = self.counters.intents;
        let mut effects = Vec::new();
        let mut turn = Turn {
            at,
            settings: &self.settings,
            suspended: self.suspended,
            counters: &mut self.counters,
            effects: &mut effects,
        };
        let attempt = match &mut self.phase {
            Phase::SignedOut(out) => out.sign_out_again(&mut turn),
            phase => end(phase, SignOutReason::User, &mut turn),
        };
        (attempt, effects)
    }

    /// How far the sign-in or sign-out with this attempt is.
    pub(crate) fn progress(&self, attempt: Attempt) -> Progress {
        match &self.phase {
            Phase::SignedIn(session) => session.progress(attempt),
            Phase::SignedOut(out) => out.progress(attempt),
            Phase::Restoring { .. } | Phase::Locked { .. } => Progress::Done,
        }
    }

    /// Whether the lease that this attempt has asked for is still to be gained.
    pub(crate) fn awaits_lease(&self, attempt: Attempt) -> bool {
        matches!(&self.phase, Phase::SignedIn(session) if session.awaits_lease(attempt))
    }

    pub(crate) fn apply(&mut self, at: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Suspended => self.suspended = true,
            Input::Resumed => self.suspended = false,
            _ => {}
        }
        let mut turn = Turn {
            at,
            settings: &self.settings,
            suspended: self.suspended,
            counters: &mut self.counters,
            effects: &mut effects,
        };
        let turn = &mut turn;
        let end_because = match (input, &mut self.phase) {
            (Input::Loaded { attempt, loaded }, Phase::Restoring { attempt: awaited })
                if *awaited == attempt =>
            {
                restored(&mut self.phase, attempt, loaded, turn);
                None
            }
            (Input::Loaded { attempt, loaded }, Phase::SignedIn(session)) => {
                session.loaded(attempt, loaded, turn)
            }
            (Input::Loaded { attempt, loaded }, Phase::SignedOut(out)) => {
                if out.has_looked(attempt)
                    && let Loaded::Found(stored) = loaded
                    && out.is_another(&stored)
                {
                    self.phase = found(*stored, turn);
                    turn.effects.extend([Effect::Emit(Event::SignedIn), Effect::Settle]);
                }
                None
            }
            (Input::Leased { attempt, result }, Phase::SignedIn(session)) => {
                session.leased(attempt, result, turn)
            }
            (Input::Leased { attempt, result }, _) => {
                turn.effects.extend(result.is_ok().then_some(Effect::Release { attempt }));
                None
            }
            (Input::RefreshAnswered { attempt, verdict }, Phase::SignedIn(session)) => {
                session.refresh_answered(attempt, verdict, turn);
                None
            }
            (Input::RefreshAnswered { attempt, verdict }, Phase::SignedOut(out)) => {
                out.orphan_answered(attempt, verdict, turn);
                None
            }
            // A save of an epoch that has ended changes nothing: what was written after it counts.
            (Input::Saved { epoch, revision, result }, Phase::SignedIn(session))
                if epoch == session.epoch =>
            {
                session.saved(revision, result, turn);
                None
            }
            (Input::Erased { attempt, result }, Phase::SignedOut(out)) => {
                out.erased(attempt, result, turn);
                None
            }
            (Input::Accepted { epoch, number }, Phase::SignedIn(session)) if epoch == session.epoch => {
                session.accepted(number);
                None
            }
            (Input::ServerDate(date), Phase::SignedIn(session)) => session.server_says(date, turn),
            (Input::NetworkChanged, Phase::SignedIn(session)) => {
                session.network_changed(turn);
                None
            }
            (Input::Suspended, Phase::SignedIn(session)) => {
                session.suspended(turn);
                None
            }
            (Input::Suspended, Phase::SignedOut(out)) => {
                out.hand_lease_over();
                None
            }
            (Input::Resumed, Phase::SignedIn(session)) => {
                session.resumed(turn);
                session.violated(turn)
            }
            (Input::Resumed, Phase::Locked { .. }) => {
                read_again(&mut self.phase, turn);
                None
            }
            (Input::Tick, Phase::SignedIn(session)) => {
                session.tick(turn);
                session.violated(turn)
            }
            (Input::Resumed, Phase::SignedOut(out)) if turn.settings.read_only => {
                out.look(turn);
                None
            }
            (Input::Resumed, Phase::SignedOut(out)) => {
                out.resumed(turn);
                None
            }
            (Input::Tick, Phase::SignedOut(out)) => {
                out.tick(turn);
                None
            }
            (Input::ServerEndedSession { epoch }, Phase::SignedIn(session)) if epoch == session.epoch => {
                Some(SignOutReason::EndedByServer)
            }
            // It belongs to a phase that is over.
            _ => None,
        };
        if let Some(reason) = end_because {
            end(&mut self.phase, reason, turn);
        }
        effects
    }
}

fn read_again(phase: &mut Phase, turn: &mut Turn<'_>) -> Attempt {
    let attempt = turn.counters.attempt();
    *phase = Phase::Restoring { attempt };
    turn.effects.push(Effect::Load { attempt });
    attempt
}

fn restored(phase: &mut Phase, attempt: Attempt, loaded: Loaded, turn: &mut Turn<'_>) {
    turn.note(Decision::StoreRead { attempt, found: loaded.name() });
    let signed_out = |reason| Phase::SignedOut(Box::new(SignedOut::quietly(reason)));
    *phase = match loaded {
        Loaded::Found(stored) => found(*stored, turn),
        Loaded::Ended(reason) => signed_out(reason),
        Loaded::Absent => signed_out(SignOutReason::NeverSignedIn),
        Loaded::Lost => signed_out(SignOutReason::SecretsLost),
        Loaded::Unreadable(cause) => Phase::Locked { attempt, cause },
        Loaded::Damaged(cause) => Phase::Locked { attempt, cause: Error::StoreCorrupt(cause) },
    };
    // At first nobody can be listening yet.
    if attempt > 1 && !matches!(phase, Phase::Locked { .. }) {
        turn.effects.push(Effect::Emit(Event::Restored));
    }
    turn.effects.push(Effect::Settle);
}

fn found(stored: Stored, turn: &mut Turn<'_>) -> Phase {
    let Stored { grant, times, generation } = stored;
    let held = Held::stored(grant, turn.counters.number(), turn.at);
    let session = SignedIn::restore(turn.counters.epochs, held, times, generation, turn);
    Phase::SignedIn(Box::new(session))
}

/// Ends the session: everything of its epoch is void from here on. Returns the attempt of its erasure.
fn end(phase: &mut Phase, reason: SignOutReason, turn: &mut Turn<'_>) -> Option<Attempt> {
    let lineage = match phase {
        Phase::SignedIn(session) => Some(session.held.lineage.clone()),
        _ => None,
    };
    let (orphan, expected) = match phase {
        // It ends here alone: whose tokens they are ends it for all.
        Phase::SignedIn(session) if turn.settings.read_only => (session.abandon(false, turn), None),
        Phase::SignedIn(session) if reason != SignOutReason::User => {
            (session.abandon(is_wanted(reason), turn), session.expected())
        }
        Phase::SignedIn(session) => (session.abandon(true, turn), Some(Expected::Any)),
        _ => (None, Some(Expected::Any)),
    };
    let lease = match phase {
        Phase::SignedIn(session) => session.hand_lease_over(),
        _ => None,
    };
    let ended = turn.counters.epochs;
    turn.counters.epochs += 1;
    let out = SignedOut::now(reason, Ended { epoch: ended, lineage }, orphan, lease, expected, turn);
    let erasing = out.erasing();
    *phase = Phase::SignedOut(Box::new(out));
    erasing
}

/// Whether the tokens are good and are to be revoked: the user or the app wants the session to end.
fn is_wanted(reason: SignOutReason) -> bool {
    matches!(reason, SignOutReason::User | SignOutReason::IdleTimeout | SignOutReason::LifetimeExceeded)
}

/// The refresh token is what is revoked; without one there is nothing to do.
fn revoke(refresh: Option<Arc<Secret>>, access: Option<Arc<Secret>>) -> Option<Effect> {
    refresh.map(|refresh| Effect::Revoke { refresh, access })
}

#[cfg(test)]
impl Machine {
    fn fingerprint(&self, print: &mut exploration::Fingerprint) {
        let Self { settings: _, counters, suspended, phase } = self;
        print.relative_to(counters);
        print.add(suspended);
        print.add(counters.intents - counters.void_intents);
        print.add(std::mem::discriminant(phase));
        match phase {
            Phase::Restoring { attempt } => print.attempt(Some(*attempt)),
            Phase::Locked { attempt, cause } => {
                print.attempt(Some(*attempt));
                print.add(cause.code());
            }
            Phase::SignedOut(out) => out.fingerprint(print),
            Phase::SignedIn(session) => session.fingerprint(print),
        }
    }
}
