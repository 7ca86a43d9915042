//! The claims of an access token, for showing. They are decoded, not verified: a client cannot know
//! whether a token is genuine, and RFC 9068 section 6 tells it not to look. What is decided with them
//! here (who the subject is, when the token expires) costs at most a refused request if they lie.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::secret::Secret;

/// A longer life than this is taken for a mistake.
pub(crate) const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The claims, if the token is a JWT at all.
pub(crate) fn decode(access_token: &Secret) -> Option<Arc<Map<String, Value>>> {
    jsonwebtoken::dangerous::insecure_decode_claims(access_token.expose()).ok().map(Arc::new)
}

pub(crate) fn subject(claims: Option<&Map<String, Value>>) -> Option<String> {
    claims?.get("sub")?.as_str().map(str::to_owned)
}

/// What is left of the token's life by its own `exp`, seen from `now` (the server's clock where it is
/// known). `None` where `exp` is missing, odd or past: the expiry is unknown then.
pub(crate) fn remaining(claims: Option<&Map<String, Value>>, now: SystemTime) -> Option<Duration> {
    let expiry = claims?.get("exp")?.as_f64().filter(|seconds| seconds.is_finite() && *seconds > 0.0)?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    Duration::try_from_secs_f64(expiry - now).ok().filter(|left| !left.is_zero() && *left <= LONGEST_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_odd_expiry_is_unknown() {
        for odd in [json!("soon"), json!(-1), json!(1e300), json!(1e12), json!(null), json!([]), json!(99)] {
            let claims = Map::from_iter([("exp".to_owned(), odd.clone())]);
            assert_eq!(remaining(Some(&claims), at(100)), None, "{odd}");
        }
        assert_eq!(remaining(None, at(100)), None);
    }

    #[test]
    fn an_expiry_is_counted_from_the_given_time() {
        let claims = Map::from_iter([("exp".to_owned(), json!(160))]);
        assert_eq!(remaining(Some(&claims), at(100)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        assert!(decode(&Secret::new("opaque")).is_none());
        assert!(decode(&Secret::new("a.b.c")).is_none());
    }
}
