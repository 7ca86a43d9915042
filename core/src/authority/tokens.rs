//! The tokens in a server's answer.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::cookie;
use super::fields::{FieldPath, TokenFields};
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

/// Reads the body of an answer as JSON, forgiving what costs nothing: a byte order mark (RFC 8259
/// section 8.1 allows to ignore it), bytes that are not UTF-8, and what [`mended`] mends. A token that was
/// rotated is lost with its answer, so an answer is not given up for a name in Latin-1.
pub(crate) fn parse(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(&text).or_else(|_| serde_json::from_str(&mended(&text))).ok()
}

/// A JSON text without what RFC 8259 allows and serde_json refuses: a number that no `f64` is as large as
/// (section 6) is null, and half a surrogate pair (section 8.2), as a name leaves behind that was cut within
/// an emoji, is the replacement character.
fn mended(text: &str) -> String {
    let mut rest = text;
    let mut result = String::with_capacity(text.len());
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        let (length, replacement) = match first {
            '"' => {
                in_string = !in_string;
                (1, None)
            }
            '\\' if in_string => escape(rest),
            '-' | '0'..='9' if !in_string => number(rest),
            _ => (first.len_utf8(), None),
        };
        let (token, behind) = rest.split_at(length);
        result.push_str(replacement.unwrap_or(token));
        rest = behind;
    }
    result
}

/// The length of the number at the start, and what stands for it.
fn number(text: &str) -> (usize, Option<&'static str>) {
    let length = text.bytes().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
    let infinite = text[..length].parse::<f64>().is_ok_and(f64::is_infinite);
    (length, infinite.then_some("null"))
}

/// The length of the escape sequence at the start, and what stands for it.
fn escape(text: &str) -> (usize, Option<&'static str>) {
    let unit = |at: usize| u16::from_str_radix(text.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok();
    match (unit(0), unit(6)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, None),
        (Some(0xD800..=0xDFFF), _) => (6, Some("\\ufffd")),
        _ => (1 + text.chars().nth(1).map_or(0, char::len_utf8), None),
    }
}

/// Takes the tokens out of an answer and leaves the rest. Text that could not stand in a header counts as
/// no token.
pub(crate) fn take(
    answer: &mut Value,
    fields: &TokenFields,
    set_cookies: &[String],
    date: Option<SystemTime>,
) -> Result<Tokens, Error> {
    let access = first(answer, &fields.access, token);
    let in_body = first(answer, &fields.refresh, refresh_token);
    let refresh = match &fields.cookie {
        None => in_body,
        Some(name) => cookie::value(set_cookies, name, date.unwrap_or_else(SystemTime::now))
            .filter(|token| is_refresh_token(token))
            .map(Secret::from),
    };
    let lifetime = first(answer, &fields.lifetime, |value| lifetime(&value));
    if let Some(members) = answer.as_object_mut() {
        // An ID token says who signed in at that time, and is nobody's business afterwards.
        for name in ["token_type", "tokenType", "id_token", "idToken"] {
            members.remove(name);
        }
    }
    Tokens::new(access, refresh, lifetime, date)
}

/// The first alternative that can be used. All are taken out, so that the rest holds no token.
fn first<T>(answer: &mut Value, paths: &[FieldPath], read: impl Fn(Value) -> Option<T>) -> Option<T> {
    let taken: Vec<T> = paths.iter().filter_map(|path| path.take(answer)).filter_map(read).collect();
    taken.into_iter().next()
}

fn token(value: Value) -> Option<Secret> {
    match value {
        Value::String(text) if is_header_safe(&text) => Some(Secret::new(text)),
        _ => None,
    }
}

fn refresh_token(value: Value) -> Option<Secret> {
    match value {
        Value::String(text) if is_refresh_token(&text) => Some(Secret::new(text)),
        _ => None,
    }
}

/// A refresh token is sent in a body, which takes any text; RFC 6749 appendix A.17 asks for visible ASCII and
/// space, and not every backend knows. Throwing one away would leave the session with one that is used up. A
/// replacement character is what reading has put in place of something else: no server knows that token, and its
/// rejection would end the session.
pub(crate) fn is_refresh_token(token: &str) -> bool {
    let odd = |character: char| character.is_control() || character == char::REPLACEMENT_CHARACTER;
    !token.is_empty() && !token.chars().any(odd)
}

/// Whether there is something other than null where the access token belongs.
pub(crate) fn offers_access_token(answer: &Value, fields: &TokenFields) -> bool {
    fields.access.iter().any(|path| path.find(answer).is_some_and(|value| !value.is_null()))
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
        let tokens = take(&mut answer, &TokenFields::oauth(), &[], None).expect("random bytes");
        (tokens, answer)
    }

    #[test]
    fn tokens_are_taken_out_and_the_rest_is_left() {
        let (tokens, rest) = taken(json!({
            "access_token": "a", "refresh_token": "r", "expires_in": 60, "token_type": "Bearer",
            "id_token": "i", "user": {"id": 1}
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
    fn a_refresh_token_that_could_not_be_read_whole_is_none() {
        for body in [&b"{\"refresh_token\":\"r\xe9\"}"[..], br#"{"refresh_token":"r\ud83d"}"#] {
            let answer = parse(body).expect("it is mended");
            assert_eq!(taken(answer).0.refresh, None);
        }
        let whole = parse("{\"refresh_token\":\"r\u{e9}\"}".as_bytes()).expect("JSON");
        assert_eq!(taken(whole).0.refresh, Some(Secret::new("r\u{e9}")));
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

    #[test]
    fn the_first_usable_alternative_counts_and_none_stays_behind() {
        let fields = TokenFields {
            access: ["a.b", "/c/0", "d"].iter().filter_map(|path| FieldPath::parse(path)).collect(),
            ..TokenFields::oauth()
        };
        let mut answer = json!({"a": {"b": 7, "x": 1}, "c": ["second"], "d": "third"});
        let tokens = take(&mut answer, &fields, &[], None).expect("random bytes");
        assert_eq!(tokens.access, Some(Secret::new("second")));
        assert_eq!(answer, json!({"a": {"x": 1}, "c": [null]}));
    }

    #[test]
    fn the_life_of_a_token_without_expires_in_is_counted_by_the_server_s_date() {
        // {"alg":"none"}.{"sub":"u1","exp":4000000000}
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsImV4cCI6NDAwMDAwMDAwMH0.";
        let lifetime_at = |date: Option<SystemTime>| {
            let mut answer = json!({ "access_token": jwt });
            let tokens = take(&mut answer, &TokenFields::oauth(), &[], date).expect("random bytes");
            tokens.usable().and_then(|grant| grant.lifetime)
        };
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(lifetime_at(at(4_000_000_000 - 60)), Some(Duration::from_secs(60)));
        // A server whose clock was never set, or that issues tokens that are over: unknown.
        assert_eq!(lifetime_at(at(0)), None);
        assert_eq!(lifetime_at(at(4_000_000_001)), None);
    }

    #[test]
    fn expires_in_counts_before_the_token_s_own_exp() {
        // {"alg":"none"}.{"sub":"u1","exp":4000000000}
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsImV4cCI6NDAwMDAwMDAwMH0.";
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000 - 60);
        let lifetime = |expires_in: Value| {
            let mut answer = json!({"access_token": jwt, "expires_in": expires_in});
            let tokens = take(&mut answer, &TokenFields::oauth(), &[], Some(date)).expect("random bytes");
            tokens.usable().and_then(|grant| grant.lifetime)
        };
        assert_eq!(lifetime(json!(7)), Some(Duration::from_secs(7)));
        assert_eq!(lifetime(json!(3600)), Some(Duration::from_secs(3600)));
        assert_eq!(lifetime(json!("soon")), Some(Duration::from_secs(60)));
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_nothing_else_changes() {
        let text = r#"{"n":"\ud83d","m":"\ude00\ud83d\ude00\ud83dx","q":"\\ud83d \u00e9\"","\udc00":1e400}"#;
        let json = json!({"n": "\u{fffd}", "m": "\u{fffd}\u{1f600}\u{fffd}x", "q": "\\ud83d \u{e9}\"",
            "\u{fffd}": null});
        assert_eq!(parse(text.as_bytes()), Some(json));
        for broken in [r#""\ud83"#, r#""\ud8zz""#, r#"\ud83d"#] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn a_number_beyond_all_bounds_is_null_and_nothing_else_changes() {
        let text = r#"{"a\"1e999":"\\","b":[-1e400,1e400 ,1.5e3],"c":"1e400\"1e400"}"#;
        let json = json!({"a\"1e999": "\\", "b": [null, null, 1500.0], "c": "1e400\"1e400"});
        assert_eq!(parse(text.as_bytes()), Some(json));
        for broken in ["1e400e", "[1e400", "inf", "\"\\", "", "-", "{\"a\":1e400}}"] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
