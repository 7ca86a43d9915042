//! The settings of a session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName};
use url::{ParseError, Url};

use crate::address::holds_user_info;
use crate::authority::Endpoints;
use crate::dialect::Dialect;
use crate::dialect::additions::RESERVED;
use crate::error::Error;
use crate::http::answers::AnswerRules;
use crate::http::origin::Origins;
use crate::http::retry::RetryPolicy;
use crate::lifecycle::activity::BackgroundActivity;
use crate::lifecycle::machine::Settings;
use crate::registry::Fingerprint;
use crate::store::{InMemoryStore, SecretStore, Slot};
use crate::time::{Clock, SystemClock};
use crate::transport::pins::PinSet;
use crate::transport::settings::TransportSettings;

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
    max_body_bytes: usize,
    answer_rules: AnswerRules,
    retry_policy: RetryPolicy,
    development_origins: Vec<String>,
    transport: TransportSettings,
    settings: Settings,
    device_id_header: Option<String>,
    access_token_in_memory_only: bool,
    activity: Option<Arc<dyn BackgroundActivity>>,
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
            max_body_bytes: MAX_BODY_BYTES,
            answer_rules: AnswerRules::default(),
            retry_policy: RetryPolicy::default(),
            development_origins: Vec::new(),
            transport: TransportSettings::default(),
            settings: Settings::default(),
            device_id_header: None,
            access_token_in_memory_only: false,
            activity: None,
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

    /// Allows a further origin, such as `https://cdn.example.com`, to get the token: absolute URLs of it, and a
    /// [`Client`](crate::Client) for it.
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

    /// Ends the session when it has not been used for so long, in this process: where several share it, the end is the
    /// end for all. Default: never.
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

    /// Keeps the access token out of the store: only the refresh token rests there, and the first request after a
    /// restart refreshes. Default: both are stored, so that a start needs no rotation.
    pub fn access_token_in_memory_only(mut self, only: bool) -> Self {
        self.access_token_in_memory_only = only;
        self
    }

    /// For an extension or a widget that uses the session of its app: it takes the tokens that the app's session has
    /// saved in the store, and never refreshes, signs in or out, or writes. A token that has expired or is refused
    /// makes it read the store again; if the app has not refreshed since, requests fail at once with
    /// [`Error::ReadOnly`]. It sees a later sign-in after [`resume`](crate::AuthSession::resume). Default: false.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.settings.read_only = read_only;
        self
    }

    /// Who asks the operating system for time to finish a refresh or a write when the app leaves the foreground.
    /// Default: nobody.
    pub fn background_activity(mut self, activity: impl BackgroundActivity) -> Self {
        self.activity = Some(Arc::new(activity));
        self
    }

    /// Sends a random name of this installation with this header, such as `X-Device-Id`, to the token endpoints, for
    /// servers that bind a session to a device. It is made with the first sign-in and kept with the session; it is no
    /// secret and says nothing about the device. Not with a [custom](crate::CustomAuthority) authority.
    pub fn device_id_header(mut self, name: impl Into<String>) -> Self {
        self.device_id_header = Some(name.into());
        self
    }

    /// Replaces the clocks, for tests. It is read on threads of the library, and must neither panic nor wait for the session.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How many bytes the body of an answer that is handed over whole may have, decompressed. Default: 32 MiB.
    pub fn max_body_bytes(mut self, limit: usize) -> Self {
        self.max_body_bytes = limit;
        self
    }

    /// What the API's own refusals mean. Default: what RFC 6750 says.
    pub fn answer_rules(mut self, rules: AnswerRules) -> Self {
        self.answer_rules = rules;
        self
    }

    /// How often a request is sent again after a failure that passes. Default: [`RetryPolicy::default`].
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.retry_policy = policy;
        self
    }

    /// Allows exactly this origin over `http://`, such as `http://10.0.2.2:3000`: for development. What is
    /// sent there, tokens included, can be read on the way.
    pub fn allow_development_origin(mut self, origin: impl Into<String>) -> Self {
        self.development_origins.push(origin.into());
        self
    }

    /// How many connections the requests to one host take over HTTP/1.1: seven eighths as many requests are sent at once,
    /// and the rest queue. A host that has answered over HTTP/2 gets 256 requests at once, on one connection (or this
    /// limit, if that is more). Some more connections may be open for a while where answers come faster than connections go
    /// back to the pool. Default: 64.
    pub fn max_connections_per_host(mut self, limit: usize) -> Self {
        self.transport.max_connections_per_host = limit;
        self
    }

    /// Pins the keys of a host; see [`PinSet`].
    pub fn pin(mut self, pins: PinSet) -> Self {
        self.transport.pins.push(pins);
        self
    }

    /// Trusts the certificates that this one, in DER or PEM, has signed, beside those that the platform
    /// trusts: for development servers. Names and dates are checked all the same.
    pub fn trust_development_anchor(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.transport.development_anchors.push(certificate.into());
        self
    }

    pub(crate) fn validate(self) -> Result<ValidConfig, Error> {
        let mut origins = Origins::new(self.allow_loopback);
        for origin in &self.development_origins {
            origins.allow_development(&parse_origin("development_origins", origin)?)?;
        }
        origins.allow("base_url", &self.base_url)?;
        if holds_user_info(&self.base_url) {
            return invalid("base_url", "a URL without user name and password");
        }
        for origin in &self.allowed_origins {
            origins.allow_further("allowed_origins", &parse_origin("allowed_origins", origin)?)?;
        }
        for (field, name) in [("namespace", &self.namespace), ("account", &self.account)] {
            if name.is_empty() {
                return invalid(field, "a name that is not empty");
            }
        }
        if self.request_timeout.is_zero() {
            return invalid("request_timeout", "a duration longer than zero");
        }
        if self.max_body_bytes == 0 {
            return invalid("max_body_bytes", "a number of bytes larger than zero");
        }
        self.answer_rules.validate()?;
        self.retry_policy.validate()?;
        self.transport.validate()?;
        let policies = self.settings.policies;
        let durations =
            [("idle_timeout", policies.idle_timeout), ("absolute_lifetime", policies.absolute_lifetime)];
        for (field, duration) in durations {
            if duration.is_some_and(|duration| duration.is_zero()) {
                return invalid(field, "a duration longer than zero");
            }
        }
        let endpoints = self.dialect.validate(&self.base_url, &origins)?;
        let device_header = match self.device_id_header.as_deref().map(HeaderName::try_from).transpose() {
            Ok(header) if header.as_ref().is_none_or(|name| !is_reserved(name)) => header,
            _ => {
                return invalid(
                    "device_id_header",
                    "the name of a header that HTTP and the session do not use",
                );
            }
        };
        let mut fingerprint = Fingerprint::default();
        fingerprint.add("device_id_header", &self.device_id_header);
        fingerprint.add("access_token_in_memory_only", self.access_token_in_memory_only);
        fingerprint.add("base_url", &self.base_url);
        fingerprint.add("dialect", &self.dialect);
        fingerprint.add("allow_loopback", self.allow_loopback);
        fingerprint.add("allowed_origins", &self.allowed_origins);
        fingerprint.add("request_timeout", self.request_timeout);
        fingerprint.add("idle_timeout", policies.idle_timeout);
        fingerprint.add("absolute_lifetime", policies.absolute_lifetime);
        fingerprint.add("refresh_grace", self.settings.grace);
        fingerprint.add("read_only", self.settings.read_only);
        fingerprint.add("max_body_bytes", self.max_body_bytes);
        fingerprint.add("answer_rules", format!("{:?}", self.answer_rules));
        fingerprint.add("retry_policy", format!("{:?}", self.retry_policy));
        fingerprint.add("development_origins", &self.development_origins);
        fingerprint.add("max_connections_per_host", self.transport.max_connections_per_host);
        fingerprint.add("pins", format!("{:?}", self.transport.pins));
        fingerprint.add("development_anchors", &self.transport.development_anchors);
        fingerprint.add("store", self.store.settings());
        // Not which one: whoever opens an account again, after a reload for example, makes another of the same kind.
        fingerprint.add("background_activity", self.activity.is_some());
        // Whoever develops without TLS sends nothing through a proxy: it would see the tokens.
        let direct = self.allow_loopback || !self.development_origins.is_empty();
        Ok(ValidConfig {
            transport: TransportSettings { direct, ..self.transport },
            fingerprint,
            device_header,
            access_token_in_memory_only: self.access_token_in_memory_only,
            activity: self.activity,
            base_url: self.base_url,
            slot: Slot { namespace: self.namespace, account: self.account },
            endpoints,
            store: self.store,
            clock: self.clock,
            origins,
            request_timeout: self.request_timeout,
            max_body_bytes: self.max_body_bytes,
            answer_rules: self.answer_rules,
            retry_policy: self.retry_policy,
            settings: self.settings,
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
    pub(crate) device_header: Option<HeaderName>,
    pub(crate) access_token_in_memory_only: bool,
    pub(crate) base_url: Url,
    pub(crate) slot: Slot,
    pub(crate) endpoints: Endpoints,
    pub(crate) store: Arc<dyn SecretStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) origins: Origins,
    pub(crate) request_timeout: Duration,
    pub(crate) settings: Settings,
    pub(crate) max_body_bytes: usize,
    pub(crate) answer_rules: AnswerRules,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) transport: TransportSettings,
    pub(crate) activity: Option<Arc<dyn BackgroundActivity>>,
}

fn parse_origin(field: &'static str, text: &str) -> Result<Url, Error> {
    let url = parse(field, text)?;
    let plain = !holds_user_info(&url);
    if !plain || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return invalid(field, "an origin without path, query and fragment");
    }
    Ok(url)
}

fn parse(field: &'static str, text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::IdnaError => {
            let expected = "a host in ASCII; one in another script has such a form too, `xn--…`".into();
            Error::InvalidConfiguration { field, expected }
        }
        _ => invalid_url(field),
    })?;
    if url.cannot_be_a_base() { Err(invalid_url(field)) } else { Ok(url) }
}

fn invalid_url(field: &'static str) -> Error {
    Error::InvalidConfiguration { field, expected: "an absolute https URL".into() }
}

fn invalid<T>(field: &'static str, expected: &str) -> Result<T, Error> {
    Err(Error::InvalidConfiguration { field, expected: expected.into() })
}

fn is_reserved(name: &HeaderName) -> bool {
    *name == AUTHORIZATION || RESERVED.contains(name)
}
