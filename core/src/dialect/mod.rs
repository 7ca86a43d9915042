//! How an authorization server is spoken to: the settings, and whether they make sense.

pub(crate) mod additions;
mod custom;
mod json;
mod oauth;

use url::Url;

pub use additions::Additions;
pub(crate) use additions::ValidAdditions;
pub use custom::CustomDialect;
pub use json::JsonDialect;
pub use oauth::OAuth2Dialect;

use crate::address::{holds_user_info, resolve};
use crate::authority::Endpoints;
use crate::authority::fields::FieldPath;
use crate::authority::verdict::Terminal;
use crate::error::Error;
use crate::http::origin::Origins;

/// How the authorization server is spoken to. URLs are absolute, or relative to the base URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// JSON bodies, as most apps' own backends want them.
    Json(Box<JsonDialect>),
    /// RFC 6749 form posts of a public client. The app signs in by code flow and hands the tokens over with
    /// [`adopt`](crate::AuthSession::adopt).
    OAuth2(OAuth2Dialect),
    /// Whatever the app implements.
    Custom(CustomDialect),
}

impl Default for Dialect {
    /// JSON at `/auth/login`, `/auth/refresh` and `/auth/logout`.
    fn default() -> Self {
        JsonDialect::default().into()
    }
}

impl From<JsonDialect> for Dialect {
    fn from(dialect: JsonDialect) -> Self {
        Self::Json(Box::new(dialect))
    }
}

impl From<OAuth2Dialect> for Dialect {
    fn from(dialect: OAuth2Dialect) -> Self {
        Self::OAuth2(dialect)
    }
}

impl From<CustomDialect> for Dialect {
    fn from(dialect: CustomDialect) -> Self {
        Self::Custom(dialect)
    }
}

impl Dialect {
    pub(crate) fn validate(&self, base: &Url, origins: &Origins) -> Result<Endpoints, Error> {
        let addresses = Addresses { base, origins };
        Ok(match self {
            Self::Json(dialect) => Endpoints::Json(Box::new(dialect.validate(addresses)?)),
            Self::OAuth2(dialect) => Endpoints::OAuth2(Box::new(dialect.validate(addresses)?)),
            Self::Custom(dialect) => Endpoints::Custom(dialect.endpoints()),
        })
    }
}

/// What relative URLs are relative to, and what URLs may be.
#[derive(Clone, Copy)]
struct Addresses<'a> {
    base: &'a Url,
    origins: &'a Origins,
}

impl Addresses<'_> {
    fn endpoint(&self, field: &'static str, text: &str) -> Result<Url, Error> {
        // As the URL standard reads an absolute one.
        let url = resolve(self.base, text.trim()).or_else(|_| invalid(field, "an absolute https URL"))?;
        self.origins.check_scheme(field, &url)?;
        // RFC 6749 section 3.2 forbids the fragment, section 2.3.1 credentials in the URL.
        let plain = url.fragment().is_none() && !holds_user_info(&url);
        if plain { Ok(url) } else { invalid(field, "a URL without user name, password and fragment") }
    }
}

/// What the app says of answers that end a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct TerminalAnswers {
    statuses: Vec<u16>,
    codes: Vec<String>,
}

impl TerminalAnswers {
    fn validate(&self, code_at: Vec<FieldPath>) -> Result<Terminal, Error> {
        // 5xx, 408, 425 and 429 say that the server cannot tell now: whatever an app has seen once, they
        // are no verdict about a token.
        if self.statuses.iter().any(|status| !(400..500).contains(status) || [408, 425, 429].contains(status))
        {
            return invalid("terminal_statuses", "statuses from 400 to 499 other than 408, 425 and 429");
        }
        if self.codes.iter().any(String::is_empty) {
            return invalid("terminal_codes", "codes that are not empty");
        }
        Ok(Terminal { statuses: self.statuses.clone(), codes: self.codes.clone(), code_at })
    }
}

fn invalid<T>(field: &'static str, expected: &str) -> Result<T, Error> {
    Err(Error::InvalidConfiguration { field, expected: expected.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_an_endpoint_is_no_part_of_it() {
        let base = Url::parse("https://a.example/v1").expect("a URL");
        let addresses = Addresses { base: &base, origins: &Origins::new(false) };
        for text in ["/auth/refresh ", " /auth/refresh", "https://a.example/v1/auth/refresh\n"] {
            let url = addresses.endpoint("refresh_endpoint", text).expect("an endpoint");
            assert_eq!(url.as_str(), "https://a.example/v1/auth/refresh");
        }
    }
}
