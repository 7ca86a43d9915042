//! What holds for every input of the parsers that read what others wrote: they do not panic, they do not
//! take long, and what they let through is harmless.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::fields::{FieldPath, TokenFields, named};
use super::tokens::{is_header_safe, is_refresh_token, parse, take};
use super::verdict::{Protocol, Reading, Terminal, of_answer};
use super::{MAX_ANSWER_BYTES, Reply, cookie};
use crate::claims::{self, LONGEST_LIFETIME};
use crate::event::SignOutReason;
use crate::lifecycle::machine::Times;
use crate::lifecycle::record::{AttemptId, Entry, Record, Tombstone};
use crate::lifecycle::terms::Verdict;
use crate::secret::Secret;
use crate::store::{Generation, Slot};

/// Enough to meet each rule often, and a second for all of them.
fn bounded() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

/// Names that mean something are as likely as others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "access_token",
            "accessToken",
            "refresh_token",
            "expires_in",
            "token_type",
            "error",
            "code",
            "data",
            "0",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[!-~]{1,20}".prop_map(Value::from),
        "[0-9]{1,25}".prop_map(Value::from),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(name(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A JSON text, or one in which a byte was replaced, or that was cut off, or noise.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let text = || json_value().prop_map(|json| json.to_string().into_bytes());
    prop_oneof![
        text(),
        (text(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut text, place, byte)| {
            let place = place.index(text.len());
            text[place] = byte;
            text
        }),
        (text(), any::<prop::sample::Index>()).prop_map(|(mut text, end)| {
            text.truncate(end.index(text.len() + 1));
            text
        }),
        vec(any::<u8>(), 0..256),
        "[\\[\\]{}\":,0-9eE+.\\\\u-]{0,64}".prop_map(String::into_bytes),
    ]
}

fn terminal() -> Terminal {
    Terminal { statuses: vec![401], codes: vec!["REVOKED".into()], code_at: named(&["error", "error.code"]) }
}

proptest! {
    #![proptest_config(bounded())]

    #[test]
    fn an_answer_of_any_bytes_is_a_verdict_that_lets_nothing_harmful_through(
        body in body(),
        status in 100_u16..1000,
        retry_after in proptest::option::of(any::<String>()),
        set_cookies in vec(any::<String>(), 0..3),
        oauth in any::<bool>(),
        with_cookie in any::<bool>(),
    ) {
        let cookie = with_cookie.then(|| "refresh".to_owned());
        let fields = TokenFields { cookie, ..TokenFields::oauth() };
        let protocol = if oauth { Protocol::OAuth2 } else { Protocol::Json };
        let status = StatusCode::from_u16(status).expect("in range");
        let reply = Reply { status, retry_after, date: None, set_cookies, body: Bytes::from(body) };
        match of_answer(Reading { protocol, fields: &fields, terminal: &terminal() }, reply) {
            Verdict::Rotated(grant) => {
                prop_assert!(status.is_success());
                prop_assert!(grant.access.is_some_and(|token| is_header_safe(token.expose())));
                prop_assert!(grant.refresh.is_none_or(|token| is_refresh_token(token.expose())));
                prop_assert!(grant.lifetime.is_none_or(|life| !life.is_zero() && life <= LONGEST_LIFETIME));
            }
            Verdict::Salvaged(token, _) => prop_assert!(is_refresh_token(token.expose())),
            Verdict::Ambiguous => prop_assert!(status.is_success()),
            // The server's own words do not get into an error.
            Verdict::Misconfigured(text) => prop_assert!(text.len() < 64 && text.is_ascii()),
            _ => prop_assert!(!status.is_success() || oauth),
        }
    }

    #[test]
    fn no_token_stays_in_what_is_handed_to_the_app(mut answer in json_value(), token in "[!-~]{20,30}") {
        let fields = TokenFields {
            access: named(&["data.access_token", "access_token"]),
            refresh: named(&["data.0"]),
            ..TokenFields::oauth()
        };
        if let Value::Object(members) = &mut answer {
            members.insert("access_token".into(), token.clone().into());
            members.insert("data".into(), json!([token]));
        }
        let is_object = answer.is_object();
        let tokens = take(&mut answer, &fields, &[], None).expect("random bytes");
        prop_assert_eq!(tokens.access.is_some() && tokens.refresh.is_some(), is_object);
        prop_assert!(!is_object || !answer.to_string().contains(&token));
    }

    #[test]
    fn any_expires_in_is_a_lifetime_within_bounds_or_unknown(expires_in in json_value()) {
        let mut answer = json!({"access_token": "a", "expires_in": expires_in});
        let grant = take(&mut answer, &TokenFields::oauth(), &[], None).expect("random bytes").grant();
        prop_assert!(grant.lifetime.is_none_or(|life| !life.is_zero() && life <= LONGEST_LIFETIME));
        prop_assert_eq!(answer, json!({}));
    }

    #[test]
    fn any_retry_after_is_a_pause_or_none(text in "\\PC*", seconds in any::<u64>(), date in 0..4_000_000_000_u64) {
        let pause = |text: String| {
            let reply = Reply {
                status: StatusCode::SERVICE_UNAVAILABLE,
                retry_after: Some(text),
                date: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(date)),
                set_cookies: Vec::new(),
                body: Bytes::new(),
            };
            super::verdict::pause_asked(&reply).expect("it cannot answer now")
        };
        pause(text);
        prop_assert_eq!(pause(seconds.to_string()), Some(Duration::from_secs(seconds)));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(date + 60);
        prop_assert_eq!(pause(httpdate::fmt_http_date(at)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn any_cookie_has_a_value_or_none(headers in vec("(refresh=)?\\PC{0,40}(;[a-zA-Z-]{0,10}=\\PC{0,30}){0,3}", 0..4)) {
        if let Some(value) = cookie::value(&headers, "refresh", SystemTime::now()) {
            prop_assert!(!value.is_empty() && !value.contains(';'));
        }
    }

    #[test]
    fn any_path_takes_what_it_finds(path in "\\PC{0,20}|/\\PC{0,20}|data(\\.[a-z0-9]{1,3}){0,3}", json in json_value()) {
        if let Some(path) = FieldPath::parse(&path) {
            let found = path.find(&json).cloned();
            prop_assert_eq!(path.take(&mut json.clone()), found);
        }
    }

    #[test]
    fn any_token_has_claims_or_none(
        token in "\\PC{0,60}|[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,40}",
        claims in json_value(),
        now in 0..4_000_000_000_u64,
    ) {
        claims::decode(&Secret::new(token));
        let claims = claims.as_object().cloned().unwrap_or_default();
        claims::subject(Some(&claims));
        let exp = Map::from_iter([("exp".to_owned(), claims.into_iter().next().map_or(Value::Null, |(_, value)| value))]);
        let left = claims::remaining(Some(&exp), SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        prop_assert!(left.is_none_or(|left| !left.is_zero() && left <= LONGEST_LIFETIME));
    }

    #[test]
    fn any_record_is_decoded_as_it_was_encoded_and_any_other_bytes_are_refused(
        access in proptest::option::of("[!-~]{1,40}"),
        refresh in "[^\\p{Cc}]{1,40}",
        subject in proptest::option::of(any::<String>()),
        milliseconds in proptest::option::of(any::<u32>()),
        generation in any::<u64>(),
        noise in vec(any::<u8>(), 0..256),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let slot = Slot { namespace: "app".into(), account: "main".into() };
        let time = milliseconds.map(|time| Duration::from_millis(time.into()));
        let record = Record {
            access_token: access.map(Secret::new),
            refresh_token: Some(Secret::new(refresh)),
            expires_at: time.map(|time| SystemTime::UNIX_EPOCH + time),
            lifetime: time,
            attempt: AttemptId::random().expect("random bytes"),
            lineage: AttemptId::random().expect("random bytes"),
            device: None,
            subject,
            times: Times { signed_in_at: time.map(|time| SystemTime::UNIX_EPOCH + time), used_at: None },
        };
        for entry in [Entry::Live(record), Entry::Ended(Tombstone { reason: SignOutReason::User })] {
            let bytes = entry.encode(&slot, Generation(generation));
            let whole = Ok((entry, Generation(generation)));
            prop_assert_eq!(Entry::decode(&slot, &bytes), whole.clone());
            let mut changed = bytes.to_vec();
            let place = place.index(changed.len());
            changed[place] = byte;
            prop_assert_eq!(Entry::decode(&slot, &changed) == whole, changed[..] == bytes[..]);
            prop_assert!(Entry::decode(&slot, &bytes[..place]).is_err());
        }
        let mut headed = b"authsession-record 1 live ".to_vec();
        headed.extend_from_slice(&noise);
        prop_assert!(Entry::decode(&slot, &noise).is_err() && Entry::decode(&slot, &headed).is_err());
    }
}

#[test]
fn the_largest_answers_are_read_in_no_time_whatever_they_repeat() {
    let started = Instant::now();
    for unit in
        ["1", "\"", "\\", "[", "{\"a\":", "\"1", "1e9", "-", "[1e999,", "\u{e9}", "\"\\u", "\u{0}", " "]
    {
        let mut body = unit.repeat(MAX_ANSWER_BYTES / unit.len());
        parse(body.as_bytes());
        body.insert_str(0, "{\"access_token\":\"");
        parse(body.as_bytes());
    }
    // A step that looks ahead at every byte would take hours.
    assert!(started.elapsed() < Duration::from_secs(30));
}
