//! A token in a `Set-Cookie` header (RFC 6265).

use std::time::SystemTime;

/// The value of the named cookie in the `Set-Cookie` headers of an answer; the last one counts. `None` if
/// there is none, or if it is being deleted.
pub(crate) fn value<'a>(set_cookies: &'a [String], name: &str, now: SystemTime) -> Option<&'a str> {
    let set = set_cookies.iter().rev().find(|text| pair(text).is_some_and(|(given, _)| given == name))?;
    let (_, value) = pair(set)?;
    (!value.is_empty() && !is_expired(set, now)).then_some(value)
}

/// Section 5.2: up to the first semicolon, without the white space around.
fn pair(set_cookie: &str) -> Option<(&str, &str)> {
    let (name, value) = set_cookie.split(';').next()?.split_once('=')?;
    Some((name.trim(), value.trim()))
}

/// Sections 5.2.1, 5.2.2 and 5.3: `Max-Age` counts before `Expires`; what cannot be read is as if it were
/// not there.
fn is_expired(set_cookie: &str, now: SystemTime) -> bool {
    // The last one of a name counts.
    let attribute = |name: &str| {
        let attributes = set_cookie.split(';').skip(1).filter_map(|text| text.split_once('='));
        attributes.filter(|(given, _)| given.trim().eq_ignore_ascii_case(name)).last().map(|(_, v)| v.trim())
    };
    if let Some(age) = attribute("max-age").and_then(|age| age.parse::<i64>().ok()) {
        return age <= 0;
    }
    // Older servers write `01-Jan-1970`.
    attribute("expires")
        .and_then(|date| httpdate::parse_http_date(&date.replace('-', " ")).ok())
        .is_some_and(|date| date <= now)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};

    use super::*;
    use crate::authority::Reply;

    fn read(headers: &[&str]) -> Option<String> {
        let headers: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
        value(&headers, "refresh", SystemTime::now()).map(str::to_owned)
    }

    #[test]
    fn the_last_cookie_of_the_name_counts() {
        let one = "refresh=a; Path=/auth; HttpOnly; Secure; Max-Age=60";
        assert_eq!(read(&["other=x", one]).as_deref(), Some("a"));
        assert_eq!(read(&[one, "refresh=b=="]).as_deref(), Some("b=="));
        assert_eq!(read(&["Refresh=a", "refreshed=a", "refresh", "=a", ""]), None);
    }

    #[test]
    fn a_letter_outside_ascii_beside_the_token_does_not_hide_it() {
        let mut headers = HeaderMap::new();
        let header = HeaderValue::from_bytes(b"refresh=a; Comment=Ren\xe9e").expect("HTTP allows it");
        headers.append(SET_COOKIE, header);
        let reply = Reply::read(StatusCode::OK, &headers);
        assert_eq!(value(&reply.set_cookies, "refresh", SystemTime::now()), Some("a"));
    }

    #[test]
    fn a_cookie_that_is_being_deleted_is_no_token() {
        for gone in [
            "refresh=",
            "refresh=; Path=/",
            "refresh=a; Max-Age=0",
            "refresh=a; max-age=-1",
            "refresh=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "refresh=deleted; expires=Thu, 01-Jan-1970 00:00:00 GMT",
        ] {
            assert_eq!(read(&["refresh=earlier", gone]), None, "{gone}");
        }
        for kept in [
            "refresh=a; Max-Age=soon",
            "refresh=a; Expires=never",
            "refresh=a; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            assert_eq!(read(&[kept]).as_deref(), Some("a"), "{kept}");
        }
    }
}
