//! What goes into the machine and what comes out of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::machine::Held;
use super::record::AttemptId;
use crate::error::Error;
use crate::event::{Event, SignOutReason};
use crate::secret::Secret;
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;

/// When an input arrives: the time, and random bits for jitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: BootTime,
    pub(crate) entropy: u32,
}

impl Moment {
    /// A random duration between nothing and all of `most` ("full jitter").
    pub(crate) fn jitter(self, most: Duration) -> Duration {
        most.mul_f64(f64::from(self.entropy) / f64::from(u32::MAX))
    }
}

/// Names one refresh, one sign-in or one sign-out, from its start to its settlement.
pub(crate) type Attempt = u64;

/// Names a sign-in that has begun; a later sign-in or sign-out supersedes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intent(pub(super) u64);

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
    Loaded {
        attempt: Attempt,
        loaded: Loaded,
    },
    RefreshAnswered {
        attempt: Attempt,
        verdict: Verdict,
    },
    Saved {
        epoch: u64,
        number: u64,
        result: Result<Generation, StoreError>,
    },
    Erased {
        attempt: Attempt,
        result: Result<Generation, StoreError>,
    },
    NetworkChanged,
    Tick,
    /// An answer of the app's API says, by the app's own rule, that the session is over.
    ServerEndedSession {
        epoch: u64,
    },
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
