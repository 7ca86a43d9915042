//! What a 401 or 403 means: the challenge table, as a function.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::answers::{AnswerAction, AnswerRules};

/// Longer values of a challenge are left out of events: they are a server's text.
const LONGEST_PARAMETER: usize = 256;

/// What an answer of an API says about the token that the request carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing.
    Accepted,
    /// This token is no good (any more); a new one may be.
    TokenRefused,
    /// The user must sign in again or agree to more; a refresh brings neither.
    StepUp(StepUp),
    /// The app says that this answer ends the session.
    SessionOver,
    /// The user may not do this; a new token changes nothing.
    PermissionDenied,
    /// A 401 that a new token does not cure.
    NotCurable,
}

/// What an API asks for beyond a valid token (RFC 9470 section 3, RFC 6750 section 3). Every part is the
/// server's word, and may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepUp {
    /// How the user is to sign in: authentication context classes, by preference, separated by spaces.
    pub acr_values: Option<String>,
    /// How long ago the user may have signed in at most.
    pub max_age: Option<Duration>,
    /// The scopes that the request needs, separated by spaces.
    pub scope: Option<String>,
}

/// Whether the meaning of an answer may depend on its body.
pub(crate) fn is_about_access(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

pub(crate) fn meaning(rules: &AnswerRules, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Meaning {
    if !is_about_access(status) {
        return Meaning::Accepted;
    }
    let to_the_caller =
        if status == StatusCode::FORBIDDEN { Meaning::PermissionDenied } else { Meaning::NotCurable };
    // What the app knows of its own API is more exact than what a gateway in front of it writes.
    match rules.action(body) {
        Some(AnswerAction::Refresh) => return Meaning::TokenRefused,
        Some(AnswerAction::EndSession) => return Meaning::SessionOver,
        Some(AnswerAction::Pass) => return to_the_caller,
        None => {}
    }
    let challenges: Vec<Challenge> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        // One letter outside ASCII in a description must not hide what the challenge asks for.
        .flat_map(|value| parse(&String::from_utf8_lossy(value.as_bytes())))
        .collect();
    if let Some(step_up) = challenges.iter().find_map(Challenge::step_up) {
        return Meaning::StepUp(step_up);
    }
    match status {
        StatusCode::FORBIDDEN if rules.refreshes_on_forbidden() => Meaning::TokenRefused,
        StatusCode::FORBIDDEN => Meaning::PermissionDenied,
        _ => of_unauthorized(rules, &challenges),
    }
}

fn of_unauthorized(rules: &AnswerRules, challenges: &[Challenge]) -> Meaning {
    let mut bearer = challenges.iter().filter(|challenge| challenge.scheme == "bearer").peekable();
    // A bare 401 is the usual answer of a home-made API to an expired token; RFC 6750 section 3.1: a challenge
    // without an error says only that a token is needed. One that asks for Basic, Digest or Negotiate is not
    // about our token.
    let bare = if rules.passes_bare_unauthorized() { Meaning::NotCurable } else { Meaning::TokenRefused };
    if bearer.peek().is_none() {
        return if challenges.is_empty() { bare } else { Meaning::NotCurable };
    }
    let mut meaning = Meaning::NotCurable;
    for challenge in bearer {
        match challenge.parameter("error") {
            Some(error) if error.eq_ignore_ascii_case("invalid_token") => return Meaning::TokenRefused,
            Some(_) => {}
            None => meaning = bare.clone(),
        }
    }
    meaning
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    /// In lower case.
    scheme: String,
    /// The names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn step_up(&self) -> Option<StepUp> {
        let error = self.parameter("error").filter(|_| self.scheme == "bearer")?;
        let asks = ["insufficient_user_authentication", "insufficient_scope"];
        asks.into_iter().any(|known| error.eq_ignore_ascii_case(known)).then(|| StepUp {
            acr_values: self.text("acr_values"),
            max_age: self.parameter("max_age").and_then(|age| age.parse().ok()).map(Duration::from_secs),
            scope: self.text("scope"),
        })
    }

    /// A parameter that may be shown: printable ASCII, and not long.
    fn text(&self, name: &str) -> Option<String> {
        let printable = |value: &&str| value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        self.parameter(name)
            .filter(printable)
            .filter(|value| !value.is_empty() && value.len() <= LONGEST_PARAMETER)
            .map(str::to_owned)
    }
}

/// RFC 9110 section 11.6.1: several challenges, each with several parameters, all separated by commas.
/// What is malformed is passed over.
fn parse(value: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for element in elements(value) {
        // `scheme`, `scheme token68`, `scheme name=value`, or another `name=value` of the scheme before.
        let (head, rest) = element.split_once([' ', '\t']).unwrap_or((element, ""));
        let parameter = if head.contains('=') || rest.trim_start().starts_with('=') {
            element
        } else {
            challenges.push(Challenge { scheme: head.to_ascii_lowercase(), parameters: Vec::new() });
            rest
        };
        if let (Some(challenge), Some((name, value))) = (challenges.last_mut(), parameter.split_once('=')) {
            challenge.parameters.push((name.trim().to_ascii_lowercase(), unquote(value.trim())));
        }
    }
    challenges
}

/// The comma-separated elements; a comma inside quotes does not separate.
fn elements(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |character| {
            let separates = character == ',' && !quoted;
            match character {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            separates
        })
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('"') {
        Some(inner) => inner.strip_suffix('"').unwrap_or(inner).replace('\\', ""),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(rules: &AnswerRules, status: u16, challenges: &[&str], body: &str) -> Meaning {
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, challenge.parse().expect("a header value"));
        }
        meaning(rules, StatusCode::from_u16(status).expect("a status"), &headers, body.as_bytes())
    }

    fn unauthorized(challenges: &[&str]) -> Meaning {
        answer(&AnswerRules::default(), 401, challenges, "")
    }

    #[test]
    fn a_letter_outside_ascii_does_not_hide_a_challenge() {
        let mut headers = HeaderMap::new();
        let value = "Basic realm=\"Caf\u{e9}\"".as_bytes();
        headers.insert(WWW_AUTHENTICATE, value.try_into().expect("HTTP allows it"));
        let rules = AnswerRules::default();
        assert_eq!(meaning(&rules, StatusCode::UNAUTHORIZED, &headers, b""), Meaning::NotCurable);
        let value =
            "Bearer error=\"insufficient_scope\", scope=\"pay\", error_description=\"n\u{e4}\"".as_bytes();
        headers.insert(WWW_AUTHENTICATE, value.try_into().expect("HTTP allows it"));
        assert!(matches!(meaning(&rules, StatusCode::FORBIDDEN, &headers, b""), Meaning::StepUp(_)));
    }

    #[test]
    fn an_invalid_token_asks_for_a_refresh_however_it_is_written() {
        for challenges in [
            &[r#"Bearer error="invalid_token""#][..],
            &[r#"bearer realm="a, b", ERROR = invalid_token"#],
            &[r#"Basic realm="x", Bearer realm="y", error="invalid_token", error_description="a \"b\", c""#],
            &[r#"Basic realm="x""#, r#"BEARER error="invalid_token""#],
            &["Negotiate abc==, Bearer error=\"invalid_token\""],
        ] {
            assert_eq!(unauthorized(challenges), Meaning::TokenRefused, "{challenges:?}");
            // Not for want of an error that was found.
            let rules = AnswerRules::new().pass_bare_unauthorized();
            assert_eq!(answer(&rules, 401, challenges, ""), Meaning::TokenRefused, "{challenges:?}");
        }
    }

    const BARE: [&[&str]; 5] = [&[], &["Bearer"], &[r#"Bearer realm="api""#], &[""], &[", ,"]];

    #[test]
    fn a_bare_401_and_a_bearer_challenge_without_an_error_ask_for_a_refresh() {
        for challenges in BARE {
            assert_eq!(unauthorized(challenges), Meaning::TokenRefused, "{challenges:?}");
        }
    }

    #[test]
    fn a_bare_401_goes_to_the_caller_where_the_app_says_so() {
        let rules = AnswerRules::new().pass_bare_unauthorized();
        for challenges in BARE {
            assert_eq!(answer(&rules, 401, challenges, ""), Meaning::NotCurable, "{challenges:?}");
        }
        assert_eq!(answer(&rules, 401, &[r#"Bearer error="invalid_token""#], ""), Meaning::TokenRefused);
    }

    #[test]
    fn a_fresher_sign_in_or_more_rights_are_a_step_up_and_no_refresh() {
        let challenge =
            r#"Bearer error="insufficient_user_authentication", acr_values="urn:mfa other", max_age=300"#;
        let sign_in = StepUp {
            acr_values: Some("urn:mfa other".into()),
            max_age: Some(Duration::from_secs(300)),
            scope: None,
        };
        let scope = StepUp { scope: Some("read write".into()), ..StepUp::default() };
        for status in [401, 403] {
            let rules = AnswerRules::new().refresh_on_forbidden();
            assert_eq!(answer(&rules, status, &[challenge], ""), Meaning::StepUp(sign_in.clone()));
            let challenge = r#"Bearer realm="x", error="insufficient_scope", scope="read write""#;
            assert_eq!(answer(&rules, status, &[challenge], ""), Meaning::StepUp(scope.clone()));
        }
    }

    #[test]
    fn an_odd_step_up_is_one_without_details() {
        let long = format!(r#"Bearer error="insufficient_scope", scope="{}", max_age=soon"#, "x".repeat(257));
        for challenge in [long.as_str(), "Bearer error=insufficient_scope, acr_values=\"a\tb\", max_age=-1"] {
            assert_eq!(unauthorized(&[challenge]), Meaning::StepUp(StepUp::default()), "{challenge}");
        }
    }

    #[test]
    fn another_bearer_error_goes_to_the_caller() {
        for challenges in
            [&[r#"Bearer error="invalid_request""#][..], &[r#"Bearer error="x", Basic realm="y""#]]
        {
            assert_eq!(unauthorized(challenges), Meaning::NotCurable, "{challenges:?}");
        }
    }

    #[test]
    fn only_other_schemes_go_to_the_caller() {
        for challenges in [
            &[r#"Basic realm="error=invalid_token""#][..],
            &["Digest qop=auth", "Negotiate"],
            &[r#"DPoP error="insufficient_scope""#],
        ] {
            assert_eq!(unauthorized(challenges), Meaning::NotCurable, "{challenges:?}");
        }
    }

    #[test]
    fn a_code_that_the_app_listed_is_treated_as_listed() {
        let rules = AnswerRules::new()
            .code("TOKEN_EXPIRED", AnswerAction::Refresh)
            .code("ACCOUNT_CLOSED", AnswerAction::EndSession)
            .code("invalid_token", AnswerAction::Pass);
        for status in [401, 403] {
            let expired = r#"{"error":{"code":"TOKEN_EXPIRED"}}"#;
            assert_eq!(answer(&rules, status, &["Basic"], expired), Meaning::TokenRefused);
            let closed = r#"{"code":"ACCOUNT_CLOSED"}"#;
            assert_eq!(answer(&rules, status, &[], closed), Meaning::SessionOver);
        }
        let passed = r#"{"error":"invalid_token"}"#;
        assert_eq!(answer(&rules, 401, &["Bearer error=invalid_token"], passed), Meaning::NotCurable);
        assert_eq!(answer(&rules, 403, &[], passed), Meaning::PermissionDenied);
        assert_eq!(answer(&rules, 400, &[], r#"{"code":"TOKEN_EXPIRED"}"#), Meaning::Accepted);
    }

    #[test]
    fn a_403_is_about_permission_unless_the_app_says_that_its_server_means_an_expired_token() {
        assert_eq!(
            answer(&AnswerRules::new(), 403, &["Bearer error=invalid_token"], ""),
            Meaning::PermissionDenied
        );
        assert_eq!(answer(&AnswerRules::new().refresh_on_forbidden(), 403, &[], ""), Meaning::TokenRefused);
    }

    #[test]
    fn a_407_is_about_a_proxy() {
        for status in [407, 200, 204, 404, 500] {
            assert_eq!(answer(&AnswerRules::new(), status, &["Bearer"], "{}"), Meaning::Accepted);
        }
    }

    proptest! {
        #[test]
        fn no_challenge_and_no_body_makes_it_panic_or_shows_control_characters(
            status in 100_u16..600,
            values in proptest::collection::vec("[\\x20-\\x7e\\t]{0,80}", 0..4),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(WWW_AUTHENTICATE, value.parse().expect("a header value"));
            }
            let rules = AnswerRules::new().code("expired", AnswerAction::Refresh);
            let status = StatusCode::from_u16(status).expect("a status");
            if let Meaning::StepUp(step_up) = meaning(&rules, status, &headers, &body) {
                let shown = step_up.acr_values.unwrap_or_default() + &step_up.scope.unwrap_or_default();
                prop_assert!(shown.len() <= 2 * LONGEST_PARAMETER);
                prop_assert!(shown.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn a_parameter_is_found_however_it_is_quoted(
            scheme in "[A-Za-z]{1,10}", realm in r#"[a-z ,=]{0,20}"#, error in "[a-z_]{1,20}",
        ) {
            let challenges = parse(&format!(r#"{scheme} realm="{realm}", error="{error}", Basic realm="x""#));
            prop_assert_eq!(challenges.len(), 2);
            prop_assert_eq!(challenges[0].parameter("error"), Some(error.as_str()));
            prop_assert_eq!(challenges[0].parameter("realm"), Some(realm.as_str()));
        }
    }
}
