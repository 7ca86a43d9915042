//! An API host of a session, and the clients that apps have for further ones.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use url::{ParseError, Url};

use super::answers::AnswerRules;
use super::origin::Origins;
use super::request::{RequestBuilder, header};
use super::retry::RetryPolicy;
use crate::address::{holds_user_info, holds_white_space, resolve};
use crate::error::Error;
use crate::lifecycle::driver::Lifecycle;
use crate::transport::Transport;

/// One API host of a session.
#[derive(Debug)]
pub(crate) struct ApiHost {
    pub(crate) base: Url,
    pub(crate) origins: Origins,
    pub(crate) transport: Arc<Transport>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) timeout: Duration,
    pub(crate) max_body_bytes: usize,
    /// Sent with every request that does not set them itself.
    pub(crate) headers: HeaderMap,
    pub(crate) answers: Arc<AnswerRules>,
    pub(crate) retry: RetryPolicy,
}

impl ApiHost {
    /// A path is appended to the base URL, whatever it begins with; an absolute URL stands for itself. An
    /// absolute URL of another origin than the allowed ones, or of another scheme, is refused here, before anything is
    /// sent.
    pub(super) fn resolve(&self, target: &str) -> Result<Url, Error> {
        if holds_white_space(target) {
            return Err(Error::InvalidRequest("the URL holds white space or control characters".into()));
        }
        let url = resolve(&self.base, target).map_err(|explanation| {
            // Another HTTP stack may request it; no origin that is allowed is written so.
            if Url::parse(target) == Err(ParseError::IdnaError) {
                let origin = "a host outside ASCII (`xn--…` is how one is written)".to_owned();
                return Error::OriginNotAllowed { origin };
            }
            Error::InvalidRequest(explanation)
        })?;
        // First of all, so that another HTTP stack that asks for a token knows that the URL is not the session's.
        self.origins.check(&url)?;
        if holds_user_info(&url) {
            return Err(Error::InvalidRequest("the URL holds a user name or a password".into()));
        }
        Ok(url)
    }
}

/// The settings of a further API host of a session. Its origin is the session's own or one that
/// [`SessionConfig::allow_origin`](crate::SessionConfig::allow_origin) has listed: no base URL, wherever the app has it
/// from, takes the token elsewhere. The values of its headers are not shown in `Debug`: an API key may be among them.
#[derive(Clone)]
pub struct ClientConfig {
    base_url: String,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientConfig")
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl ClientConfig {
    /// For an API at this base URL, otherwise as the session is.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), headers: Vec::new(), timeout: None }
    }

    /// Sends this header with every request that does not set one of its name itself.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long a request may take when it does not say otherwise. Default: the session's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn validate(self, session: &ApiHost) -> Result<ApiHost, Error> {
        let invalid =
            |field, expected: &str| Error::InvalidConfiguration { field, expected: expected.into() };
        let base = Url::parse(&self.base_url).ok().filter(|url| !url.cannot_be_a_base());
        let base = base.ok_or_else(|| invalid("base_url", "an absolute https URL"))?;
        if holds_user_info(&base) {
            return Err(invalid("base_url", "a URL without user name and password"));
        }
        session.origins.check_scheme("base_url", &base)?;
        session.origins.check(&base)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let (name, mut value) = header(name, value).map_err(|mistake| Error::InvalidConfiguration {
                field: "headers",
                expected: format!("none of these: {mistake}"),
            })?;
            // It may be a key of the app's.
            value.set_sensitive(true);
            headers.append(name, value);
        }
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(invalid("timeout", "a duration longer than zero"));
        }
        Ok(ApiHost {
            base,
            origins: session.origins.clone(),
            transport: Arc::clone(&session.transport),
            lifecycle: session.lifecycle.clone(),
            timeout: self.timeout.unwrap_or(session.timeout),
            max_body_bytes: session.max_body_bytes,
            headers,
            answers: Arc::clone(&session.answers),
            retry: session.retry,
        })
    }
}

/// A further API host of a session: the same tokens, another base URL. Clones are the same client.
#[derive(Clone)]
pub struct Client(Arc<ApiHost>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.0.base.origin().ascii_serialization();
        f.debug_struct("Client").field("origin", &origin).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(session: &ApiHost, config: ClientConfig) -> Result<Self, Error> {
        config.validate(session).map(|host| Self(Arc::new(host)))
    }

    /// A request to a path under the base URL, or to an absolute URL of the session's origins.
    pub fn request(&self, method: Method, target: &str) -> RequestBuilder {
        RequestBuilder::new(Arc::clone(&self.0), method, target)
    }

    /// A GET request; see [`request`](Self::request).
    pub fn get(&self, target: &str) -> RequestBuilder {
        self.request(Method::GET, target)
    }

    /// A POST request; see [`request`](Self::request).
    pub fn post(&self, target: &str) -> RequestBuilder {
        self.request(Method::POST, target)
    }

    /// A PUT request; see [`request`](Self::request).
    pub fn put(&self, target: &str) -> RequestBuilder {
        self.request(Method::PUT, target)
    }

    /// A PATCH request; see [`request`](Self::request).
    pub fn patch(&self, target: &str) -> RequestBuilder {
        self.request(Method::PATCH, target)
    }

    /// A DELETE request; see [`request`](Self::request).
    pub fn delete(&self, target: &str) -> RequestBuilder {
        self.request(Method::DELETE, target)
    }
}
