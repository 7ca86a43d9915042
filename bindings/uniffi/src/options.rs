//! The settings of a session as a record.

use std::time::Duration;

use auth_session::{Dialect, Error, FileStore, InMemoryStore, JsonDialect, OAuth2Dialect, SessionConfig};

/// The settings of a session.
#[derive(uniffi::Record)]
pub struct SessionOptions {
    /// The base URL of the API.
    pub base_url: String,
    /// The account, one of any number that the app has signed in at once.
    #[uniffi(default = "default")]
    pub account: String,
    /// What the accounts belong to in the store, usually the app.
    #[uniffi(default = "auth-session")]
    pub namespace: String,
    /// The token endpoints; by default JSON at /auth/login, /auth/refresh and /auth/logout.
    #[uniffi(default = None)]
    pub endpoints: Option<TokenEndpoints>,
    /// Where the secrets rest; by default in memory.
    #[uniffi(default = None)]
    pub store: Option<StoreKind>,
    /// Allows http:// on 127.0.0.0/8, ::1 and localhost.
    #[uniffi(default = false)]
    pub allow_loopback: bool,
    /// Further origins that may get the token.
    #[uniffi(default = [])]
    pub allowed_origins: Vec<String>,
    /// How long a request may take, the wait for a refresh included; by default 60 s.
    #[uniffi(default = None)]
    pub request_timeout_ms: Option<u64>,
}

/// How the authorization server is spoken to. URLs are absolute, or relative to the base URL.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum TokenEndpoints {
    /// POST with JSON bodies.
    Json { login_url: String, refresh_url: String, logout_url: String },
    /// RFC 6749 form posts of a public client, RFC 7009 revocation.
    OAuth2 { token_endpoint: String, client_id: String, revocation_endpoint: Option<String> },
}

/// Where the secrets rest.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum StoreKind {
    /// In memory only.
    Memory,
    /// In files of this directory, protected by file permissions alone.
    File { path: String },
}

impl SessionOptions {
    pub(crate) fn into_config(self) -> Result<SessionConfig, Error> {
        let mut config = SessionConfig::new(&self.base_url)?
            .account(self.account)
            .namespace(self.namespace)
            .allow_loopback(self.allow_loopback);
        config = match self.store {
            None | Some(StoreKind::Memory) => config.store(InMemoryStore::new()),
            Some(StoreKind::File { path }) => config.store(FileStore::new(path)),
        };
        if let Some(endpoints) = self.endpoints {
            config = config.dialect(match endpoints {
                TokenEndpoints::Json { login_url, refresh_url, logout_url } => {
                    Dialect::from(JsonDialect::new(login_url, refresh_url, logout_url))
                }
                TokenEndpoints::OAuth2 { token_endpoint, client_id, revocation_endpoint } => {
                    let dialect = OAuth2Dialect::new(token_endpoint, client_id);
                    match revocation_endpoint {
                        Some(url) => dialect.revocation_endpoint(url).into(),
                        None => dialect.into(),
                    }
                }
            });
        }
        if let Some(timeout) = self.request_timeout_ms {
            config = config.request_timeout(Duration::from_millis(timeout));
        }
        Ok(self.allowed_origins.into_iter().fold(config, SessionConfig::allow_origin))
    }
}
