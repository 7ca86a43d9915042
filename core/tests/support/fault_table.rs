//! What can go wrong at the refresh endpoint, as the realm's command `fault` takes it, and what it leads to.

use std::collections::BTreeMap;

use Outcome::{Deferred, Doubted, Rejected, Retried, Unharmed};
use serde_json::{Value, json};

/// What one fault at the refresh endpoint leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The tokens arrive all the same.
    Unharmed,
    /// The answer is lost: the same token is sent again at once.
    Retried,
    /// Not believed before it is said twice.
    Doubted,
    /// The caller is told, and the session waits for a better moment.
    Deferred,
    /// The authority has spoken: the session ends.
    Rejected,
}

/// The faults that hit one refresh request.
pub(crate) fn faults() -> BTreeMap<&'static str, (Value, Outcome)> {
    let cut = |at: &str, by: &str| json!({"cut": {"at": at, "by": by}});
    let status = |status: u16, body: &str| json!({"status": status, "body": body});
    let json = |text: &str| json!({"content": {"json": text}});
    let oauth_error = r#"{"error": "server_error"}"#;
    BTreeMap::from([
        ("reset before the headers", (cut("before_headers", "reset"), Retried)),
        ("reset in the headers", (cut("mid_headers", "reset"), Retried)),
        ("reset in the body", (cut("mid_body", "reset"), Retried)),
        ("early FIN", (cut("before_headers", "fin"), Retried)),
        ("half-closed in the headers", (cut("mid_headers", "fin"), Retried)),
        ("shorter than its Content-Length", (cut("mid_body", "fin"), Retried)),
        ("not HTTP", (json!({"raw": "SSH-2.0-OpenSSH\r\n"}), Retried)),
        ("an empty 200", (status(200, ""), Retried)),
        ("a 204", (status(204, ""), Retried)),
        (
            "a captive portal's page",
            (json!({"status": 200, "body": "<html>", "headers": {"content-type": "text/html"}}), Retried),
        ),
        ("truncated JSON", (json(r#"{"access_token": "ey"#), Retried)),
        ("JSON of another shape", (json(r#"["access_token"]"#), Retried)),
        ("an empty access token", (json(r#"{"access_token": ""}"#), Retried)),
        ("a number for an access token", (json(r#"{"access_token": 7}"#), Retried)),
        ("an access token with a line break", (json(r#"{"access_token": "a\r\nX: y"}"#), Retried)),
        ("a byte order mark alone", (json!({"content": {"bytes": [0xEF, 0xBB, 0xBF]}}), Retried)),
        ("NUL", (json!({"content": {"bytes": [0]}}), Retried)),
        ("invalid UTF-8", (json!({"content": {"bytes": [b'"', 0xFF, b'"']}}), Retried)),
        ("JSON of depth 10,000", (json(&"[".repeat(10_000)), Retried)),
        ("a body of 8 MB", (json!({"content": {"oversized": 8_000_000}}), Retried)),
        ("a gzip bomb", (json!({"content": {"gzip_bomb": 8_000_000}}), Retried)),
        ("bad gzip", (json!({"content": "bad_gzip"}), Retried)),
        ("a 401 that is not JSON", (status(401, "<html>"), Doubted)),
        ("a 401 with JSON", (status(401, oauth_error), Rejected)),
        ("a 408", (status(408, ""), Deferred)),
        ("a 425", (status(425, ""), Deferred)),
        ("a 429 without Retry-After", (status(429, ""), Deferred)),
        ("a 500", (status(500, oauth_error), Deferred)),
        ("a 502 of a proxy", (status(502, "<html>"), Deferred)),
        // What the server asks for holds on any network; no test waits for an hour.
        ("a 503 for no time at all", (json!({"status": 503, "headers": {"retry-after": "0"}}), Deferred)),
        (
            "a Retry-After in the past",
            (json!({"status": 503, "headers": {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}}), Deferred),
        ),
        ("a negative Retry-After", (json!({"status": 503, "headers": {"retry-after": "-1"}}), Deferred)),
        (
            "an absurd Retry-After",
            (json!({"status": 503, "headers": {"retry-after": "99999999999999999999"}}), Deferred),
        ),
        ("two Retry-After", (json!({"status": 503, "headers": {"retry-after": ["soon", "1"]}}), Deferred)),
        ("a 400", (status(400, oauth_error), Deferred)),
        ("a 403", (status(403, "<html>"), Deferred)),
        ("a 404", (status(404, ""), Deferred)),
        ("a 407", (status(407, ""), Deferred)),
        ("a 418", (status(418, oauth_error), Deferred)),
        ("a redirect loop", (json!({"redirect": "loop"}), Deferred)),
        ("a redirect over 21 hops", (json!({"redirect": {"hops": 21}}), Deferred)),
        ("a redirect to another origin", (json!({"redirect": "cross_origin"}), Deferred)),
        (
            "a redirect that turns POST into GET",
            (json!({"redirect": "cross_origin", "status": 303}), Deferred),
        ),
        ("a delay", (json!({"delay_ms": 100}), Unharmed)),
    ])
}

/// The faults that leave the server's own answer whole; there is none before the server acts.
pub(crate) fn oddities() -> BTreeMap<&'static str, (Value, Outcome)> {
    let set = |expires_in: Value| json!({"content": {"members": {"set": {"expires_in": expires_in}}}});
    let template = |text: &str| json!({"content": {"template": text}});
    let omit = |name: &str| json!({"content": {"members": {"omit": [name]}}});
    BTreeMap::from([
        ("one byte at a time", (json!({"pieces": {"bytes": 1, "every_ms": 0}}), Unharmed)),
        ("a slow body", (json!({"pieces": {"bytes": 64, "every_ms": 10}}), Unharmed)),
        ("a wrong content type", (json!({"headers": {"content-type": "text/html"}}), Unharmed)),
        ("two content types", (json!({"headers": {"content-type": ["text/html", "image/png"]}}), Unharmed)),
        ("a header of 64 KiB", (json!({"padding_bytes": 65_536}), Unharmed)),
        ("a clock that is a day behind", (json!({"date": {"skew_seconds": -86_400}}), Unharmed)),
        ("a clock that is a day ahead", (json!({"date": {"skew_seconds": 86_400}}), Unharmed)),
        ("no Date", (json!({"date": "missing"}), Unharmed)),
        ("no expires_in", (omit("expires_in"), Unharmed)),
        ("no token_type", (omit("token_type"), Unharmed)),
        ("expires_in null", (set(json!(null)), Unharmed)),
        ("expires_in 0", (set(json!(0)), Unharmed)),
        ("expires_in -1", (set(json!(-1)), Unharmed)),
        ("expires_in as text", (set(json!("3600")), Unharmed)),
        ("expires_in with a fraction", (set(json!(0.5)), Unharmed)),
        ("expires_in 2^63", (set(json!(1_u64 << 63)), Unharmed)),
        ("expires_in 1e300", (set(json!(1e300)), Unharmed)),
        (
            "a key twice",
            (
                template(
                    r#"{"access_token": "", "access_token": "$access_token", "refresh_token": "$refresh_token"}"#,
                ),
                Unharmed,
            ),
        ),
        ("expires_in as a list", (set(json!([3600])), Unharmed)),
    ])
}
