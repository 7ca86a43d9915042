//! The settings of a session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::authority::Endpoints;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::http::origin::Origins;
use crate::lifecycle::machine::Settings;
use crate::registry::Fingerprint;
use crate::store::{InMemoryStore, SecretStore, Slot};
use crate::time::{Clock, SystemClock};

/// As long as common HTTP clients wait; it covers the wait for a refresh.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// More than an API answers and less than hurts a phone.
const MAX_BODY_BYTES: usize = 32 << 20;

/// The settings of a session. They are checked when the session is opened, and an error names the
/// setting and what is expected.
#[derive(Clone)]
pub struct SessionConfig {
    base_url: Url,
    namespace: String,
    account: String,
    dialect: Dialect,
    store: Arc<dyn SecretStore>,
    clock: Arc<dyn Clock>,
    allow_loopback: bool,
    allowed_origins: Vec<String>,
    request_timeout: Duration,
    settings: Settings,
}

impl SessionConfig {
    /// The settings for an API at this base URL, with the JSON dialect and tokens in memory only.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] if it is not an absolute URL.
    pub fn new(base_url: &str) -> Result<Self, Error> {
        Ok(Self {
            base_url: parse("base_url", base_url)?,
            namespace: "auth-session".into(),
            account: "default".into(),
            dialect: Dialect::default(),
            store: Arc::new(InMemoryStore::new()),
            clock: Arc::new(SystemClock),
            allow_loopback: false,
            allowed_origins: Vec::new(),
            request_timeout: REQUEST_TIMEOUT,
            settings: Settings::default(),
        })
    }

    /// The account, one of any number that the app has signed in at once. Default: `default`.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// What the accounts belong to in the store, usually the app. Default: `auth-session`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Where the secrets rest. Default: [`InMemoryStore`].
    pub fn store(mut self, store: impl SecretStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// How the authorization server is spoken to. Default: JSON under the base URL.
    pub fn dialect(mut self, dialect: impl Into<Dialect>) -> Self {
        self.dialect = dialect.into();
        self
    }

    /// Allows `http://` on 127.0.0.0/8, ::1 and localhost: for development and tests.
    pub fn allow_loopback(mut self, allow: bool) -> Self {
        self.allow_loopback = allow;
        self
    }

    /// Allows absolute URLs of a further origin, such as `https://cdn.example.com`, to get the token.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// How long a request may take when it does not say otherwise, the wait for a refresh included.
    /// Default: 60 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Ends the session when it has not been used for so long. Default: never.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.policies.idle_timeout = Some(timeout);
        self
    }

    /// Ends the session so long after the sign-in, whatever happens. Default: never.
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.policies.absolute_lifetime = Some(lifetime);
        self
    }

    /// How long the authorization server answers a refresh token again whose answer was lost. Within this
    /// time it is sent again quickly. Default: 30 s.
    pub fn refresh_grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Replaces the clocks, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    pub(crate) fn validate(self) -> Result<ValidConfig, Error> {
        let mut origins = Origins::new(self.allow_loopback);
        origins.allow("base_url", &self.base_url)?;
        if !self.base_url.username().is_empty() || self.base_url.password().is_some() {
            return invalid("base_url", "a URL without user name and password");
        }
        for origin in &self.allowed_origins {
            let url = parse("allowed_origins", origin)?;
            if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
                return invalid("allowed_origins", "an origin without path, query and fragment");
            }
            origins.allow("allowed_origins", &url)?;
        }
        for (field, name) in [("namespace", &self.namespace), ("account", &self.account)] {
            if name.is_empty() {
                return invalid(field, "a name that is not empty");
            }
        }
        if self.request_timeout.is_zero() {
            return invalid("request_timeout", "a duration longer than zero");
        }
        let policies = self.settings.policies;
        let durations =
            [("idle_timeout", policies.idle_timeout), ("absolute_lifetime", policies.absolute_lifetime)];
        for (field, duration) in durations {
            if duration.is_some_and(|duration| duration.is_zero()) {
                return invalid(field, "a duration longer than zero");
            }
        }
        let endpoints = self.dialect.validate(&self.base_url, &origins)?;
        let mut fingerprint = Fingerprint::default();
        fingerprint.add("base_url", &self.base_url);
        fingerprint.add("dialect", &self.dialect);
        fingerprint.add("allow_loopback", self.allow_loopback);
        fingerprint.add("allowed_origins", &self.allowed_origins);
        fingerprint.add("request_timeout", self.request_timeout);
        fingerprint.add("idle_timeout", policies.idle_timeout);
        fingerprint.add("absolute_lifetime", policies.absolute_lifetime);
        fingerprint.add("refresh_grace", self.settings.grace);
        Ok(ValidConfig {
            fingerprint,
            base_url: self.base_url,
            slot: Slot { namespace: self.namespace, account: self.account },
            endpoints,
            store: self.store,
            clock: self.clock,
            origins,
            request_timeout: self.request_timeout,
            settings: self.settings,
            max_body_bytes: MAX_BODY_BYTES,
        })
    }
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("origin", &self.base_url.origin().ascii_serialization())
            .field("namespace", &self.namespace)
            .field("account", &self.account)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Settings that have been checked.
pub(crate) struct ValidConfig {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) base_url: Url,
    pub(crate) slot: Slot,
    pub(crate) endpoints: Endpoints,
    pub(crate) store: Arc<dyn SecretStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) origins: Origins,
    pub(crate) request_timeout: Duration,
    pub(crate) settings: Settings,
    pub(crate) max_body_bytes: usize,
}

fn parse(field: &'static str, text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|_| invalid_url(field))?;
    if url.cannot_be_a_base() { Err(invalid_url(field)) } else { Ok(url) }
}

fn invalid_url(field: &'static str) -> Error {
    Error::InvalidConfiguration { field, expected: "an absolute https URL".into() }
}

fn invalid<T>(field: &'static str, expected: &str) -> Result<T, Error> {
    Err(Error::InvalidConfiguration { field, expected: expected.into() })
}
