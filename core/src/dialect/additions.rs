//! What a backend wants with a call beside what the dialect sends.

use std::fmt;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::invalid;
use crate::error::Error;

/// Fixed members of the body and headers that are sent with a call, such as a `client_id` or an
/// `x-api-key`. Their values are not shown in `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Additions {
    fields: Map<String, Value>,
    headers: Vec<(String, String)>,
}

impl Additions {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member to the JSON body.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Adds a header; it replaces one that the dialect would set, such as `Accept`, or
    /// `Authorization` at logout.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// `own` is the member that the dialect itself puts into the body.
    pub(super) fn validate(&self, setting: &'static str, own: Option<&str>) -> Result<ValidAdditions, Error> {
        if own.is_some_and(|own| self.fields.contains_key(own)) {
            return invalid(setting, "fields other than the one that holds the refresh token");
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let Ok(name) = HeaderName::try_from(name) else {
                return invalid(setting, "header names that HTTP allows");
            };
            if RESERVED.contains(&name) {
                return invalid(
                    setting,
                    "headers other than Content-Type, Cookie, Idempotency-Key and those of the transport",
                );
            }
            let Ok(mut value) = HeaderValue::try_from(value) else {
                return invalid(setting, "header values that HTTP allows");
            };
            // Keys are often sent this way: HPACK must not keep them in its table (RFC 7541 section 7.1.3).
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(ValidAdditions { fields: self.fields.clone(), headers })
    }
}

/// They frame the message, or another setting decides them.
pub(crate) const RESERVED: [HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::HOST,
    header::CONTENT_TYPE,
    header::COOKIE,
    HeaderName::from_static("idempotency-key"),
];

impl fmt::Debug for Additions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Additions")
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .field("headers", &headers)
            .finish()
    }
}

/// Additions that can be sent.
#[derive(Clone, Default)]
pub(crate) struct ValidAdditions {
    pub(crate) fields: Map<String, Value>,
    pub(crate) headers: HeaderMap,
}

impl fmt::Debug for ValidAdditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValidAdditions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_shows_names_only() {
        let shown =
            format!("{:?}", Additions::new().field("client_id", "canary").header("x-api-key", "canary"));
        assert!(shown.contains("client_id") && shown.contains("x-api-key") && !shown.contains("canary"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_repeating_it() {
        for additions in [
            Additions::new().header("no name", "canary"),
            Additions::new().header("x-note", "canary\r\nx: y"),
            Additions::new().header("Cookie", "canary=1"),
            Additions::new().header("content-length", "3"),
            Additions::new().field("refresh_token", "canary"),
        ] {
            let error = additions.validate("refresh", Some("refresh_token")).expect_err("refused");
            assert!(matches!(error, Error::InvalidConfiguration { field: "refresh", .. }));
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
