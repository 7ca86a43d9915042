//! What an app observes: states and events.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::error::milliseconds;

/// Whether somebody is signed in.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum SessionState {
    Restoring,
    SignedOut {
        reason: SignOutReason,
    },
    /// `claims_json`: the access token's claims, decoded, not verified. `expires_at_ms`: since 1970.
    SignedIn {
        subject: Option<String>,
        claims_json: Option<String>,
        expires_at_ms: Option<i64>,
    },
    Locked,
}

/// Why nobody is signed in.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum SignOutReason {
    NeverSignedIn,
    User,
    Rejected,
    RotationLost,
    Elsewhere,
    EndedByServer,
    IdleTimeout,
    LifetimeExceeded,
    SecretsLost,
}

/// What happened to the session.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum SessionEvent {
    Restored,
    SignedIn,
    Refreshed,
    RefreshFailed {
        code: String,
        retry_after_ms: Option<u64>,
    },
    SignInRecommended,
    PersistenceDegraded,
    PersistenceRestored,
    SignedOut {
        reason: SignOutReason,
    },
    /// A server wants a fresher sign-in or more rights (RFC 9470, RFC 6750).
    StepUpRequired {
        acr_values: Option<String>,
        max_age_ms: Option<u64>,
        scope: Option<String>,
    },
    /// The listener was too slow and lost this many events.
    Missed {
        count: u64,
    },
}

impl From<auth_session::SessionState> for SessionState {
    fn from(state: auth_session::SessionState) -> Self {
        use auth_session::SessionState as Core;
        match state {
            Core::SignedOut { reason } => Self::SignedOut { reason: reason.into() },
            Core::SignedIn { subject, claims, expires_at } => Self::SignedIn {
                subject,
                claims_json: claims.and_then(|claims| serde_json::to_string(&*claims).ok()),
                expires_at_ms: expires_at
                    .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                    .and_then(|since| i64::try_from(since.as_millis()).ok()),
            },
            Core::Locked => Self::Locked,
            Core::Restoring => Self::Restoring,
            other => unreachable!("a state that the bindings do not know: {}", other.name()),
        }
    }
}

impl From<auth_session::SignOutReason> for SignOutReason {
    fn from(reason: auth_session::SignOutReason) -> Self {
        use auth_session::SignOutReason as Core;
        match reason {
            Core::NeverSignedIn => Self::NeverSignedIn,
            Core::User => Self::User,
            Core::Rejected => Self::Rejected,
            Core::RotationLost => Self::RotationLost,
            Core::Elsewhere => Self::Elsewhere,
            Core::EndedByServer => Self::EndedByServer,
            Core::IdleTimeout => Self::IdleTimeout,
            Core::LifetimeExceeded => Self::LifetimeExceeded,
            Core::SecretsLost => Self::SecretsLost,
            other => unreachable!("a reason that the bindings do not know: {}", other.name()),
        }
    }
}

impl From<auth_session::Event> for SessionEvent {
    fn from(event: auth_session::Event) -> Self {
        use auth_session::Event as Core;
        match event {
            Core::Restored => Self::Restored,
            Core::SignedIn => Self::SignedIn,
            Core::Refreshed => Self::Refreshed,
            Core::RefreshFailed { code, retry_after } => {
                Self::RefreshFailed { code: code.to_owned(), retry_after_ms: retry_after.map(milliseconds) }
            }
            Core::SignInRecommended => Self::SignInRecommended,
            Core::PersistenceDegraded => Self::PersistenceDegraded,
            Core::PersistenceRestored => Self::PersistenceRestored,
            Core::SignedOut { reason } => Self::SignedOut { reason: reason.into() },
            Core::StepUpRequired(step_up) => Self::StepUpRequired {
                acr_values: step_up.acr_values,
                max_age_ms: step_up.max_age.map(milliseconds),
                scope: step_up.scope,
            },
            Core::Missed { count } => Self::Missed { count },
            other => unreachable!("an event that the bindings do not know: {}", other.name()),
        }
    }
}

/// The events of a session from the subscription on, in order. For one reader.
#[derive(uniffi::Object)]
pub struct EventQueue {
    events: Arc<Mutex<auth_session::Events>>,
    /// The read that is under way. A reader that gave up leaves it to the next one, so that no event is lost.
    reading: Mutex<Option<JoinHandle<Option<auth_session::Event>>>>,
    closed: watch::Sender<bool>,
}

impl EventQueue {
    pub(crate) fn new(events: auth_session::Events) -> Arc<Self> {
        Arc::new(Self {
            events: Arc::new(Mutex::new(events)),
            reading: Mutex::new(None),
            closed: watch::Sender::new(false),
        })
    }

    fn read(&self) -> Option<JoinHandle<Option<auth_session::Event>>> {
        let (events, mut closed) = (Arc::clone(&self.events), self.closed.subscribe());
        // A task, so that the reader's language is called back from it and not from whoever sends events.
        let read = auth_session::runtime().ok()?.spawn(async move {
            tokio::select! {
                // What has happened before the end is heard before it.
                biased;
                event = async { events.lock().await.next().await } => event,
                _ = closed.wait_for(|closed| *closed) => None,
            }
        });
        Some(read)
    }
}

#[uniffi::export]
impl EventQueue {
    /// The next event; `None` when the session is gone or the queue is closed.
    pub async fn next(&self) -> Option<SessionEvent> {
        let mut reading = self.reading.lock().await;
        if reading.is_none() {
            *reading = self.read();
        }
        let event = reading.as_mut()?.await;
        // Before anything else: what is done must not be waited for again.
        *reading = None;
        event.ok()?.map(SessionEvent::from)
    }

    /// Ends the queue: whoever waits for the next event gets `None`, after those that are there. Swift needs it, whose
    /// tasks do not pass their cancellation on.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_core_crosses_the_boundary() {
        for reason in auth_session::SignOutReason::ALL {
            let _ = SignOutReason::from(reason);
        }
    }
}
