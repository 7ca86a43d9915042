//! What a realm has seen, in numbers.

use serde::{Deserialize, Serialize};

/// What a realm has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Counters {
    pub logins: u64,
    pub login_failures: u64,
    pub refresh_requests: u64,
    pub refreshes: u64,
    pub refresh_rejections: u64,
    pub reuse_detected: u64,
    pub logouts: u64,
    pub resource_requests: u64,
    pub resource_ok: u64,
    pub resource_unauthorized: u64,
    /// Those among them that presented no access token.
    pub resource_without_token: u64,
    pub active_families: u64,
    /// The bytes of all bodies that `/echo` has accepted.
    pub echoed_bytes: u64,
    /// Refreshes that were answered as the same request had been before.
    pub idempotency_replays: u64,
    /// Refreshes that were answered as the first use of the token had been.
    pub grace_replays: u64,
    /// Different `Idempotency-Key`s at the refresh endpoints.
    pub distinct_idempotency_keys: u64,
    /// Requests that came by following a redirect of a fault.
    pub redirects_followed: u64,
    /// Those among them that had an `Authorization`, a cookie or a body.
    pub redirects_with_credentials: u64,
    /// The most connections that one of the two listeners had open at once.
    pub peak_connections: u64,
}
