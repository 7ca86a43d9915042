//! What an address of the app means: the same for requests and for endpoints.

use url::{ParseError, Url};

/// An absolute URL (`scheme://…`) stands for itself; anything else is a path that is appended to the base URL,
/// whatever it begins with, so that no path can lead to another host.
pub(crate) fn resolve(base: &Url, target: &str) -> Result<Url, ParseError> {
    if has_scheme(target) {
        return Url::parse(target);
    }
    let (path, rest) = target.split_at(target.find(['?', '#']).unwrap_or(target.len()));
    let base = base.as_str().split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() {
        return Url::parse(&format!("{base}{rest}"));
    }
    Url::parse(&format!("{}/{}{rest}", base.trim_end_matches('/'), path.trim_start_matches('/')))
}

/// `items:batch` is a path.
fn has_scheme(target: &str) -> bool {
    target.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

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
            ("https://a.example/v1", "items:batch", "https://a.example/v1/items:batch"),
            ("https://a.example", "https://b.example/x", "https://b.example/x"),
        ] {
            let base = Url::parse(base).expect("a URL");
            assert_eq!(resolve(&base, target).expect("a URL").as_str(), expected, "{target}");
        }
    }
}
