//! What a session decided lately, and why: for support and for bug reports.

use std::collections::VecDeque;

use serde::Serialize;

use crate::event::SignOutReason;

/// How many decisions are kept: enough for the history of a few refreshes, a few tens of KiB at most.
const KEPT: usize = 256;

/// A decision and when it was made. It holds no token and nothing that a server wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TraceEntry {
    /// Milliseconds since the session was opened, on the clock that runs while the device sleeps.
    pub at_ms: u64,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
}

/// What was decided. Attempts name refreshes, sign-ins and reads of the store, from 1 on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Decision {
    /// The store was read.
    StoreRead { attempt: u64, found: &'static str },
    /// Tokens of a sign-in took effect.
    SignedIn { attempt: u64 },
    /// A refresh began.
    RefreshStarted { attempt: u64, because: Because },
    /// The refresh token was sent; `id` is what the server got as `Idempotency-Key`.
    RefreshSent { attempt: u64, id: String },
    /// The refresh was answered, or not.
    RefreshAnswered { attempt: u64, verdict: &'static str },
    /// A refresh is over: its waiters were told.
    RefreshEnded { attempt: u64, outcome: &'static str, waiters: u64 },
    /// Newer tokens of the same session were found in the store and taken over.
    Adopted { attempt: u64 },
    /// The newest tokens are durable.
    Saved,
    /// A save failed; it is repeated.
    SaveFailed,
    /// Refreshes did not cure refusals: refusals go to the callers for a while.
    BreakerOpened,
    /// The session ended.
    SignedOut { reason: SignOutReason },
}

/// Why a refresh began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Because {
    /// The access token's life is over.
    Expired,
    /// A server refused the access token.
    Refused,
    /// The access token's life is nearly over.
    Leeway,
    /// There is only a refresh token yet.
    NoAccessToken,
}

/// The last decisions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Trace(VecDeque<TraceEntry>);

impl Trace {
    pub(crate) fn note(&mut self, entry: TraceEntry) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(crate) fn entries(&self) -> Vec<TraceEntry> {
        self.0.iter().cloned().collect()
    }
}

impl std::fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>9} ms  ", self.at_ms)?;
        match &self.decision {
            Decision::StoreRead { attempt, found } => write!(f, "#{attempt} the store was read: {found}"),
            Decision::SignedIn { attempt } => write!(f, "#{attempt} signed in"),
            Decision::RefreshStarted { attempt, because } => {
                let because = match because {
                    Because::Expired => "the access token has expired",
                    Because::Refused => "a server refused the access token",
                    Because::Leeway => "the access token expires soon",
                    Because::NoAccessToken => "there is no access token yet",
                };
                write!(f, "#{attempt} refresh: {because}")
            }
            Decision::RefreshSent { attempt, id } => write!(f, "#{attempt} sent ({id})"),
            Decision::RefreshAnswered { attempt, verdict } => write!(f, "#{attempt} answered: {verdict}"),
            Decision::RefreshEnded { attempt, outcome, waiters } => {
                write!(f, "#{attempt} ended: {outcome}; {waiters} had waited")
            }
            Decision::Adopted { attempt } => write!(f, "#{attempt} newer tokens taken over from the store"),
            Decision::Saved => f.write_str("saved"),
            Decision::SaveFailed => f.write_str("a save failed; it is repeated"),
            Decision::BreakerOpened => f.write_str("refreshes do not help; refusals go to the callers"),
            Decision::SignedOut { reason } => write!(f, "signed out: {}", reason.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_decisions_are_kept() {
        let mut trace = Trace::default();
        for at_ms in 0..KEPT as u64 + 10 {
            trace.note(TraceEntry { at_ms, decision: Decision::Saved });
        }
        let entries = trace.entries();
        assert_eq!((entries.len(), entries[0].at_ms), (KEPT, 10));
    }

    #[test]
    fn an_entry_is_a_flat_json_object() {
        let decision = Decision::RefreshStarted { attempt: 3, because: Because::Refused };
        let json = serde_json::to_value(TraceEntry { at_ms: 7, decision }).expect("it serialises");
        let expected = serde_json::json!({"at_ms": 7, "decision": "refresh_started", "attempt": 3, "because": "refused"});
        assert_eq!(json, expected);
    }
}
