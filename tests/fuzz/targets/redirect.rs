//! Where a `Location` leads, where an address of the app leads, and what goes along. Lines: the status, the method, the
//! URL, the `Location`.

#![no_main]

use auth_session::fuzzing::{Followed, follow};
use auth_session::{HeaderValue, Method, Redirection, StatusCode};
use fuzz::line;
use libfuzzer_sys::fuzz_target;
use url::Url;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fuzz_target!(|input: &[u8]| {
    let (status, rest) = line(input);
    let (method, rest) = line(rest);
    let (from, location) = line(rest);
    let (Ok(status), Ok(method), Ok(from), Ok(location)) = (
        StatusCode::from_bytes(status),
        Method::from_bytes(method),
        Url::parse(text(from)),
        HeaderValue::from_bytes(location),
    ) else {
        return;
    };
    // A session's own requests go over TLS, or to loopback and development origins without.
    if !matches!(from.scheme(), "https" | "http") || !from.username().is_empty() || from.password().is_some()
    {
        return;
    }
    let followed = follow(status, &location, &method, &from);
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    assert_eq!(followed == Followed::Nowhere, !redirects);
    let Followed::To { url, method: next, keeps_body, keeps_credentials } = followed else { return };
    let same = url.scheme() == from.scheme()
        && url.host_str() == from.host_str()
        && url.port_or_known_default() == from.port_or_known_default();
    assert_eq!(keeps_credentials, same, "{from} {url}");
    assert!(url.username().is_empty() && url.password().is_none());
    assert!(same || url.scheme() == "https");
    assert!(same || matches!(next, Method::GET | Method::HEAD) && !keeps_body);
    assert!(next == method || next == Method::GET && !keeps_body);
    assert!(!matches!(status.as_u16(), 307 | 308) || next == method);
    // Another stack that asks is told the same.
    let expected = if same { Redirection::Within } else { Redirection::Elsewhere };
    assert_eq!(Redirection::between(&next, from.as_str(), url.as_str()), expected);
});
