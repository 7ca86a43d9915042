//! What the refresh endpoint's answer means: the failure table, as a function.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::Value;

use super::{Reply, tokens};
use crate::lifecycle::terms::Verdict;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Json,
    OAuth2,
}

pub(crate) fn of_answer(dialect: Dialect, reply: Reply) -> Verdict {
    let json = serde_json::from_slice::<Value>(&reply.body).ok();
    match (dialect, reply.status) {
        (_, status) if status.is_success() => of_success(json, reply.date),
        (_, status) if may_pass(status) => Verdict::Unavailable {
            retry_after: reply
                .retry_after
                .as_deref()
                .and_then(|text| retry_after(text, reply.date.unwrap_or_else(SystemTime::now))),
        },
        // A redirect is never followed: it would carry the refresh token to wherever it points.
        (_, status) if status.is_redirection() => Verdict::Misconfigured(format!("HTTP {status}")),
        (Dialect::OAuth2, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => {
            of_oauth_error(json.as_ref(), reply.status)
        }
        // A backend answers a refresh token that is no good with 401. Without JSON the answer may come from
        // something in between, such as a captive portal.
        (Dialect::Json, StatusCode::UNAUTHORIZED) => {
            Verdict::Rejected { certain: json.is_some_and(|json| json.is_object()) }
        }
        (_, status) => Verdict::Unexpected { status: status.as_u16() },
    }
}

fn of_success(json: Option<Value>, date: Option<SystemTime>) -> Verdict {
    // Without any token the answer may be a portal's page, or the rest was lost on the way.
    let Some(mut json) = json else { return Verdict::Ambiguous };
    let Ok(tokens) = tokens::take(&mut json, date) else { return Verdict::Ambiguous };
    match (&tokens.access, &tokens.refresh) {
        (None, Some(refresh)) => Verdict::Salvaged(refresh.clone(), tokens.attempt_id),
        _ => tokens.usable().map_or(Verdict::Ambiguous, |grant| Verdict::Rotated(Box::new(grant))),
    }
}

/// RFC 6749 section 5.2.
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
    use bytes::Bytes;

    fn verdict(dialect: Dialect, status: u16, body: &str) -> Verdict {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = Bytes::copy_from_slice(body.as_bytes());
        of_answer(dialect, Reply { status, retry_after: None, date: None, body })
    }

    #[test]
    fn a_success_with_an_access_token_is_a_rotation() {
        let body = r#"{"access_token":"a","refresh_token":"r"}"#;
        assert!(matches!(verdict(Dialect::OAuth2, 200, body), Verdict::Rotated(grant)
            if grant.refresh.is_some() && grant.lifetime.is_none()));
    }

    #[test]
    fn a_success_with_a_refresh_token_only_is_salvaged() {
        let body = r#"{"refresh_token":"r"}"#;
        assert!(matches!(verdict(Dialect::Json, 200, body), Verdict::Salvaged(..)));
    }

    #[test]
    fn a_success_without_tokens_is_ambiguous() {
        for body in ["", "<html>", "{}", r#"{"access_token":"#, r#"{"access_token":""}"#, "[]"] {
            assert_eq!(verdict(Dialect::OAuth2, 200, body), Verdict::Ambiguous, "{body}");
            assert_eq!(verdict(Dialect::Json, 204, body), Verdict::Ambiguous, "{body}");
        }
    }

    #[test]
    fn only_an_explicit_rejection_is_one() {
        let rejected = Verdict::Rejected { certain: true };
        for status in [400, 401] {
            assert_eq!(verdict(Dialect::OAuth2, status, r#"{"error":"invalid_grant"}"#), rejected);
            let unexpected = Verdict::Unexpected { status };
            assert_eq!(verdict(Dialect::OAuth2, status, "<html>"), unexpected);
        }
        assert_eq!(verdict(Dialect::Json, 401, "{}"), rejected);
        assert_eq!(verdict(Dialect::Json, 401, "<html>"), Verdict::Rejected { certain: false });
        for status in [400, 403, 404, 407, 418] {
            assert_eq!(verdict(Dialect::Json, status, "{}"), Verdict::Unexpected { status });
        }
        assert_eq!(verdict(Dialect::OAuth2, 403, "{}"), Verdict::Unexpected { status: 403 });
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
            assert_eq!(verdict(Dialect::OAuth2, 400, &body), Verdict::Misconfigured(code.into()));
        }
        for status in [301, 302, 307, 308] {
            assert!(matches!(verdict(Dialect::Json, status, ""), Verdict::Misconfigured(_)));
        }
    }

    #[test]
    fn a_server_that_cannot_answer_now_is_unavailable() {
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(verdict(Dialect::Json, status, "{}"), Verdict::Unavailable { retry_after: None });
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
}
