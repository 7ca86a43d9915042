//! Addresses: what an app writes, what a server names as the next step of a sign-in, and which of them get the token.
//! Lines: the base URL, a further origin, the address.

#![no_main]

use auth_session::JsonDialect;
use auth_session::fuzzing::{Authority, BASE, gets_token, resolve};
use fuzz::line;
use libfuzzer_sys::fuzz_target;
use url::Url;

fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (base, rest) = line(input.as_bytes());
    let (origin, target) = line(rest);
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    let (base, origin, target) = (text(base), text(origin), text(target));

    let authority = Authority::new(JsonDialect::default()).expect("no mistake");
    if let Ok(step) = authority.step_address(target).expect("a dialect with credentials") {
        let own = Url::parse(BASE).expect("a URL");
        assert!(same_origin(&step, &own), "credentials went to {step}");
        assert!(step.username().is_empty() && step.password().is_none());
    }

    let Ok(base) = Url::parse(base) else { return };
    if base.cannot_be_a_base() || !matches!(base.scheme(), "https" | "http") {
        return;
    }
    let Ok(url) = resolve(&base, target) else { return };
    let absolute = target.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
        || target.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    assert!(absolute || same_origin(&base, &url), "{target} led from {base} to {url}");

    let further: Vec<&str> = if origin.is_empty() { Vec::new() } else { vec![origin] };
    let Some(allowed) = gets_token(base.as_str(), &further, &url) else { return };
    assert_eq!(base.scheme(), "https", "without TLS there is no session");
    let listed = same_origin(&base, &url)
        || further.iter().any(|origin| Url::parse(origin).is_ok_and(|origin| same_origin(&origin, &url)));
    assert_eq!(allowed, listed, "{url}");
    assert!(!allowed || url.scheme() == "https");
});
