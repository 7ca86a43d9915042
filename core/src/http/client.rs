//! One request: build, attach the token, send, retry once with another token.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::challenge::{Meaning, meaning};
use super::origin::Origins;
use crate::error::Error;
use crate::lifecycle::driver::{Lifecycle, NoToken, Ticket};
use crate::lifecycle::terms::Version;
use crate::runtime::{runtime, surrounded};
use crate::transport::{self, Transport};

/// One API host of a session.
#[derive(Debug)]
pub(crate) struct ApiHost {
    pub(crate) base: Url,
    pub(crate) origins: Origins,
    pub(crate) transport: Arc<Transport>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) timeout: Duration,
    pub(crate) max_body_bytes: usize,
}

impl ApiHost {
    /// A path is appended to the base URL, whatever it begins with; an absolute URL stands for itself. An
    /// absolute URL of another origin than the allowed ones is refused here, before anything is sent.
    fn resolve(&self, target: &str) -> Result<Url, Error> {
        // Other white space and control characters would be dropped silently by the URL parser.
        if target.chars().any(|character| character.is_ascii_control() || character == ' ') {
            return Err(Error::InvalidRequest("the URL holds white space or control characters".into()));
        }
        let url = if has_scheme(target) {
            Url::parse(target)
        } else {
            let (path, rest) = target.split_at(target.find(['?', '#']).unwrap_or(target.len()));
            let base = self.base.as_str().split(['?', '#']).next().unwrap_or_default();
            let slash = if path.is_empty() { "" } else { "/" };
            let base = if path.is_empty() { base } else { base.trim_end_matches('/') };
            Url::parse(&format!("{base}{slash}{}{rest}", path.trim_start_matches('/')))
        };
        let url = url.map_err(|error| Error::InvalidRequest(format!("not a URL: {error}")))?;
        self.origins.check(&url)?;
        Ok(url)
    }
}

fn has_scheme(target: &str) -> bool {
    target.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// What was made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// The server's answer, as it is.
    Answered,
    /// 403: the user may not do this. The session is fine.
    PermissionDenied,
    /// 401, and not for want of a fresh token: one was tried, or the challenge is about something else.
    Refused,
    /// 401, and then the session ended: the user must sign in again.
    SessionEnded,
    /// 401, and then the user signed out or somebody else signed in.
    SessionChanged,
    /// 401, and the token could not be refreshed now. The session is kept; try again later.
    RefreshFailed,
}

impl Disposition {
    /// The stable name, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::PermissionDenied => "permission_denied",
            Self::Refused => "refused",
            Self::SessionEnded => "session_ended",
            Self::SessionChanged => "session_changed",
            Self::RefreshFailed => "refresh_failed",
        }
    }
}

/// A server's answer: any status, with what was made of it.
#[derive(Clone, Debug)]
pub struct Response {
    status: StatusCode,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    disposition: Disposition,
}

impl Response {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The URL that answered.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The whole body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The whole body, without a copy.
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// What was made of the answer: in particular whether a 401 ended the session.
    pub fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Decodes the JSON body of a successful answer.
    ///
    /// # Errors
    /// [`Error::Unsuccessful`] if the status is not 2xx, [`Error::Undecodable`] if the body is something
    /// else than expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.status.is_success() {
            return Err(Error::Unsuccessful { status: self.status.as_u16() });
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            // serde_json's own text quotes the body.
            let kind = match error.classify() {
                serde_json::error::Category::Data => "JSON of another shape",
                _ => "not JSON",
            };
            Error::Undecodable(format!("{kind} (line {}, column {})", error.line(), error.column()))
        })
    }
}

/// A request that is being built. Mistakes in its parts are reported by [`send`](Self::send).
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    host: Arc<ApiHost>,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Option<Bytes>,
    timeout: Duration,
    mistake: Option<Error>,
}

impl RequestBuilder {
    pub(crate) fn new(host: Arc<ApiHost>, method: Method, target: &str) -> Self {
        let timeout = host.timeout;
        Self {
            host,
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: None,
            timeout,
            mistake: None,
        }
    }

    /// Adds a header; one with the same name stays beside it. `Authorization` is the session's business
    /// and is refused.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(_)) if name == AUTHORIZATION => {
                self.fail("the session sets the Authorization header itself");
            }
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            // The value may be a secret: it is not repeated.
            (Ok(name), Err(_)) => self.fail(&format!("the value of header {name} is not allowed in HTTP")),
            (Err(_), _) => self.fail("a header name is not allowed in HTTP"),
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets a JSON body and its `Content-Type`.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => {
                self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.body = Some(body.into());
            }
            Err(_) => self.fail("the value cannot be written as JSON"),
        }
        self
    }

    /// How long the call may take, from [`send`](Self::send) to the last byte of the body, the wait for a
    /// refresh included. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reports a mistake in the request's parts now instead of when it is sent.
    ///
    /// # Errors
    /// What [`send`](Self::send) would fail with before sending anything.
    pub fn check(self) -> Result<Self, Error> {
        self.resolve()?;
        Ok(self)
    }

    fn resolve(&self) -> Result<Url, Error> {
        match &self.mistake {
            Some(mistake) => Err(mistake.clone()),
            None => self.host.resolve(&self.target),
        }
    }

    fn fail(&mut self, mistake: &str) {
        self.mistake.get_or_insert_with(|| Error::InvalidRequest(mistake.into()));
    }

    /// Sends the request with a valid token, from any async runtime. A 401 for want of a fresh token is
    /// answered by a refresh, one for all callers, and one retry. Dropping the future cancels the request
    /// and nothing else: a refresh that it waits for goes on.
    ///
    /// # Errors
    /// There was no answer: see [`Error`]. Any answer of the server, a 401 too, is a [`Response`].
    pub async fn send(self) -> Result<Response, Error> {
        let url = self.resolve()?;
        let exchange =
            Exchange { host: &self.host, method: self.method, url, headers: self.headers, body: self.body };
        surrounded(runtime()?, async {
            tokio::time::timeout(self.timeout, exchange.run())
                .await
                .unwrap_or(Err(Error::Timeout(self.timeout)))
        })
        .await
    }
}

/// Once with a token that somebody else has got in the meantime, once with a fresh one.
const MOST_RETRIES: u32 = 2;

/// A request on its way.
struct Exchange<'a> {
    host: &'a ApiHost,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Exchange<'_> {
    async fn run(&self) -> Result<Response, Error> {
        let lifecycle = &self.host.lifecycle;
        let ticket = match lifecycle.token(None, None).await {
            Ok(ticket) => ticket,
            Err(NoToken::Failed(error)) => return Err(error),
            Err(NoToken::NotRenewable | NoToken::PassOn) => {
                return Err(Error::Internal("an unused token was refused".into()));
            }
        };
        let (mut response, mut meaning) = self.attempt(&ticket).await?;
        // RFC 9110 section 15.5.2: again only with other credentials. Those may first be ones that somebody
        // else has got in the meantime; a refresh for this request happens once, and ends it.
        let mut ticket = ticket;
        for _ in 0..MOST_RETRIES {
            if meaning != Meaning::TokenRefused {
                break;
            }
            let Version { epoch, number } = ticket.version;
            ticket = match lifecycle.token(Some(epoch), Some(number)).await {
                Ok(ticket) => ticket,
                Err(NoToken::NotRenewable | NoToken::PassOn) => break,
                Err(NoToken::Failed(error)) => {
                    response.disposition = after(&error);
                    return Ok(response);
                }
            };
            let fresh = ticket.waited;
            (response, meaning) = self.attempt(&ticket).await?;
            if fresh {
                break;
            }
        }
        Ok(response)
    }

    async fn attempt(&self, ticket: &Ticket) -> Result<(Response, Meaning), Error> {
        let mut request = self
            .host
            .transport
            .api()
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone());
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", ticket.access.expose()))
            .map_err(|_| Error::InvalidRequest("the access token cannot stand in a header".into()))?;
        bearer.set_sensitive(true);
        request = request.header(AUTHORIZATION, bearer);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut answer =
            request.send().await.map_err(|error| Error::Network(transport::network_failure(&error)))?;
        let status = answer.status();
        let url = answer.url().clone();
        let headers = std::mem::take(answer.headers_mut());
        let body = transport::read_body(answer, self.host.max_body_bytes).await?;
        let meaning = meaning(status, &headers);
        if meaning == Meaning::Accepted {
            self.host.lifecycle.accepted(ticket);
        }
        self.host.lifecycle.server_says(date(&headers));
        let disposition = match meaning {
            Meaning::Accepted => Disposition::Answered,
            Meaning::PermissionDenied => Disposition::PermissionDenied,
            Meaning::TokenRefused | Meaning::NotCurable => Disposition::Refused,
        };
        Ok((Response { status, url, headers, body, disposition }, meaning))
    }
}

/// RFC 9110 section 6.6.1.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// What a 401 turns into when no other token could be had.
fn after(error: &Error) -> Disposition {
    match error {
        Error::SessionEnded { .. } => Disposition::SessionEnded,
        Error::SessionChanged | Error::SignedOut { .. } => Disposition::SessionChanged,
        _ => Disposition::RefreshFailed,
    }
}
