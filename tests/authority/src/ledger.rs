//! Every refresh request that a realm has seen: what token it brought, what came of it, and whether the client can have
//! got the answer. Counters say how much there was; this says in which order, which is what a reuse is about.

use std::sync::Arc;
use std::time::Instant;

use crate::realm::Core;

/// A refresh request. It holds tokens of the realm, which are worth nothing elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshSeen {
    /// As it was sent; `None` where there was none to be read.
    pub token: Option<String>,
    /// The `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The `X-Client`, by which several clients of one account tell themselves apart.
    pub client: Option<String>,
    /// When its head had arrived.
    pub arrived: Instant,
    /// When the answer was handed over or given up; `None` as long as the client may get one.
    pub ended: Option<Instant>,
    /// What the token was; `None` if the server did not get to look at it.
    pub redemption: Option<Redemption>,
    /// Whether the answer was the server's own, and was handed over whole. What the network made of it nobody knows.
    pub answered: bool,
    /// The refresh token that the answer brings, if it brings one.
    pub successor: Option<String>,
    /// When the server first saw one of the tokens that the answer brought.
    pub successor_used: Option<Instant>,
    /// A fault has struck it.
    pub is_disturbed: bool,
    /// The access token that the answer brings.
    pub access: Option<String>,
    /// Whether the access token that had been issued with this refresh token, or by it since, was still good.
    pub was_needless: bool,
}

impl RefreshSeen {
    /// One that arrives now.
    pub fn new(token: Option<String>, idempotency_key: Option<String>) -> Self {
        Self {
            token,
            idempotency_key,
            client: None,
            arrived: Instant::now(),
            ended: None,
            redemption: None,
            answered: false,
            successor: None,
            successor_used: None,
            is_disturbed: false,
            access: None,
            was_needless: false,
        }
    }
}

/// What a refresh token was when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redemption {
    /// Good: there is a new access token now.
    Rotated,
    /// Used before, by the same request: the same answer.
    Replayed,
    /// Used before, and not long ago: the same answer.
    InGrace,
    /// Unknown, or revoked.
    Invalid,
    /// Used before: its family is revoked.
    Reused,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<RefreshSeen>,
}

impl Ledger {
    pub(crate) fn entries(&self) -> &[RefreshSeen] {
        &self.entries
    }

    fn begin(&mut self, token: Option<String>, idempotency_key: Option<String>) -> usize {
        self.entries.push(RefreshSeen::new(token, idempotency_key));
        self.entries.len() - 1
    }

    /// The client has used a token: it has got the answers that brought it.
    pub(crate) fn used(&mut self, token: &str) {
        let brought = |entry: &&mut RefreshSeen| {
            entry.successor_used.is_none()
                && (entry.access.as_deref() == Some(token) || entry.successor.as_deref() == Some(token))
        };
        let now = Instant::now();
        self.entries.iter_mut().filter(brought).for_each(|entry| entry.successor_used = Some(now));
    }
}

/// A refresh request under way. The client may get an answer until the last clone of it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Sighting(Arc<Guard>);

#[derive(Debug)]
struct Guard {
    core: Arc<Core>,
    entry: usize,
}

impl Sighting {
    pub(crate) fn begin(core: &Arc<Core>, token: Option<String>, idempotency_key: Option<String>) -> Self {
        let entry = core.with(|state| state.ledger.begin(token, idempotency_key));
        Self(Arc::new(Guard { core: Arc::clone(core), entry }))
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RefreshSeen)) {
        self.0.core.with(|state| change(&mut state.ledger.entries[self.0.entry]));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.core.with(|state| state.ledger.entries[self.entry].ended = Some(Instant::now()));
    }
}
