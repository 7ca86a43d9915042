//! What an address of the app means: the same for requests and for endpoints.

use url::Url;

/// An absolute URL (`https://…`) stands for itself; anything else is a path that is appended to the base URL,
/// whatever it begins with, so that no path can lead to another host. What begins with another scheme is neither, and
/// the error says so: as a path, `javascript:1` would quietly become a request of the session.
pub(crate) fn resolve(base: &Url, target: &str) -> Result<Url, String> {
    let parse = |text: &str| Url::parse(text).map_err(|error| format!("not a URL: {error}"));
    if let Some((scheme, rest)) = split_scheme(target) {
        let known = ["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        // Others read `https:host` as `https://host`.
        return if known && rest.starts_with("//") { parse(target) } else { Err(not_requested(scheme)) };
    }
    let (rest, fragment) = split_off(target, '#');
    let (path, query) = split_off(rest, '?');
    // What stands before the path is as it was: parsing that again would take as long as the rest of the request path.
    let mut url = base.clone();
    url.set_query(None);
    if !path.is_empty() {
        url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/')));
    }
    if query.is_some() {
        url.set_query(query);
    }
    url.set_fragment(fragment);
    Ok(url)
}

/// What stands before the separator, and what after it if it is there.
fn split_off(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// RFC 3986 section 4.2: a path whose first segment holds a colon is not one unless it begins with a slash, since what
/// is before the colon is a scheme (section 3.1).
fn split_scheme(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

fn not_requested(scheme: &str) -> String {
    // What is longer is no scheme, and may be anything.
    let named = if scheme.len() <= LONGEST_SCHEME { scheme } else { "a scheme" };
    format!(
        "{named}: is not requested, only https://; a path with a colon in its first segment begins with a slash"
    )
}

/// In bytes: longer than all that are registered with the IANA.
const LONGEST_SCHEME: usize = 40;

/// Other white space and control characters would be dropped silently by the URL parser.
pub(crate) fn holds_white_space(target: &str) -> bool {
    target.chars().any(|character| character.is_ascii_control() || character == ' ')
}

/// A user name and password in a URL would become an `Authorization` header beside the token.
pub(crate) fn holds_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_appended_to_the_base_url_and_an_absolute_url_stands_for_itself() {
        for (base, target, expected) in [
            ("https://a.example", "me", "https://a.example/me"),
            ("https://a.example", "/me", "https://a.example/me"),
            ("https://a.example/v1/", "/me?x=1#y", "https://a.example/v1/me?x=1#y"),
            ("https://a.example/v1", "", "https://a.example/v1"),
            ("https://a.example/v1", "?x=1", "https://a.example/v1?x=1"),
            ("https://a.example/v1?old", "me", "https://a.example/v1/me"),
            ("https://a.example", "//evil.example/me", "https://a.example/evil.example/me"),
            ("https://a.example", "/\\evil.example", "https://a.example//evil.example"),
            ("https://a.example/v1", "/items:batch", "https://a.example/v1/items:batch"),
            ("https://a.example/v1", "v1/items:batch", "https://a.example/v1/v1/items:batch"),
            ("https://a.example/v1", "?at=12:30", "https://a.example/v1?at=12:30"),
            ("https://a.example/v1", "12:30", "https://a.example/v1/12:30"),
            ("https://a.example/v1", ":batch", "https://a.example/v1/:batch"),
            ("https://a.example", "https://b.example/x", "https://b.example/x"),
            ("https://a.example", "HTTPS://b.example/x", "https://b.example/x"),
        ] {
            let base = Url::parse(base).expect("a URL");
            assert_eq!(resolve(&base, target).expect("a URL").as_str(), expected, "{target}");
        }
    }

    proptest! {
        #[test]
        fn a_path_means_what_the_base_url_with_the_path_behind_it_means(
            base in "https://a\\.example(:8443)?(/[a-z.%2e]{0,6}){0,3}/?",
            target in "(/?[a-z.%2eE\\\\é|^\"<>{}`@:;=&+,$!'()*~-]{0,8}){0,4}(\\?[a-z'\"<>é%?/=&|]{0,8})?(#[a-z\"`<>é%?#/]{0,8})?",
        ) {
            let base = Url::parse(&base).expect("a URL");
            if let Ok(url) = resolve(&base, &target) && !target.is_empty() {
                let (path, rest) = target.split_at(target.find(['?', '#']).unwrap_or(target.len()));
                let base = if path.is_empty() { base.as_str() } else { base.as_str().trim_end_matches('/') };
                let slash = if path.is_empty() { "" } else { "/" };
                let path = path.trim_start_matches('/');
                let whole = Url::parse(&format!("{base}{slash}{path}{rest}")).expect("a URL");
                prop_assert_eq!(url, whole);
            }
        }
    }

    #[test]
    fn what_begins_with_another_scheme_is_no_path_and_the_error_names_it() {
        let base = Url::parse("https://a.example/v1").expect("a URL");
        for (target, scheme) in [
            ("javascript:1", "javascript"),
            ("mailto:ada@example.com", "mailto"),
            ("file:///etc/passwd", "file"),
            ("data:,hello", "data"),
            ("ftp://a.example/x", "ftp"),
            ("ws://a.example/x", "ws"),
            ("https:evil.example/x", "https"),
            ("http:/evil.example/x", "http"),
            ("https:\\\\evil.example", "https"),
            ("items:batch", "items"),
            ("localhost:3000/me", "localhost"),
        ] {
            let mistake = resolve(&base, target).expect_err(target);
            assert!(mistake.starts_with(&format!("{scheme}: is not requested")), "{target}: {mistake}");
        }
        let long = resolve(&base, &format!("{}:1", "x".repeat(LONGEST_SCHEME + 1))).expect_err("no path");
        assert!(long.starts_with("a scheme: "), "{long}");
    }
}
