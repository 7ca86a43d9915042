//! The claims of an access token: any text as a token, and any JSON as its payload.

#![no_main]

use std::time::Duration;

use auth_session::fuzzing::{claims_of, remaining, subject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::{LONGEST_LIFETIME, at};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: (u64, bool, &[u8])| {
    let (now, whole, bytes) = input;
    let token = if whole {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        format!("eyJhbGciOiJub25lIn0.{}.", URL_SAFE_NO_PAD.encode(bytes))
    };
    let Some(claims) = claims_of(&token) else { return };
    assert_eq!(subject(&claims).as_deref(), claims.get("sub").and_then(Value::as_str));
    let left = remaining(&claims, at(now));
    assert!(left.is_none_or(|left| !left.is_zero() && left <= LONGEST_LIFETIME));
    let now = at(now).duration_since(std::time::SystemTime::UNIX_EPOCH).expect("later").as_secs();
    // Up to here an f64 is exact.
    if let Some(expiry) = claims.get("exp").and_then(Value::as_u64).filter(|expiry| *expiry < 1 << 50) {
        let exact = expiry.checked_sub(now).map(Duration::from_secs);
        assert_eq!(left, exact.filter(|left| !left.is_zero() && *left <= LONGEST_LIFETIME));
    }
});
