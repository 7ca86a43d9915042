//! How the authorization server is spoken to, as data.

use std::sync::Arc;

use auth_session::{Additions, CustomDialect, Dialect, Error, JsonDialect, Method, OAuth2Dialect};
use serde_json::{Map, Value};

use crate::authority::{AppAuthority, AuthorityCallbacks};
use crate::request::Header;

/// How the authorization server is spoken to. URLs are absolute, or relative to the base URL.
// One lives for a moment, while a session is opened.
#[allow(clippy::large_enum_variant)]
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum TokenEndpoints {
    /// POST with JSON bodies.
    Json { options: JsonEndpoints },
    /// RFC 6749 form posts of a public client, RFC 7009 revocation.
    OAuth2 { options: OAuth2Endpoints },
    /// What the app does by itself.
    Custom { authority: Arc<dyn AuthorityCallbacks> },
}

/// A backend with JSON bodies. What is `None` or empty is as the core has it.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct JsonEndpoints {
    #[uniffi(default = "/auth/login")]
    pub login_url: String,
    #[uniffi(default = "/auth/refresh")]
    pub refresh_url: String,
    /// `None`: the backend has no logout, and a sign-out stays on the device.
    #[uniffi(default = Some("/auth/logout"))]
    pub logout_url: Option<String>,
    #[uniffi(default = None)]
    pub logout_method: Option<String>,
    /// Paths such as `data.tokens.access`; the first that is there counts.
    #[uniffi(default = [])]
    pub access_token_at: Vec<String>,
    #[uniffi(default = [])]
    pub refresh_token_at: Vec<String>,
    #[uniffi(default = [])]
    pub expires_in_at: Vec<String>,
    #[uniffi(default = [])]
    pub error_code_at: Vec<String>,
    #[uniffi(default = None)]
    pub refresh_request_field: Option<String>,
    #[uniffi(default = None)]
    pub logout_request_field: Option<String>,
    #[uniffi(default = None)]
    pub refresh_token_cookie: Option<String>,
    #[uniffi(default = None)]
    pub login: Option<CallAdditions>,
    #[uniffi(default = None)]
    pub refresh: Option<CallAdditions>,
    #[uniffi(default = None)]
    pub logout: Option<CallAdditions>,
    /// Which statuses end the session, instead of 401.
    #[uniffi(default = None)]
    pub terminal_statuses: Option<Vec<u16>>,
    #[uniffi(default = [])]
    pub terminal_codes: Vec<String>,
}

/// What a backend wants with a call beside what the dialect sends.
#[derive(uniffi::Record)]
pub struct CallAdditions {
    /// Members of the body, a JSON object.
    #[uniffi(default = None)]
    pub fields_json: Option<String>,
    /// Headers of the call.
    #[uniffi(default = [])]
    pub headers: Vec<Header>,
}

/// An OAuth 2 server.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct OAuth2Endpoints {
    pub token_endpoint: String,
    pub client_id: String,
    #[uniffi(default = None)]
    pub revocation_endpoint: Option<String>,
    /// Further parameters of the token requests.
    #[uniffi(default = [])]
    pub parameters: Vec<Header>,
    #[uniffi(default = [])]
    pub terminal_statuses: Vec<u16>,
    #[uniffi(default = [])]
    pub terminal_codes: Vec<String>,
}

impl TokenEndpoints {
    pub(crate) fn into_dialect(self) -> Result<Dialect, Error> {
        match self {
            Self::Json { options } => options.into_dialect().map(Dialect::from),
            Self::OAuth2 { options } => Ok(options.into_dialect().into()),
            Self::Custom { authority } => Ok(CustomDialect::new(AppAuthority::new(authority)).into()),
        }
    }
}

impl JsonEndpoints {
    fn into_dialect(self) -> Result<JsonDialect, Error> {
        let logout_url = self.logout_url.clone().unwrap_or_default();
        let mut dialect = JsonDialect::new(self.login_url, self.refresh_url, logout_url);
        if self.logout_url.is_none() {
            dialect = dialect.without_logout();
        }
        if let Some(method) = self.logout_method {
            let method = Method::from_bytes(method.as_bytes());
            dialect = dialect.logout_method(method.map_err(|_| wrong("logout_method", "a method of HTTP"))?);
        }
        dialect = self.access_token_at.into_iter().fold(dialect, JsonDialect::access_token_at);
        dialect = self.refresh_token_at.into_iter().fold(dialect, JsonDialect::refresh_token_at);
        dialect = self.expires_in_at.into_iter().fold(dialect, JsonDialect::expires_in_at);
        dialect = self.error_code_at.into_iter().fold(dialect, JsonDialect::error_code_at);
        if let Some(name) = self.refresh_request_field {
            dialect = dialect.refresh_request_field(name);
        }
        if let Some(name) = self.logout_request_field {
            dialect = dialect.logout_request_field(name);
        }
        if let Some(name) = self.refresh_token_cookie {
            dialect = dialect.refresh_token_cookie(name);
        }
        if let Some(additions) = self.login {
            dialect = dialect.login(additions.into_core("login")?);
        }
        if let Some(additions) = self.refresh {
            dialect = dialect.refresh(additions.into_core("refresh")?);
        }
        if let Some(additions) = self.logout {
            dialect = dialect.logout(additions.into_core("logout")?);
        }
        if let Some(statuses) = self.terminal_statuses {
            dialect = dialect.terminal_statuses(statuses);
        }
        Ok(dialect.terminal_codes(self.terminal_codes))
    }
}

impl OAuth2Endpoints {
    fn into_dialect(self) -> OAuth2Dialect {
        let mut dialect = OAuth2Dialect::new(self.token_endpoint, self.client_id);
        if let Some(url) = self.revocation_endpoint {
            dialect = dialect.revocation_endpoint(url);
        }
        for Header { name, value } in self.parameters {
            dialect = dialect.parameter(name, value);
        }
        if !self.terminal_statuses.is_empty() {
            dialect = dialect.terminal_statuses(self.terminal_statuses);
        }
        dialect.terminal_codes(self.terminal_codes)
    }
}

impl CallAdditions {
    fn into_core(self, field: &'static str) -> Result<Additions, Error> {
        let mut additions = Additions::new();
        if let Some(json) = self.fields_json {
            let members: Map<String, Value> = serde_json::from_str(&json)
                .map_err(|_| wrong(field, "additional fields as a JSON object"))?;
            for (name, value) in members {
                additions = additions.field(name, value);
            }
        }
        for Header { name, value } in self.headers {
            additions = additions.header(name, value);
        }
        Ok(additions)
    }
}

fn wrong(field: &'static str, expected: &str) -> Error {
    Error::InvalidConfiguration { field, expected: expected.to_owned() }
}
