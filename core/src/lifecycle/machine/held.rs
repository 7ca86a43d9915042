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
    pub(super) renew_at: Option<BootTime>,
    /// The attempt that brought these tokens: its waiters may use them whatever their expiry says.
    pub(super) made_by: Attempt,
    pub(super) used: bool,
}

impl Held {
    pub(super) fn new(
        grant: Grant,
        refresh: Option<Arc<Secret>>,
        number: u64,
        made_by: Attempt,
        at: Moment,
    ) -> Self {
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

    /// Whether tokens are known to be somebody else's.
    pub(super) fn is_of_another_than(&self, grant: &Grant) -> bool {
        matches!((&self.subject, &grant.subject), (Some(own), Some(other)) if own != other)
    }
}
