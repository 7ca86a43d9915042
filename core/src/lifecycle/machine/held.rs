//! Tokens in use.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Attempt, Grant, Moment};
use crate::secret::Secret;
use crate::time::BootTime;

/// A token is renewed in the background when this much of its life is left, or a tenth of its life where
/// that is shorter: long enough for a slow network, short enough not to waste much of the token.
const LEEWAY: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Of the access token.
    pub(crate) number: u64,
    /// Of what is to be saved.
    pub(crate) revision: u64,
    pub(crate) access: Option<Arc<Secret>>,
    pub(crate) refresh: Option<Arc<Secret>>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) expires_at: Option<BootTime>,
    pub(crate) attempt_id: AttemptId,
    /// The attempt id of the sign-in that everything since descends from.
    pub(crate) lineage: AttemptId,
    pub(crate) subject: Option<String>,
    pub(crate) claims: Option<Arc<Map<String, Value>>>,
    pub(super) renew_at: Option<BootTime>,
    /// The attempt that brought these tokens: its waiters may use them whatever their expiry says.
    pub(super) made_by: Option<Attempt>,
    pub(super) used: bool,
    /// A server has accepted it.
    pub(super) proven: bool,
    /// It was got because a server refused the one before.
    pub(super) after_refusal: bool,
}

impl Held {
    /// Tokens of a sign-in.
    pub(super) fn arrived(grant: Grant, number: u64, made_by: Attempt, at: Moment) -> Self {
        let lineage = grant.lineage.clone().unwrap_or_else(|| grant.attempt_id.clone());
        let expires_at = grant.remaining.map(|remaining| at.now.after(remaining));
        let leeway = LEEWAY.min(grant.lifetime.or(grant.remaining).unwrap_or_default() / 10);
        // Jitter, so that devices which signed in together do not refresh together.
        let renew_at = expires_at.map(|expiry| expiry.before(leeway).after(at.jitter(leeway / 4)));
        Self {
            number,
            revision: number,
            access: grant.access.map(Arc::new),
            refresh: grant.refresh.map(Arc::new),
            lifetime: grant.lifetime,
            expires_at,
            attempt_id: grant.attempt_id,
            lineage,
            subject: grant.subject,
            claims: grant.claims,
            renew_at,
            made_by: Some(made_by),
            used: false,
            proven: false,
            after_refusal: false,
        }
    }

    /// Tokens of a refresh. What the server left out stays as it was (RFC 6749 section 6).
    pub(super) fn rotated(&self, grant: Grant, number: u64, made_by: Attempt, at: Moment) -> Self {
        let next = Self::arrived(grant, number, made_by, at);
        Self {
            refresh: next.refresh.or_else(|| self.refresh.clone()),
            lineage: self.lineage.clone(),
            subject: next.subject.or_else(|| self.subject.clone()),
            ..next
        }
    }

    /// A refresh token that came alone.
    pub(super) fn salvaged(&self, refresh: Secret, attempt_id: AttemptId, revision: u64) -> Self {
        // The access token is the old one, and so is its number: it stays refused where it was.
        Self { refresh: Some(Arc::new(refresh)), attempt_id, revision, ..self.clone() }
    }

    /// Tokens from the store, which an earlier process may have used, and a server accepted.
    pub(super) fn stored(grant: Grant, number: u64, at: Moment) -> Self {
        Self { made_by: None, used: true, proven: true, ..Self::arrived(grant, number, 0, at) }
    }

    /// Whether these tokens are what somebody waited for.
    pub(super) fn is_for(&self, waited: Option<Attempt>) -> bool {
        waited.is_some() && waited == self.made_by
    }

    /// Whether a grant is for another user than these tokens, as far as that is known.
    pub(super) fn is_other_subject(&self, grant: &Grant) -> bool {
        matches!((&self.subject, &grant.subject), (Some(ours), Some(theirs)) if ours != theirs)
    }
}

#[cfg(test)]
impl Held {
    pub(super) fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        // The lifetime and the claims decide nothing here.
        let Self { number, revision, access, refresh, expires_at, attempt_id, lineage, subject, .. } = self;
        print.number(Some(*number));
        print.number(Some(*revision));
        print.add((access, refresh, attempt_id, lineage, subject));
        print.deadline(*expires_at);
        print.deadline(self.renew_at);
        print.attempt(self.made_by);
        print.add((self.used, self.proven, self.after_refusal));
    }
}
