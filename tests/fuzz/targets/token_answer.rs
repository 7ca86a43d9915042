//! The answer of a token endpoint to a refresh, in both dialects, with names that the app has chosen: the first line
//! is what the app says of its server.

#![no_main]

use auth_session::fuzzing::{Answer, Authority, Verdict, json, take};
use auth_session::{Dialect, JsonDialect, OAuth2Dialect};
use fuzz::{LONGEST_LIFETIME, answer, is_header_safe, line};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What the app says, as this file understands it.
#[derive(Debug, Default)]
struct Said {
    oauth: bool,
    access: Vec<String>,
    cookie: Option<String>,
    statuses: Vec<u16>,
    codes: Vec<String>,
    code_at: Vec<String>,
}

/// `oauth` or anything else, then `access=path`, `refresh=path`, `life=path`, `cookie=name`, `status=number`,
/// `code=text` and `at=path`, each as often as one likes.
fn said(line: &str) -> (Said, Dialect) {
    let mut said = Said { oauth: line.starts_with("oauth"), ..Said::default() };
    let mut dialect = JsonDialect::default();
    for (name, value) in line.split(' ').filter_map(|word| word.split_once('=')) {
        match name {
            "access" => {
                dialect = dialect.access_token_at(value);
                said.access.push(value.to_owned());
            }
            "refresh" => dialect = dialect.refresh_token_at(value),
            "life" => dialect = dialect.expires_in_at(value),
            "cookie" => {
                dialect = dialect.refresh_token_cookie(value);
                said.cookie = Some(value.to_owned());
            }
            "status" => said.statuses.extend(value.parse::<u16>().ok()),
            "code" => said.codes.push(value.to_owned()),
            "at" => {
                dialect = dialect.error_code_at(value);
                said.code_at.push(value.to_owned());
            }
            _ => {}
        }
    }
    if said.oauth {
        let oauth = OAuth2Dialect::new("/token", "app")
            .revocation_endpoint("/revoke")
            .terminal_statuses(said.statuses.clone())
            .terminal_codes(said.codes.clone());
        said.code_at = vec!["error".into()];
        said.access = vec!["access_token".into()];
        return (said, oauth.into());
    }
    if said.statuses.is_empty() {
        said.statuses = vec![401];
    }
    if said.code_at.is_empty() {
        said.code_at = ["error", "code", "error.code"].map(str::to_owned).to_vec();
    }
    if said.access.is_empty() {
        said.access = ["access_token", "accessToken"].map(str::to_owned).to_vec();
    }
    let dialect = dialect.terminal_statuses(said.statuses.clone()).terminal_codes(said.codes.clone());
    (said, dialect.into())
}

/// The rows of the failure table that say "rejected".
fn may_be_rejected(said: &Said, answer: &Answer, json: Option<&Value>) -> bool {
    let found = |path: &str| take(path, json?).and_then(|(found, _, _)| found);
    let coded = said
        .code_at
        .iter()
        .filter_map(|path| found(path))
        .any(|code| code.as_str().is_some_and(|code| said.codes.iter().any(|known| known == code)));
    let status = answer.status.as_u16();
    let invalid_grant = said.oauth
        && matches!(status, 400 | 401)
        && json.is_some_and(|json| json.get("error").and_then(Value::as_str) == Some("invalid_grant"));
    coded || invalid_grant || (!answer.status.is_success() && said.statuses.contains(&status))
}

fn check(said: &Said, answer: &Answer, verdict: &Verdict) {
    let status = answer.status.as_u16();
    let success = answer.status.is_success();
    let json = json(&answer.body);
    let tokens = &verdict.tokens;
    match verdict.name {
        "rotated" => {
            assert!(success);
            let access = tokens.access.as_ref().expect("an access token");
            assert!(is_header_safe(access) && access.len() <= answer.body.len());
            assert!(tokens.lifetime.is_none_or(|life| !life.is_zero() && life <= LONGEST_LIFETIME));
            let offered = said.access.iter().any(|path| {
                let found = json.as_ref().and_then(|json| take(path, json)?.0);
                found.is_some_and(|found| found.as_str() == Some(access))
            });
            // An earlier path may have been inside what a later one names.
            assert!(offered, "it stands where the app has said");
        }
        "salvaged" => assert!(success && tokens.access.is_none()),
        "ambiguous" => assert!(success),
        "rejected" | "rejected_perhaps" => {
            assert!(may_be_rejected(said, answer, json.as_ref()), "nothing in the table says so");
            assert_eq!(verdict.name == "rejected_perhaps", !json.as_ref().is_some_and(Value::is_object));
        }
        "misconfigured" => {
            assert!((300..500).contains(&status));
            // The server's own words do not get into an error.
            let text = verdict.text.as_deref().expect("a text");
            assert!(text.len() < 64 && text.is_ascii() && text.bytes().all(|byte| byte >= b' '));
        }
        "unavailable" => assert!(matches!(status, 408 | 425 | 429 | 500..=599)),
        "unexpected" => {
            assert!(!(300..400).contains(&status) && !matches!(status, 408 | 425 | 429 | 500..=599));
        }
        other => panic!("{other} is no answer of a server"),
    }
    if let Some(refresh) = &tokens.refresh {
        assert!(!refresh.is_empty() && !refresh.chars().any(|it| it.is_control() || it == '\u{fffd}'));
        // Where the app has named a cookie, the body is not asked.
        assert!(said.cookie.is_none() || said.oauth || answer.headers.contains_key("set-cookie"));
    }
    if may_pass(status) && verdict.name != "rejected" {
        assert_eq!(verdict.name, "unavailable");
    }
}

fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

fuzz_target!(|input: &[u8]| {
    let (first, rest) = line(input);
    let (Ok(first), Some(answer)) = (std::str::from_utf8(first), answer(rest)) else { return };
    let (said, dialect) = said(first);
    let Ok(authority) = Authority::new(dialect) else { return };
    let verdict = authority.verdict(&answer);
    check(&said, &answer, &verdict);
    assert!(authority.can_send(&verdict.tokens), "tokens that were taken cannot be sent");
    // Without a `Date`, the time of day says how much is left until an `exp` or a `Retry-After`.
    let dated = answer.date().is_some();
    let again = authority.verdict(&answer);
    assert_eq!(verdict.name, again.name);
    assert!(!dated || verdict == again);
    assert!(verdict.hides_tokens, "a token is shown");
});
