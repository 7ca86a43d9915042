//! Where a redirect may lead, and what it takes along: the redirect rule, as a function.

use crate::address::holds_user_info;
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use url::Url;

/// More than any sensible chain has; a loop ends here.
pub(crate) const MOST_REDIRECTS: u32 = 10;

/// What goes along to where a server redirects a request: the rule of a session's own requests, for those that another
/// HTTP stack sends with its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirection {
    /// Everything: it stays within the origin.
    Within,
    /// Neither the token nor cookies, a body or the app's own headers: it leads to another origin, over HTTPS and with GET
    /// or HEAD.
    Elsewhere,
    /// It is not followed.
    Refused,
}

impl Redirection {
    /// Decides on a redirect from one absolute URL to another; the method is that of the request which follows it.
    pub fn between(method: &Method, from: &str, to: &str) -> Self {
        match (Url::parse(from), Url::parse(to)) {
            (Ok(from), Ok(to)) => Self::of(method, &from, &to),
            _ => Self::Refused,
        }
    }

    fn of(method: &Method, from: &Url, to: &Url) -> Self {
        // A `blob:` URL has the origin of what is in it.
        let within = to.scheme() == from.scheme() && to.origin() == from.origin();
        let safe_elsewhere = to.scheme() == "https" && (method == Method::GET || method == Method::HEAD);
        // A user name and password in the URL would become an `Authorization` header.
        if holds_user_info(to) || !(within || safe_elsewhere) {
            Self::Refused
        } else if within {
            Self::Within
        } else {
            Self::Elsewhere
        }
    }
}

/// What becomes of an answer as far as redirects go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// It redirects nowhere.
    None,
    /// It does, and not to where this request may go.
    Refused,
    /// The next request.
    Follow {
        url: Url,
        method: Method,
        /// Whether the body goes along.
        keeps_body: bool,
        /// Whether the token and the app's own headers go along: only within the origin.
        keeps_credentials: bool,
    },
}

/// Decides on an answer to `method url` when so many more redirects may be followed. Scheme, host and port make an origin (RFC 6454).
pub(crate) fn redirect(
    status: StatusCode,
    location: Option<&HeaderValue>,
    method: &Method,
    url: &Url,
    left: u32,
) -> Redirect {
    let Some(location) = location.filter(|_| matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)) else {
        return Redirect::None;
    };
    let Some(next) =
        std::str::from_utf8(location.as_bytes()).ok().and_then(|location| url.join(location).ok())
    else {
        return Redirect::Refused;
    };
    // The Fetch standard, section 4.4: what browsers made of 301 and 302 holds for POST only.
    let to_get = match status.as_u16() {
        301 | 302 => method == Method::POST,
        303 => method != Method::GET && method != Method::HEAD,
        _ => false,
    };
    let method = if to_get { Method::GET } else { method.clone() };
    let redirection = Redirection::of(&method, url, &next);
    if left == 0 || redirection == Redirection::Refused {
        return Redirect::Refused;
    }
    let within = redirection == Redirection::Within;
    Redirect::Follow { url: next, method, keeps_body: !to_get && within, keeps_credentials: within }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FROM: &str = "https://api.example.com/v1/a";

    fn decide(status: u16, method: &str, from: &str, to: &str, left: u32) -> Redirect {
        redirect(
            StatusCode::from_u16(status).expect("a status"),
            Some(&HeaderValue::from_str(to).expect("a header value")),
            &method.parse().expect("a method"),
            &Url::parse(from).expect("a URL"),
            left,
        )
    }

    #[test]
    fn a_blob_of_the_same_origin_is_no_address() {
        let url = Url::parse("https://api.example.com/a").expect("a URL");
        let location = HeaderValue::from_static("blob:https://api.example.com/b");
        let outcome = redirect(StatusCode::FOUND, Some(&location), &Method::GET, &url, MOST_REDIRECTS);
        assert!(matches!(outcome, Redirect::Refused));
    }

    #[test]
    fn methods_and_bodies_change_as_fetch_does_it() {
        for (status, method, then, body) in [
            (301, "POST", "GET", false),
            (302, "POST", "GET", false),
            (303, "POST", "GET", false),
            (303, "PUT", "GET", false),
            (303, "HEAD", "HEAD", true),
            (301, "PUT", "PUT", true),
            (302, "DELETE", "DELETE", true),
            (302, "GET", "GET", true),
            (307, "POST", "POST", true),
            (308, "PATCH", "PATCH", true),
        ] {
            let Redirect::Follow { url, method: next, keeps_body, keeps_credentials } =
                decide(status, method, FROM, "../b?c", MOST_REDIRECTS)
            else {
                panic!("{status} {method}")
            };
            assert_eq!(
                (next.as_str(), keeps_body, keeps_credentials),
                (then, body, true),
                "{status} {method}"
            );
            assert_eq!(url.as_str(), "https://api.example.com/b?c");
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin_and_gets_no_credentials() {
        for to in [
            "https://api.example.com:8443/",
            "https://other.example.com/",
            "//api.example.com.evil.example/",
            "https://[::1]/",
        ] {
            let decision = decide(302, "GET", FROM, to, MOST_REDIRECTS);
            assert!(
                matches!(decision, Redirect::Follow { keeps_credentials: false, keeps_body: false, .. }),
                "{to}"
            );
        }
        let upgrade = decide(301, "GET", "http://localhost:1/", "https://localhost:1/", MOST_REDIRECTS);
        assert!(matches!(upgrade, Redirect::Follow { keeps_credentials: false, .. }));
        let named = decide(302, "GET", FROM, "https://API.example.com:443/b", MOST_REDIRECTS);
        assert!(matches!(named, Redirect::Follow { keeps_credentials: true, .. }));
    }

    #[test]
    fn another_origin_is_followed_to_over_https_and_for_get_and_head_only() {
        for (status, method, to) in [
            (302, "GET", "http://api.example.com/"),
            (302, "GET", "http://127.0.0.1/"),
            (302, "GET", "data:text/plain,x"),
            (302, "GET", "file:///etc/passwd"),
            (307, "POST", "https://other.example.com/"),
            (302, "PUT", "https://other.example.com/"),
            (308, "DELETE", "https://other.example.com/"),
            (302, "OPTIONS", "https://other.example.com/"),
        ] {
            assert_eq!(
                decide(status, method, FROM, to, MOST_REDIRECTS),
                Redirect::Refused,
                "{status} {method} {to}"
            );
        }
        assert!(matches!(
            decide(303, "POST", FROM, "https://other.example.com/", MOST_REDIRECTS),
            Redirect::Follow { method: Method::GET, keeps_credentials: false, .. }
        ));
    }

    #[test]
    fn a_url_with_a_password_or_without_sense_is_not_followed() {
        for to in ["https://a:b@api.example.com/", "https://a@api.example.com/", "https://", "http://["] {
            assert_eq!(decide(302, "GET", FROM, to, MOST_REDIRECTS), Redirect::Refused, "{to}");
        }
    }

    #[test]
    fn a_host_with_letters_outside_ascii_is_not_followed_however_it_is_written() {
        for to in ["https://\u{c9}.EXAMPLE/", "//1E\u{feff}7440", "https://A%C3%89/", "https://XN--a\u{e9}/"]
        {
            let location = HeaderValue::from_bytes(to.as_bytes()).expect("a header value");
            let url = Url::parse(FROM).expect("a URL");
            let decision = redirect(StatusCode::FOUND, Some(&location), &Method::GET, &url, MOST_REDIRECTS);
            assert_eq!(decision, Redirect::Refused, "{to}");
        }
    }

    #[test]
    fn a_host_of_encoded_letters_that_no_name_may_hold_is_another_origin_like_others() {
        // `a` and a mark that says from which side to read.
        let decision = decide(302, "GET", FROM, "https://xn--a-ygn/", MOST_REDIRECTS);
        assert!(matches!(decision, Redirect::Follow { keeps_credentials: false, .. }), "{decision:?}");
    }

    #[test]
    fn another_stack_decides_by_the_same_rule() {
        use Redirection::{Elsewhere, Refused, Within};
        for (method, to, decision) in [
            (Method::GET, "https://api.example.com/b", Within),
            (Method::POST, "https://API.example.com:443/b", Within),
            (Method::GET, "https://other.example.com/b", Elsewhere),
            (Method::HEAD, "https://api.example.com:8443/b", Elsewhere),
            (Method::POST, "https://other.example.com/b", Refused),
            (Method::GET, "http://api.example.com/b", Refused),
            (Method::GET, "https://a:b@api.example.com/b", Refused),
            (Method::GET, "/b", Refused),
        ] {
            assert_eq!(Redirection::between(&method, FROM, to), decision, "{method} {to}");
        }
        assert_eq!(Redirection::between(&Method::GET, "/a", FROM), Refused);
    }

    #[test]
    fn a_chain_ends_when_no_more_may_be_followed() {
        assert!(matches!(decide(302, "GET", FROM, "/b", 1), Redirect::Follow { .. }));
        assert_eq!(decide(302, "GET", FROM, "/b", 0), Redirect::Refused);
    }

    #[test]
    fn other_answers_redirect_nowhere() {
        for status in [200, 201, 300, 304, 305, 306, 401] {
            assert_eq!(decide(status, "GET", FROM, "/b", MOST_REDIRECTS), Redirect::None, "{status}");
        }
        let url = Url::parse(FROM).expect("a URL");
        assert_eq!(redirect(StatusCode::FOUND, None, &Method::GET, &url, MOST_REDIRECTS), Redirect::None);
    }

    proptest! {
        #[test]
        fn no_location_takes_credentials_elsewhere_or_anything_to_where_there_is_no_tls(
            status in prop::sample::select(vec![301_u16, 302, 303, 307, 308]),
            method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE"]),
            location in prop_oneof![
                "[\\x21-\\x7e]{0,60}",
                "(https?:)?/?/?(api\\.example\\.com|evil|a@b|\\[::1\\])(:[0-9]{1,5})?[/\\\\?#@]{0,3}[a-z]{0,5}",
            ],
        ) {
            let from = Url::parse(FROM).expect("a URL");
            if let Redirect::Follow { url, method: next, keeps_body, keeps_credentials } =
                decide(status, method, FROM, &location, MOST_REDIRECTS)
            {
                prop_assert_eq!(keeps_credentials, url.origin() == from.origin());
                prop_assert_eq!(url.scheme(), "https");
                prop_assert!(url.username().is_empty() && url.password().is_none());
                prop_assert!(keeps_credentials || !keeps_body && (next == Method::GET || next == Method::HEAD));
            }
        }
    }
}
