//! What the refresh endpoint's answer means: the failure table, as a function.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::Value;

use super::fields::{FieldPath, TokenFields};
use super::{Reply, tokens};
use crate::lifecycle::terms::Verdict;

/// How the answers of a token endpoint are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) fields: &'a TokenFields,
    pub(crate) terminal: &'a Terminal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    OAuth2,
}

/// Which answers the app has named as the end of the session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terminal {
    pub(crate) statuses: Vec<u16>,
    pub(crate) codes: Vec<String>,
    pub(crate) code_at: Vec<FieldPath>,
}

impl Terminal {
    fn names_code(&self, json: &Value) -> bool {
        self.code_at
            .iter()
            .filter_map(|path| path.find(json)?.as_str())
            .any(|code| self.codes.iter().any(|terminal| terminal == code))
    }
}

pub(crate) fn of_answer(reading: Reading<'_>, reply: Reply) -> Verdict {
    let json = tokens::parse(&reply.body);
    let status = reply.status;
    if status.is_success() {
        return of_success(reading, json.unwrap_or_default(), &reply);
    }
    if json.as_ref().is_some_and(|json| reading.terminal.names_code(json)) {
        return Verdict::Rejected { certain: true };
    }
    if let Some(retry_after) = pause_asked(&reply) {
        return Verdict::Unavailable { retry_after };
    }
    // A redirect is never followed: it would carry the refresh token to wherever it points.
    if status.is_redirection() {
        return Verdict::Misconfigured(format!("HTTP {status}"));
    }
    // Without JSON the answer may come from something in between, such as a captive portal.
    if reading.terminal.statuses.contains(&status.as_u16()) {
        return Verdict::Rejected { certain: json.is_some_and(|json| json.is_object()) };
    }
    match (reading.protocol, status) {
        (Protocol::OAuth2, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => {
            of_oauth_error(json.as_ref(), status)
        }
        _ => Verdict::Unexpected { status: status.as_u16() },
    }
}

fn of_success(reading: Reading<'_>, mut json: Value, reply: &Reply) -> Verdict {
    let terminal = reading.terminal.names_code(&json);
    let understood = reading.protocol == Protocol::Json || is_bearer(&json);
    let Ok(mut tokens) = tokens::take(&mut json, reading.fields, &reply.set_cookies, reply.date) else {
        return Verdict::Ambiguous;
    };
    if !understood && tokens.access.take().is_some() && tokens.refresh.is_none() {
        return Verdict::Unexpected { status: reply.status.as_u16() };
    }
    match (&tokens.access, &tokens.refresh) {
        (None, Some(refresh)) => Verdict::Salvaged(refresh.clone(), tokens.attempt_id),
        // Some backends answer everything with 200 and say in the body what it means.
        (None, None) if terminal => Verdict::Rejected { certain: true },
        // Without any token the answer may be a portal's page, or the rest was lost on the way.
        _ => tokens.usable().map_or(Verdict::Ambiguous, |grant| Verdict::Rotated(Box::new(grant))),
    }
}

/// RFC 6749 section 7.1: a token of a type that the client does not understand must not be used. A server
/// that leaves the type out means the usual one.
fn is_bearer(json: &Value) -> bool {
    match json.get("token_type") {
        None | Some(Value::Null) => true,
        Some(kind) => kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
    }
}

/// RFC 6749 section 5.2. `error_description` is not looked at: it is the server's text for its developers.
fn of_oauth_error(json: Option<&Value>, status: StatusCode) -> Verdict {
    match json.and_then(|json| json.get("error")).and_then(Value::as_str) {
        Some("invalid_grant") => Verdict::Rejected { certain: true },
        Some(
            code @ ("invalid_client"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "invalid_scope"
            | "invalid_request"),
        ) => Verdict::Misconfigured(code.to_owned()),
        _ => Verdict::Unexpected { status: status.as_u16() },
    }
}

/// For a server that cannot answer now: when it may be asked again, where it says so.
pub(super) fn pause_asked(reply: &Reply) -> Option<Option<Duration>> {
    may_pass(reply.status).then(|| {
        let now = reply.date.unwrap_or_else(SystemTime::now);
        reply.retry_after.as_deref().and_then(|text| retry_after(text, now))
    })
}

fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
        )
}

/// RFC 9110 section 10.2.3: seconds, or a date. Anything else is as if it were not there.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::fields::named;
    use bytes::Bytes;

    fn answered(protocol: Protocol, terminal: &Terminal, status: u16, body: &str) -> Verdict {
        let reply = Reply {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: None,
            date: None,
            set_cookies: Vec::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        of_answer(Reading { protocol, fields: &TokenFields::oauth(), terminal }, reply)
    }

    fn verdict(protocol: Protocol, status: u16, body: &str) -> Verdict {
        let statuses = if protocol == Protocol::Json { vec![401] } else { Vec::new() };
        answered(protocol, &Terminal { statuses, ..Terminal::default() }, status, body)
    }

    #[test]
    fn a_success_with_an_access_token_is_a_rotation() {
        let body = r#"{"access_token":"a","refresh_token":"r"}"#;
        assert!(matches!(verdict(Protocol::OAuth2, 200, body), Verdict::Rotated(grant)
            if grant.refresh.is_some() && grant.lifetime.is_none()));
    }

    #[test]
    fn a_success_with_a_refresh_token_only_is_salvaged() {
        let body = r#"{"refresh_token":"r"}"#;
        assert!(matches!(verdict(Protocol::Json, 200, body), Verdict::Salvaged(..)));
    }

    #[test]
    fn a_success_without_tokens_is_ambiguous() {
        for body in ["", "<html>", "{}", r#"{"access_token":"#, r#"{"access_token":""}"#, "[]"] {
            assert_eq!(verdict(Protocol::OAuth2, 200, body), Verdict::Ambiguous, "{body}");
            assert_eq!(verdict(Protocol::Json, 204, body), Verdict::Ambiguous, "{body}");
        }
    }

    #[test]
    fn only_an_explicit_rejection_is_one() {
        let rejected = Verdict::Rejected { certain: true };
        for status in [400, 401] {
            assert_eq!(verdict(Protocol::OAuth2, status, r#"{"error":"invalid_grant"}"#), rejected);
            let unexpected = Verdict::Unexpected { status };
            assert_eq!(verdict(Protocol::OAuth2, status, "<html>"), unexpected);
        }
        assert_eq!(verdict(Protocol::Json, 401, "{}"), rejected);
        assert_eq!(verdict(Protocol::Json, 401, "<html>"), Verdict::Rejected { certain: false });
        for status in [400, 403, 404, 407, 418] {
            assert_eq!(verdict(Protocol::Json, status, "{}"), Verdict::Unexpected { status });
        }
        assert_eq!(verdict(Protocol::OAuth2, 403, "{}"), Verdict::Unexpected { status: 403 });
    }

    #[test]
    fn errors_of_the_client_s_set_up_are_misconfiguration() {
        for code in [
            "invalid_client",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "invalid_request",
        ] {
            let body = format!(r#"{{"error":"{code}"}}"#);
            assert_eq!(verdict(Protocol::OAuth2, 400, &body), Verdict::Misconfigured(code.into()));
        }
        for status in [301, 302, 307, 308] {
            assert!(matches!(verdict(Protocol::Json, status, ""), Verdict::Misconfigured(_)));
        }
    }

    #[test]
    fn a_server_that_cannot_answer_now_is_unavailable() {
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(verdict(Protocol::Json, status, "{}"), Verdict::Unavailable { retry_after: None });
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        for odd in ["", "-1", "soon", "1e3", "99999999999999999999999"] {
            assert_eq!(retry_after(odd, now), None, "{odd}");
        }
    }

    #[test]
    fn a_token_of_an_unknown_type_is_not_used_and_a_refresh_token_beside_it_is_kept() {
        for bearer in ["Bearer", "bearer", "BEARER"] {
            let body = format!(r#"{{"access_token":"a","token_type":"{bearer}"}}"#);
            assert!(matches!(verdict(Protocol::OAuth2, 200, &body), Verdict::Rotated(_)), "{bearer}");
        }
        for unknown in [r#""DPoP""#, r#""mac""#, r#""""#, "7", "[]"] {
            let body = format!(r#"{{"access_token":"a","token_type":{unknown}}}"#);
            assert_eq!(
                verdict(Protocol::OAuth2, 200, &body),
                Verdict::Unexpected { status: 200 },
                "{unknown}"
            );
            let body = format!(r#"{{"access_token":"a","refresh_token":"r","token_type":{unknown}}}"#);
            assert!(matches!(verdict(Protocol::OAuth2, 200, &body), Verdict::Salvaged(..)), "{unknown}");
            // What own backends write there means nothing in particular.
            assert!(matches!(verdict(Protocol::Json, 200, &body), Verdict::Rotated(_)), "{unknown}");
        }
    }

    #[test]
    fn the_app_says_which_statuses_and_codes_are_terminal() {
        let terminal = Terminal {
            statuses: vec![403],
            codes: vec!["SESSION_REVOKED".into()],
            code_at: named(&["error.code", "code"]),
        };
        let rejected = Verdict::Rejected { certain: true };
        let revoked = r#"{"error":{"code":"SESSION_REVOKED"}}"#;
        for protocol in [Protocol::Json, Protocol::OAuth2] {
            let verdict = |status, body| answered(protocol, &terminal, status, body);
            for status in [200, 400, 401, 404, 500] {
                assert_eq!(verdict(status, revoked), rejected, "{status}");
            }
            assert_eq!(verdict(403, "{}"), rejected);
            assert_eq!(verdict(403, "<html>"), Verdict::Rejected { certain: false });
            assert_eq!(verdict(401, "{}"), Verdict::Unexpected { status: 401 });
            assert_eq!(verdict(400, r#"{"code":"OTHER"}"#), Verdict::Unexpected { status: 400 });
            let both = r#"{"access_token":"a","code":"SESSION_REVOKED"}"#;
            assert!(matches!(verdict(200, both), Verdict::Rotated(_)));
        }
    }

    #[test]
    fn only_the_rfc_s_own_codes_are_repeated() {
        let body = r#"{"error":"canary","error_description":"canary"}"#;
        assert_eq!(verdict(Protocol::OAuth2, 400, body), Verdict::Unexpected { status: 400 });
        let body = r#"{"error":"invalid_scope","error_description":"canary"}"#;
        assert_eq!(verdict(Protocol::OAuth2, 400, body), Verdict::Misconfigured("invalid_scope".into()));
    }
}
