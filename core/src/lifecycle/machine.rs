//! The rules: every decision about tokens is made here, by functions of the state and an input that
//! return what is to be done. No clock, no randomness and no I/O: the [`Moment`] brings the first two, and
//! the driver carries out the [`Effect`]s and reports what came of them.
//!
//! A token set has a version: the epoch, which advances with every sign-in and sign-out, and a number,
//! which advances with every token set. Whoever needs a token asks with [`Machine::want`]; who is told to
//! wait asks again after the next [`Effect::Settle`].

mod backoff;
mod held;
mod signed_in;
mod signed_out;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use held::Held;
use signed_in::SignedIn;
use signed_out::SignedOut;

use super::terms::{Answer, Attempt, Effect, Grant, Input, Intent, Loaded, Moment, Progress, Want};
use crate::error::Error;
use crate::event::SignOutReason;
use crate::secret::Secret;

/// Waiters are released after this long even if the new tokens are not saved yet: a stuck disk must not
/// stop the app.
const SAVE_BUDGET: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Machine {
    epoch: u64,
    /// Sign-ins and sign-outs that have begun.
    intents: u64,
    counters: Counters,
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

/// Names what follows each other: attempts and token sets.
#[derive(Debug, Default)]
struct Counters {
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

/// The state as the driver shows it.
pub(crate) enum View<'a> {
    Restoring,
    Locked(&'a Error),
    SignedOut(SignOutReason),
    SignedIn(&'a Held),
}

impl Machine {
    /// A machine that is reading the store for the first time.
    pub(crate) fn open() -> (Self, Vec<Effect>) {
        let mut counters = Counters::default();
        let attempt = counters.attempt();
        let phase = Phase::Restoring { attempt };
        (Self { epoch: 1, intents: 0, counters, phase }, vec![Effect::Load { attempt }])
    }

    pub(crate) fn view(&self) -> View<'_> {
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
        let mut effects = Vec::new();
        let answer = match &mut self.phase {
            Phase::Restoring { attempt } => Answer::Wait(*attempt),
            Phase::Locked { attempt, cause } if want.after == Some(*attempt) => Answer::Fail(cause.clone()),
            Phase::Locked { .. } => {
                let attempt = self.counters.attempt();
                self.phase = Phase::Restoring { attempt };
                effects.push(Effect::Load { attempt });
                Answer::Wait(attempt)
            }
            Phase::SignedOut(out) => Answer::Fail(out.explain(want.epoch)),
            Phase::SignedIn(session) if want.epoch.is_some_and(|epoch| epoch != session.epoch) => {
                Answer::Fail(Error::SessionChanged)
            }
            Phase::SignedIn(session) => session.want(at, want, &mut self.counters, &mut effects),
        };
        (answer, effects)
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
        let mut effects = Vec::new();
        if intent.0 != self.intents {
            // Revoking after somebody else has signed in could end their session: many servers revoke
            // all tokens of a grant at once.
            if matches!(&self.phase, Phase::SignedOut(out) if out.reason == SignOutReason::User) {
                effects.extend(revoke(grant.refresh.map(Into::into), grant.access.map(Into::into)));
            }
            return (Err(Error::SessionChanged), effects);
        }
        self.epoch += 1;
        let attempt = self.counters.attempt();
        let held = Held::new(grant, None, self.counters.number(), attempt, at);
        // Whoever waited in the session before must ask again.
        effects.push(Effect::Settle);
        let session = SignedIn::arrive(self.epoch, held, at, &mut effects);
        self.phase = Phase::SignedIn(Box::new(session));
        (Ok(attempt), effects)
    }

    /// The user signs out. It takes effect at once; the attempt is done when the tombstone is durable.
    pub(crate) fn sign_out(&mut self, at: Moment) -> (Attempt, Vec<Effect>) {
        self.intents += 1;
        let mut effects = Vec::new();
        let orphan = match &mut self.phase {
            Phase::SignedOut(out) => {
                let attempt = out.sign_out_again(at, &mut effects);
                return (attempt.unwrap_or(self.counters.attempts), effects);
            }
            Phase::SignedIn(session) => session.abandon(&mut effects),
            Phase::Restoring { .. } | Phase::Locked { .. } => None,
        };
        let attempt = self.end(at, SignOutReason::User, orphan, &mut effects);
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

    pub(crate) fn apply(&mut self, at: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match (input, &mut self.phase) {
            (Input::Loaded { attempt, loaded }, Phase::Restoring { attempt: awaited })
                if *awaited == attempt =>
            {
                self.restored(at, attempt, loaded, &mut effects);
            }
            (Input::Loaded { attempt, loaded }, Phase::SignedIn(session)) => {
                let end = session.loaded(at, attempt, loaded, &mut self.counters, &mut effects);
                if let Some(reason) = end {
                    self.end(at, reason, None, &mut effects);
                }
            }
            (Input::RefreshAnswered { attempt, verdict }, Phase::SignedIn(session)) => {
                session.refresh_answered(at, attempt, verdict, &mut self.counters, &mut effects);
            }
            (Input::RefreshAnswered { attempt, verdict }, Phase::SignedOut(out)) => {
                out.orphan_answered(attempt, verdict, &mut effects);
            }
            // A save of an epoch that has ended changes nothing: what was written after it counts.
            (Input::Saved { epoch, number, result }, Phase::SignedIn(session)) if epoch == session.epoch => {
                session.saved(at, number, result, &mut self.counters, &mut effects);
            }
            (Input::Erased { attempt, result }, Phase::SignedOut(out)) => {
                out.erased(at, attempt, result, &mut effects);
            }
            (Input::NetworkChanged, Phase::SignedIn(session)) => session.network_changed(&mut effects),
            (Input::Tick, Phase::SignedIn(session)) => session.tick(at, &mut effects),
            (Input::Tick, Phase::SignedOut(out)) => out.tick(at, &mut effects),
            (Input::ServerEndedSession { epoch }, Phase::SignedIn(session)) if epoch == session.epoch => {
                self.end(at, SignOutReason::EndedByServer, None, &mut effects);
            }
            // It belongs to a phase that is over.
            _ => {}
        }
        effects
    }

    fn restored(&mut self, at: Moment, attempt: Attempt, loaded: Loaded, effects: &mut Vec<Effect>) {
        self.phase = match loaded {
            Loaded::Found(grant, generation) => {
                let held = Held::new(*grant, None, self.counters.number(), attempt, at);
                Phase::SignedIn(Box::new(SignedIn::restore(self.epoch, held, generation)))
            }
            Loaded::Ended(reason) => Phase::SignedOut(SignedOut::quietly(reason)),
            Loaded::Absent => Phase::SignedOut(SignedOut::quietly(SignOutReason::NeverSignedIn)),
            Loaded::Unreadable(cause) => Phase::Locked { attempt, cause },
        };
        effects.push(Effect::Settle);
    }

    /// Ends the session: everything of its epoch is void from here on. Returns the attempt of its erasure.
    fn end(
        &mut self,
        at: Moment,
        reason: SignOutReason,
        orphan: Option<(Attempt, Held)>,
        effects: &mut Vec<Effect>,
    ) -> Attempt {
        let ended = self.epoch;
        self.epoch += 1;
        let attempt = self.counters.attempt();
        self.phase = Phase::SignedOut(SignedOut::now(at, reason, ended, attempt, orphan, effects));
        attempt
    }
}

/// The refresh token is what is revoked; without one there is nothing to do.
fn revoke(refresh: Option<Arc<Secret>>, access: Option<Arc<Secret>>) -> Option<Effect> {
    refresh.map(|refresh| Effect::Revoke { refresh, access })
}
