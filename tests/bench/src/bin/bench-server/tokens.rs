//! Tokens of the strict kind: a refresh token is good once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Of an access token, whose signature nobody checks: as long as one by ES256, with the number in front.
const SIGNATURE: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_abcdefghijklmnop";
const LIFETIME_SECONDS: u64 = 3600;

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counters {
    pub(crate) refreshes: u64,
    /// Refresh tokens that were sent a second time.
    pub(crate) reuse_detected: u64,
    pub(crate) sign_ins: u64,
    /// When the last refresh was answered, in nanoseconds on the machine's monotonic clock.
    pub(crate) refreshed_at_ns: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Realm {
    issued: AtomicU64,
    /// Access tokens up to this one have expired.
    expired: AtomicU64,
    refresh_tokens: Mutex<HashSet<String>>,
    counters: Mutex<Counters>,
    /// Requests that were answered with 401.
    pub(crate) unauthorized: watch::Sender<u64>,
    /// Refreshes that have arrived.
    pub(crate) arrived: watch::Sender<u64>,
    /// Whether refreshes are kept waiting.
    pub(crate) held: watch::Sender<bool>,
}

impl Realm {
    /// Whether the value of an `Authorization` header holds a token that has not expired.
    pub(crate) fn accepts(&self, authorization: &[u8]) -> bool {
        let number = authorization
            .strip_prefix(b"Bearer ")
            .and_then(|token| token.strip_suffix(SIGNATURE.as_bytes()))
            .and_then(|token| token.rsplit(|byte| *byte == b'.').next())
            .and_then(|number| std::str::from_utf8(number).ok()?.parse::<u64>().ok());
        number.is_some_and(|number| {
            number > self.expired.load(Ordering::Relaxed) && number <= self.issued.load(Ordering::Relaxed)
        })
    }

    pub(crate) fn sign_in(&self) -> Value {
        self.counters().sign_ins += 1;
        let mut tokens = self.issue();
        tokens["user"] = json!({"id": "1", "email": "ada@example.com"});
        tokens
    }

    /// `None` for a token that is unknown or was used before.
    pub(crate) fn refresh(&self, refresh_token: &str) -> Option<Value> {
        if !self.refresh_tokens().remove(refresh_token) {
            self.counters().reuse_detected += 1;
            return None;
        }
        let tokens = self.issue();
        let mut counters = self.counters();
        counters.refreshes += 1;
        counters.refreshed_at_ns = bench::clock::now_ns();
        Some(tokens)
    }

    pub(crate) fn sign_out(&self, refresh_token: &str) {
        self.refresh_tokens().remove(refresh_token);
    }

    pub(crate) fn expire_access_tokens(&self) {
        self.expired.store(self.issued.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issue(&self) -> Value {
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        let refresh_token = format!("refresh.{number}.{SIGNATURE}");
        self.refresh_tokens().insert(refresh_token.clone());
        json!({
            "access_token": jwt(number),
            "refresh_token": refresh_token,
            "expires_in": LIFETIME_SECONDS,
            "token_type": "Bearer",
        })
    }

    fn refresh_tokens(&self) -> MutexGuard<'_, HashSet<String>> {
        self.refresh_tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A JWT, since some clients look into the token for its expiry. Its number is in front of its signature.
fn jwt(number: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let header = json!({"alg": "ES256", "typ": "at+jwt"});
    let claims = json!({"sub": "1", "iat": now, "exp": now + LIFETIME_SECONDS, "jti": number.to_string()});
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{number}{SIGNATURE}", part(header), part(claims))
}
