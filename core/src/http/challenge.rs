//! What a 401 or 403 means: the challenge table, as a function.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What an answer of an API says about the token that the request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing.
    Accepted,
    /// This token is no good (any more); a new one may be.
    TokenRefused,
    /// The user may not do this; a new token changes nothing.
    PermissionDenied,
    /// A 401 that a new token does not cure.
    NotCurable,
}

pub(crate) fn meaning(status: StatusCode, headers: &HeaderMap) -> Meaning {
    match status {
        StatusCode::UNAUTHORIZED => of_unauthorized(headers),
        StatusCode::FORBIDDEN => Meaning::PermissionDenied,
        _ => Meaning::Accepted,
    }
}

fn of_unauthorized(headers: &HeaderMap) -> Meaning {
    let challenges: Vec<Challenge> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(parse)
        .collect();
    let mut bearer = challenges.iter().filter(|challenge| challenge.scheme == "bearer").peekable();
    if bearer.peek().is_none() {
        // A bare 401 is the usual answer of a home-made API to an expired token. One that asks for Basic,
        // Digest or Negotiate is not about our token.
        return if challenges.is_empty() { Meaning::TokenRefused } else { Meaning::NotCurable };
    }
    // RFC 6750 section 3.1. A challenge without an error says only that a token is needed.
    let curable = |challenge: &Challenge| {
        challenge.error.as_deref().is_none_or(|error| error.eq_ignore_ascii_case("invalid_token"))
    };
    if bearer.any(curable) { Meaning::TokenRefused } else { Meaning::NotCurable }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    /// In lower case.
    scheme: String,
    error: Option<String>,
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
            challenges.push(Challenge { scheme: head.to_ascii_lowercase(), error: None });
            rest
        };
        if let (Some(challenge), Some((name, value))) = (challenges.last_mut(), parameter.split_once('='))
            && name.trim().eq_ignore_ascii_case("error")
        {
            challenge.error = Some(unquote(value.trim()));
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
    use super::*;

    fn unauthorized(challenges: &[&str]) -> Meaning {
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, challenge.parse().expect("a header value"));
        }
        meaning(StatusCode::UNAUTHORIZED, &headers)
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
        }
    }

    #[test]
    fn a_bare_401_and_a_bearer_challenge_without_an_error_ask_for_a_refresh() {
        for challenges in [&[][..], &["Bearer"], &[r#"Bearer realm="api""#], &[""], &[", ,"]] {
            assert_eq!(unauthorized(challenges), Meaning::TokenRefused, "{challenges:?}");
        }
    }

    #[test]
    fn other_errors_and_other_schemes_go_to_the_caller() {
        for challenges in [
            &[r#"Bearer error="insufficient_scope""#][..],
            &[r#"Bearer error="invalid_request""#],
            &[r#"Basic realm="error=invalid_token""#],
            &["Digest qop=auth", "Negotiate"],
        ] {
            assert_eq!(unauthorized(challenges), Meaning::NotCurable, "{challenges:?}");
        }
    }

    #[test]
    fn a_403_is_about_permission_and_407_is_about_a_proxy() {
        let headers = HeaderMap::new();
        assert_eq!(meaning(StatusCode::FORBIDDEN, &headers), Meaning::PermissionDenied);
        assert_eq!(meaning(StatusCode::PROXY_AUTHENTICATION_REQUIRED, &headers), Meaning::Accepted);
        assert_eq!(meaning(StatusCode::OK, &headers), Meaning::Accepted);
    }
}
