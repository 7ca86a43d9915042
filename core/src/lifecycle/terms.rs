//! What goes into the machine and what comes out of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::machine::{Held, Times};
use super::record::AttemptId;
use crate::error::Error;
use crate::event::{Event, SignOutReason};
use crate::secret::Secret;
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;
use crate::trace::Decision;

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

/// Names one refresh, one sign-in, one sign-out or one read of the store, from its start to its end.
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
    /// The session that tokens from the store belong to; new tokens belong to the one that they arrive in.
    pub(crate) lineage: Option<AttemptId>,
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

impl Verdict {
    /// For the trace.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rotated(_) => "rotated",
            Self::Salvaged(..) => "salvaged",
            Self::Ambiguous => "ambiguous",
            Self::Rejected { certain: true } => "rejected",
            Self::Rejected { certain: false } => "rejected_perhaps",
            Self::Misconfigured(_) => "misconfigured",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable => "unreachable",
            Self::Unexpected { .. } => "unexpected",
        }
    }
}

/// What the store said when it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Loaded {
    Found(Box<Stored>),
    Ended(SignOutReason),
    Absent,
    /// The key that protected it is provably gone.
    Lost,
    /// Not readable now, or not by this version; callers get this error.
    Unreadable(Error),
    /// Not readable by anybody.
    Damaged(String),
}

impl Loaded {
    /// For the trace.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Found(_) => "session",
            Self::Ended(_) => "tombstone",
            Self::Absent => "nothing",
            Self::Lost => "lost",
            Self::Unreadable(error) => error.code(),
            Self::Damaged(_) => "store_corrupt",
        }
    }
}

/// A session as the store holds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) grant: Grant,
    pub(crate) times: Times,
    pub(crate) generation: Generation,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Loaded {
        attempt: Attempt,
        loaded: Loaded,
    },
    /// The lease was gained, and then the store was read; or it was not gained.
    Leased {
        attempt: Attempt,
        result: Result<Leased, StoreError>,
    },
    RefreshAnswered {
        attempt: Attempt,
        verdict: Verdict,
    },
    Saved {
        epoch: u64,
        revision: u64,
        result: Result<Generation, StoreError>,
    },
    Erased {
        attempt: Attempt,
        result: Result<Generation, StoreError>,
    },
    /// A server accepted the token with this number.
    Accepted {
        epoch: u64,
        number: u64,
    },
    /// A server's `Date`.
    ServerDate(SystemTime),
    /// The app is in the foreground again, or another process may have been active.
    Resumed,
    NetworkChanged,
    /// The process is about to be suspended: the lease is gone.
    Suspended,
    Tick,
    /// An answer of the app's API says, by the app's own rule, that the session is over.
    ServerEndedSession {
        epoch: u64,
    },
}

/// A lease of the store.
#[derive(Clone, Debug)]
pub(crate) struct Leased {
    /// Whether others may have written while this session did not hold it.
    pub(crate) shared: bool,
    pub(crate) loaded: Loaded,
}

/// What the driver must do, in this order.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Read the store.
    Load { attempt: Attempt },
    /// Gain the lease of the store, then read it.
    Lease { attempt: Attempt },
    /// Give the lease of this attempt back.
    Release { attempt: Attempt },
    /// Send the refresh token.
    Refresh { attempt: Attempt, token: Arc<Secret>, attempt_id: AttemptId },
    /// Save these tokens.
    Save { epoch: u64, held: Box<Held>, times: Times, expected: Expected },
    /// Leave a tombstone, unless somebody else has written.
    Erase { attempt: Attempt, reason: SignOutReason, expected: Expected },
    /// Tell the server that these tokens are not needed any more; nobody waits for it.
    Revoke { refresh: Arc<Secret>, access: Option<Arc<Secret>> },
    /// Tell the app.
    Emit(Event),
    /// Remember for the trace.
    Note(Decision),
    /// Let everybody who waits ask again.
    Settle,
    /// Come back with a tick: something is owed then, also if the app drops its session meanwhile.
    WakeAt(BootTime),
    /// Come back with a tick if the session is still there, or something of it is under way.
    WakeIfOpen(BootTime),
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
        /// Whether a server has accepted it before.
        proven: bool,
        /// The refresh that was waited for has brought it; it was not found in the store.
        refreshed: bool,
    },
    /// Ask again after the next settlement, for this epoch and none other.
    Wait {
        attempt: Attempt,
        epoch: u64,
    },
    Fail(Error),
    /// The token was refused and cannot be renewed: there is no refresh token.
    NotRenewable,
    /// The token was refused, and lately a refresh did not help: the refusal goes to the caller.
    PassOn,
}

/// How far a sign-in or sign-out is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    Pending,
    Done,
    Failed(StoreError),
}
