//! What an app can observe: the state of the session, and what happened to it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::broadcast;

use crate::http::challenge::StepUp;

/// Why nobody is signed in. The names are stable and published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignOutReason {
    /// Nobody has signed in on this store yet.
    NeverSignedIn,
    /// The user signed out here.
    User,
    /// The authorization server rejected the refresh token.
    Rejected,
    /// The authorization server rejected the refresh token after an earlier answer to it was lost: it
    /// had probably rotated the token, and the new one never arrived.
    RotationLost,
    /// Another session on the same store signed out, or somebody else signed in there.
    Elsewhere,
    /// The app's API said so, by a rule of the app (`AnswerAction::EndSession`).
    EndedByServer,
    /// The session was not used for as long as the app's policy allows.
    IdleTimeout,
    /// The session has lasted as long as the app's policy allows.
    LifetimeExceeded,
    /// The key that protected the secrets in the store is provably gone.
    SecretsLost,
}

impl SignOutReason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NeverSignedIn,
        Self::User,
        Self::Rejected,
        Self::RotationLost,
        Self::Elsewhere,
        Self::EndedByServer,
        Self::IdleTimeout,
        Self::LifetimeExceeded,
        Self::SecretsLost,
    ];

    /// The stable name, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverSignedIn => "never_signed_in",
            Self::User => "user",
            Self::Rejected => "rejected",
            Self::RotationLost => "rotation_lost",
            Self::Elsewhere => "elsewhere",
            Self::EndedByServer => "ended_by_server",
            Self::IdleTimeout => "idle_timeout",
            Self::LifetimeExceeded => "lifetime_exceeded",
            Self::SecretsLost => "secrets_lost",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Whether somebody is signed in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SessionState {
    /// The store is being read.
    Restoring,
    /// Nobody is signed in.
    SignedOut {
        /// Why.
        reason: SignOutReason,
    },
    /// Somebody is signed in.
    SignedIn {
        /// The subject: `sub` of the access token, where it is a JWT that has one.
        subject: Option<String>,
        /// The claims of the access token, where it is a JWT. They are decoded, not verified: good for
        /// showing a name, not for deciding what the user may do. They hold no token.
        claims: Option<Arc<Map<String, Value>>>,
        /// When the access token expires, on the wall clock; `None` where the server did not say. The
        /// session goes on after that: the token is refreshed.
        expires_at: Option<SystemTime>,
    },
    /// There may be a session, but the store cannot be read now (a locked phone, a failing disk).
    Locked,
}

impl SessionState {
    /// The stable name, in snake case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Restoring => "restoring",
            Self::SignedOut { .. } => "signed_out",
            Self::SignedIn { .. } => "signed_in",
            Self::Locked => "locked",
        }
    }
}

/// What happened to the session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A store that could not be read before has been read.
    Restored,
    /// A sign-in, or tokens that the app handed over, took effect and were saved.
    SignedIn,
    /// The access token was refreshed, and what the server rotated was saved.
    Refreshed,
    /// A refresh failed; the session is kept.
    RefreshFailed {
        /// The stable code of the error that callers get.
        code: &'static str,
        /// When the next attempt is allowed, from now.
        retry_after: Option<Duration>,
    },
    /// The authorization server has answered a few refreshes in a row with nonsense; the session is kept, but
    /// signing in again may help.
    SignInRecommended,
    /// New tokens could not be saved in time. They are in use and are saved again and again; if the
    /// process ends before that succeeds, the session may be lost.
    PersistenceDegraded,
    /// What could not be saved earlier is saved now.
    PersistenceRestored,
    /// The session ended.
    SignedOut {
        /// Why.
        reason: SignOutReason,
    },
    /// This listener was too slow and lost this many events.
    Missed {
        /// How many.
        count: u64,
    },
    /// An API wants a fresher sign-in or more rights than the token has; no refresh brings them.
    StepUpRequired(StepUp),
}

impl Event {
    /// All names.
    pub const NAMES: [&str; 10] = [
        "restored",
        "signed_in",
        "refreshed",
        "refresh_failed",
        "sign_in_recommended",
        "step_up_required",
        "persistence_degraded",
        "persistence_restored",
        "signed_out",
        "missed",
    ];

    /// The stable name, in snake case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::SignedIn => "signed_in",
            Self::Refreshed => "refreshed",
            Self::RefreshFailed { .. } => "refresh_failed",
            Self::SignInRecommended => "sign_in_recommended",
            Self::PersistenceDegraded => "persistence_degraded",
            Self::PersistenceRestored => "persistence_restored",
            Self::SignedOut { .. } => "signed_out",
            Self::Missed { .. } => "missed",
            Self::StepUpRequired(_) => "step_up_required",
        }
    }
}

/// The events of a session from the moment of the subscription on, in order.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    pub(crate) fn new(receiver: broadcast::Receiver<Event>) -> Self {
        Self(receiver)
    }

    /// The next event; `None` when the session is gone. Safe to cancel: no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(Event::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The states of a session, the present one first.
pub struct States {
    events: Events,
    read: Box<dyn Fn() -> SessionState + Send + Sync>,
    last: Option<SessionState>,
}

impl States {
    pub(crate) fn new(events: Events, read: impl Fn() -> SessionState + Send + Sync + 'static) -> Self {
        Self { events, read: Box::new(read), last: None }
    }

    /// The next state that differs from the one before. Safe to cancel. It keeps the session open.
    pub async fn next(&mut self) -> SessionState {
        loop {
            let state = (self.read)();
            if self.last.as_ref() != Some(&state) {
                self.last = Some(state.clone());
                return state;
            }
            // Every change of the state comes with an event, after the change. The session is held, so there is
            // always a next one to wait for.
            self.events.next().await;
        }
    }
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("States").field("last", &self.last).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_an_event_is_listed() {
        let source = include_str!("event.rs");
        let (_, rest) = source.split_once("impl Event {").expect("the implementation");
        let (_, rest) = rest.split_once("pub fn name(&self)").expect("the function");
        let (body, _) = rest.split_once("\n    }\n").expect("its end");
        let names: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
        assert!(names.len() == Event::NAMES.len() && names.iter().all(|name| Event::NAMES.contains(name)));
    }

    #[test]
    fn every_reason_is_found_by_its_name() {
        for reason in SignOutReason::ALL {
            assert_eq!(SignOutReason::from_name(reason.name()), Some(reason));
        }
    }
}
