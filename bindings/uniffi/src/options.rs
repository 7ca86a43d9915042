//! The settings of a session and of an API host as records.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use auth_session::{AnswerAction, AnswerRules, ClientConfig, Error, PinSet, RetryPolicy, SessionConfig};

use crate::activity::{ActivityCallbacks, AppActivity};
use crate::endpoints::TokenEndpoints;
use crate::request::Header;
use crate::store::StoreKind;

/// The settings of a session. Times are in milliseconds; what is `None` is as the core has it.
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
    /// Origins of http:// that may get the token during development.
    #[uniffi(default = [])]
    pub development_origins: Vec<String>,
    /// Certificates (DER or PEM) that are trusted during development, beside those of the platform.
    #[uniffi(default = [])]
    pub development_anchors: Vec<Vec<u8>>,
    /// How long a request may take, the wait for a refresh included; by default 60 s.
    #[uniffi(default = None)]
    pub request_timeout_ms: Option<u64>,
    /// The session ends when it is not used for so long.
    #[uniffi(default = None)]
    pub idle_timeout_ms: Option<u64>,
    /// The session ends so long after the sign-in.
    #[uniffi(default = None)]
    pub absolute_lifetime_ms: Option<u64>,
    /// How long a refresh whose answer was lost is repeated quickly.
    #[uniffi(default = None)]
    pub refresh_grace_ms: Option<u64>,
    /// Keeps the access token out of the store.
    #[uniffi(default = false)]
    pub access_token_in_memory_only: bool,
    /// Uses what another process saves, and changes nothing: for extensions.
    #[uniffi(default = false)]
    pub read_only: bool,
    /// Who asks the system for time when the app leaves the foreground.
    #[uniffi(default = None)]
    pub activity: Option<Arc<dyn ActivityCallbacks>>,
    /// The header that tells servers the name of this installation.
    #[uniffi(default = None)]
    pub device_id_header: Option<String>,
    /// The largest body that is held in memory.
    #[uniffi(default = None)]
    pub max_body_bytes: Option<u64>,
    /// How many connections to a host are open at once.
    #[uniffi(default = None)]
    pub max_connections_per_host: Option<u32>,
    /// What refusals of the app's API mean.
    #[uniffi(default = None)]
    pub answer_rules: Option<AnswerOptions>,
    /// How often a request is repeated after a failure that passes.
    #[uniffi(default = None)]
    pub retry: Option<RetryOptions>,
    /// The keys that hosts may have.
    #[uniffi(default = [])]
    pub pins: Vec<PinOptions>,
}

/// What 401 and 403 answers of the app's API mean.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct AnswerOptions {
    #[uniffi(default = [])]
    pub codes: Vec<AnswerCode>,
    #[uniffi(default = false)]
    pub refresh_on_forbidden: bool,
    #[uniffi(default = false)]
    pub pass_bare_unauthorized: bool,
}

/// A code in the body of a refusal, and what it asks for.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct AnswerCode {
    pub code: String,
    pub meaning: AnswerMeaning,
}

/// What a refusal asks for.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum AnswerMeaning {
    Refresh,
    EndSession,
    Pass,
}

/// How often, the first time included, and for how long.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct RetryOptions {
    pub attempts: u32,
    pub budget_ms: u64,
}

/// The keys that a host's certificate may have: SHA-256 of the `SubjectPublicKeyInfo` in Base64.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct PinOptions {
    pub host: String,
    pub pins: Vec<String>,
    /// In milliseconds since 1970.
    #[uniffi(default = None)]
    pub expires_at_ms: Option<u64>,
}

/// The settings of another API host of the session.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct ClientOptions {
    pub base_url: String,
    /// Sent with every request of the client.
    #[uniffi(default = [])]
    pub headers: Vec<Header>,
    #[uniffi(default = None)]
    pub timeout_ms: Option<u64>,
}

impl SessionOptions {
    pub(crate) fn into_config(self) -> Result<SessionConfig, Error> {
        let mut config = SessionConfig::new(&self.base_url)?
            .account(self.account)
            .namespace(self.namespace)
            .allow_loopback(self.allow_loopback)
            .read_only(self.read_only)
            .access_token_in_memory_only(self.access_token_in_memory_only);
        if let Some(activity) = self.activity {
            config = config.background_activity(AppActivity(activity));
        }
        config = self.store.unwrap_or(StoreKind::Memory).configure(config)?;
        if let Some(endpoints) = self.endpoints {
            config = config.dialect(endpoints.into_dialect()?);
        }
        config = self.allowed_origins.into_iter().fold(config, SessionConfig::allow_origin);
        config = self.development_origins.into_iter().fold(config, SessionConfig::allow_development_origin);
        config = self.development_anchors.into_iter().fold(config, SessionConfig::trust_development_anchor);
        if let Some(timeout) = self.request_timeout_ms {
            config = config.request_timeout(Duration::from_millis(timeout));
        }
        if let Some(timeout) = self.idle_timeout_ms {
            config = config.idle_timeout(Duration::from_millis(timeout));
        }
        if let Some(lifetime) = self.absolute_lifetime_ms {
            config = config.absolute_lifetime(Duration::from_millis(lifetime));
        }
        if let Some(grace) = self.refresh_grace_ms {
            config = config.refresh_grace(Duration::from_millis(grace));
        }
        if let Some(name) = self.device_id_header {
            config = config.device_id_header(name);
        }
        if let Some(limit) = self.max_body_bytes {
            config = config.max_body_bytes(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        if let Some(limit) = self.max_connections_per_host {
            config = config.max_connections_per_host(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        if let Some(rules) = self.answer_rules {
            config = config.answer_rules(rules.into_core());
        }
        if let Some(RetryOptions { attempts, budget_ms }) = self.retry {
            config = config.retry_policy(RetryPolicy::new(attempts, Duration::from_millis(budget_ms)));
        }
        self.pins.into_iter().try_fold(config, |config, pins| Ok(config.pin(pins.into_core()?)))
    }
}

impl AnswerOptions {
    fn into_core(self) -> AnswerRules {
        let mut rules = AnswerRules::new();
        for AnswerCode { code, meaning } in self.codes {
            let action = match meaning {
                AnswerMeaning::Refresh => AnswerAction::Refresh,
                AnswerMeaning::EndSession => AnswerAction::EndSession,
                AnswerMeaning::Pass => AnswerAction::Pass,
            };
            rules = rules.code(code, action);
        }
        if self.refresh_on_forbidden {
            rules = rules.refresh_on_forbidden();
        }
        if self.pass_bare_unauthorized {
            rules = rules.pass_bare_unauthorized();
        }
        rules
    }
}

impl PinOptions {
    fn into_core(self) -> Result<PinSet, Error> {
        let set = self.pins.into_iter().fold(PinSet::new(self.host), PinSet::pin);
        let Some(milliseconds) = self.expires_at_ms else { return Ok(set) };
        let expiry = UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
        let expiry = expiry.ok_or_else(|| Error::InvalidConfiguration {
            field: "pins",
            expected: "an expiry that can be represented".to_owned(),
        })?;
        Ok(set.expires_at(expiry))
    }
}

impl ClientOptions {
    pub(crate) fn into_config(self) -> ClientConfig {
        let mut config = ClientConfig::new(self.base_url);
        for Header { name, value } in self.headers {
            config = config.header(name, value);
        }
        match self.timeout_ms {
            Some(milliseconds) => config.timeout(Duration::from_millis(milliseconds)),
            None => config,
        }
    }
}
