//! The tokens in a server's answer.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::claims::{self, LONGEST_LIFETIME};
use crate::error::Error;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::Grant;
use crate::secret::Secret;

/// What an answer holds of tokens; each may be missing.
pub(crate) struct Tokens {
    pub(crate) access: Option<Secret>,
    pub(crate) refresh: Option<Secret>,
    pub(crate) attempt_id: AttemptId,
    lifetime: Option<Duration>,
    date: Option<SystemTime>,
}

impl Tokens {
    pub(crate) fn new(
        access: Option<Secret>,
        refresh: Option<Secret>,
        lifetime: Option<Duration>,
        date: Option<SystemTime>,
    ) -> Result<Self, Error> {
        Ok(Self { access, refresh, attempt_id: AttemptId::random()?, lifetime, date })
    }

    /// The tokens ready for use; `None` without an access token.
    pub(crate) fn usable(self) -> Option<Grant> {
        self.access.is_some().then(|| self.grant())
    }

    pub(crate) fn grant(self) -> Grant {
        let claims = self.access.as_ref().and_then(claims::decode);
        // `expires_in` first (RFC 6749 section 5.1); the token's own `exp` second, by the server's clock.
        let lifetime = self
            .lifetime
            .or_else(|| claims::remaining(claims.as_deref(), self.date.unwrap_or_else(SystemTime::now)));
        Grant {
            access: self.access,
            refresh: self.refresh,
            lifetime,
            remaining: lifetime,
            attempt_id: self.attempt_id,
            lineage: None,
            subject: claims::subject(claims.as_deref()),
            claims,
        }
    }
}

/// Takes the tokens out of a JSON answer and leaves the rest. Text that could not stand in a header
/// counts as no token.
pub(crate) fn take(answer: &mut Value, date: Option<SystemTime>) -> Result<Tokens, Error> {
    let mut nothing = Map::new();
    let members = answer.as_object_mut().unwrap_or(&mut nothing);
    let mut token = |name| match members.remove(name) {
        Some(Value::String(text)) if is_header_safe(&text) => Some(Secret::new(text)),
        _ => None,
    };
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let lifetime = members.remove("expires_in").as_ref().and_then(lifetime);
    members.remove("token_type");
    Tokens::new(access, refresh, lifetime, date)
}

/// RFC 6750 section 2.1, a little wider: visible ASCII, so that no token can end a header line.
pub(crate) fn is_header_safe(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Seconds as a number or as its text; anything odd is an unknown lifetime, never an error.
fn lifetime(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<u64>().ok()? as f64,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|life| !life.is_zero() && *life <= LONGEST_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(mut answer: Value) -> (Tokens, Value) {
        let tokens = take(&mut answer, None).expect("random bytes");
        (tokens, answer)
    }

    #[test]
    fn tokens_are_taken_out_and_the_rest_is_left() {
        let (tokens, rest) = taken(json!({
            "access_token": "a", "refresh_token": "r", "expires_in": 60, "token_type": "Bearer",
            "user": {"id": 1}
        }));
        assert_eq!(tokens.refresh, Some(Secret::new("r")));
        assert_eq!(tokens.usable().and_then(|grant| grant.lifetime), Some(Duration::from_secs(60)));
        assert_eq!(rest, json!({"user": {"id": 1}}));
    }

    #[test]
    fn text_that_is_not_header_safe_is_no_token() {
        for bad in [json!(""), json!("a b"), json!("a\r\nX: y"), json!("\u{e9}"), json!(7), json!(null)] {
            assert!(taken(json!({"access_token": bad})).0.usable().is_none());
        }
    }

    #[test]
    fn an_odd_lifetime_is_unknown() {
        for odd in [json!(null), json!(0), json!(-1), json!("soon"), json!(1e300), json!([1]), json!("-5")] {
            assert_eq!(lifetime(&odd), None, "{odd}");
        }
        assert_eq!(lifetime(&json!("3600")), Some(Duration::from_secs(3600)));
        assert_eq!(lifetime(&json!(1.5)), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn an_answer_that_is_no_object_holds_no_token() {
        for answer in [json!([1]), json!("text"), json!(null)] {
            assert!(taken(answer).0.usable().is_none());
        }
    }
}
