//! Speaking to the token endpoints.

mod cookie;
pub(crate) mod custom;
pub(crate) mod device;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod oauth;
#[cfg(test)]
mod properties;
pub(crate) mod tokens;
pub(crate) mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{self, HeaderMap};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use crate::error::{Answer, Error, NetworkFailure};
use crate::lifecycle::driver::REVOCATION_PATIENCE;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Grant, Verdict};
use crate::secret::Secret;
use crate::transport::{self, Transport};
use custom::CustomEndpoints;
use device::Device;
use fields::TokenFields;
use json::JsonEndpoints;
use oauth::OAuth2Endpoints;
use verdict::{Protocol, Reading};

/// Token answers are small; what is larger is something else.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Before a revocation is tried again, where the server does not say when; it doubles.
const REVOCATION_PAUSE: Duration = Duration::from_millis(500);
/// Whatever a server says, it is not asked without end.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// The authorization server of a session, spoken to in its dialect.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) endpoints: Endpoints,
    pub(crate) transport: Arc<Transport>,
    pub(crate) device: Device,
}

#[derive(Clone, Debug)]
pub(crate) enum Endpoints {
    Json(Box<JsonEndpoints>),
    OAuth2(Box<OAuth2Endpoints>),
    Custom(CustomEndpoints),
}

/// What came back from a token endpoint. It has no `Debug` form: it is full of tokens.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    /// The server's `Date`: what its clock said, where it says so.
    pub(crate) date: Option<SystemTime>,
    pub(crate) set_cookies: Vec<String>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// What counts of an answer whose body is not there yet.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            status,
            retry_after: text(header::RETRY_AFTER),
            date: text(header::DATE).and_then(|date| httpdate::parse_http_date(&date).ok()),
            set_cookies: headers
                .get_all(header::SET_COOKIE)
                .iter()
                // One letter outside ASCII in another attribute must not hide the token.
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect(),
            body: Bytes::new(),
        }
    }
}

impl Authority {
    /// Sends credentials; what comes back are tokens, or the next step of the sign-in, and the rest of the
    /// server's answer.
    pub(crate) async fn sign_in(&self, credentials: Value) -> Result<(Option<Grant>, Value), Error> {
        match &self.endpoints {
            Endpoints::Json(endpoints) => {
                let request = endpoints.sign_in(&self.transport.authority(), credentials)?;
                json_step(endpoints, self.device.name(request)).await
            }
            Endpoints::OAuth2(_) => Err(no_credentials()),
            Endpoints::Custom(custom) => custom.sign_in(credentials).await,
        }
    }

    /// Sends the next step of a sign-in.
    pub(crate) async fn continue_sign_in(
        &self,
        target: &str,
        body: Value,
    ) -> Result<(Option<Grant>, Value), Error> {
        match &self.endpoints {
            Endpoints::Json(endpoints) => {
                let request = endpoints.next_step(&self.transport.authority(), target, body)?;
                json_step(endpoints, self.device.name(request)).await
            }
            Endpoints::OAuth2(_) => Err(no_credentials()),
            Endpoints::Custom(custom) => custom.continue_sign_in(target, body).await,
        }
    }

    /// Sends the refresh token and says what the answer means.
    pub(crate) async fn refresh(&self, token: &Secret, attempt_id: &AttemptId) -> Verdict {
        let http = self.transport.authority();
        let request = match &self.endpoints {
            Endpoints::Json(endpoints) => endpoints.refresh(&http, token),
            Endpoints::OAuth2(endpoints) => endpoints.refresh(&http, token),
            Endpoints::Custom(custom) => return custom.refresh(token, attempt_id).await,
        };
        // draft-ietf-httpapi-idempotency-key-header: a server that knows it answers a retry as it
        // answered the first time.
        match exchange(self.device.name(request).header("Idempotency-Key", attempt_id.as_str())).await {
            Ok(reply) => self.endpoints.verdict(reply),
            Err(Unanswered::NotSent(_)) => Verdict::Unreachable,
            Err(Unanswered::Lost | Unanswered::TooLarge) => Verdict::Ambiguous,
        }
    }

    /// Tells the server that the tokens are not needed any more. True if it agreed. A server that cannot
    /// be reached, or cannot do it now, is asked again (RFC 7009 section 2.2.1): revoking twice does no harm.
    pub(crate) async fn revoke(&self, refresh: &Secret, access: Option<&Secret>) -> bool {
        if let Endpoints::Custom(custom) = &self.endpoints {
            return custom.revoke(refresh, access).await;
        }
        let started = Instant::now();
        let mut pause = REVOCATION_PAUSE;
        loop {
            let http = self.transport.authority();
            let request = match &self.endpoints {
                Endpoints::Json(endpoints) => endpoints.sign_out(&http, refresh, access),
                Endpoints::OAuth2(endpoints) => endpoints.revoke(&http, refresh),
                Endpoints::Custom(_) => None,
            };
            let Some(request) = request else { return true };
            let asked = match exchange(self.device.name(request)).await {
                Ok(reply) => match verdict::pause_asked(&reply) {
                    Some(asked) => asked,
                    None => return reply.status.is_success(),
                },
                Err(_) => None,
            };
            let next = asked.unwrap_or(pause).max(SHORTEST_PAUSE);
            // The next sign-in waits no longer, and this could end it: many servers revoke a whole grant.
            if started.elapsed().saturating_add(next) > REVOCATION_PATIENCE {
                return false;
            }
            sleep(next).await;
            pause *= 2;
        }
    }
}

impl Endpoints {
    /// What the answer to a refresh means. Nobody answers an authority of the app's own but itself.
    pub(crate) fn verdict(&self, reply: Reply) -> Verdict {
        let oauth_fields;
        let reading = match self {
            Self::Json(endpoints) => {
                let JsonEndpoints { fields, terminal, .. } = endpoints.as_ref();
                Reading { protocol: Protocol::Json, fields, terminal }
            }
            Self::OAuth2(endpoints) => {
                oauth_fields = TokenFields::oauth();
                Reading { protocol: Protocol::OAuth2, fields: &oauth_fields, terminal: &endpoints.terminal }
            }
            Self::Custom(_) => return Verdict::Ambiguous,
        };
        verdict::of_answer(reading, reply)
    }
}

/// A server that cannot answer now says nothing about the credentials.
fn refusal(reply: &Reply, answer: Option<Value>) -> Error {
    let status = reply.status.as_u16();
    match verdict::pause_asked(reply) {
        Some(retry_after) => Error::SignInUnavailable { status, retry_after },
        None => Error::SignInRejected { status, answer: answer.map(|answer| Box::new(Answer(answer))) },
    }
}

async fn json_step(
    endpoints: &JsonEndpoints,
    request: RequestBuilder,
) -> Result<(Option<Grant>, Value), Error> {
    read_step(endpoints, exchange(request).await.map_err(Unanswered::into_error)?)
}

/// What the answer to a step of a sign-in brings: tokens, or what the server wants next.
pub(crate) fn read_step(endpoints: &JsonEndpoints, reply: Reply) -> Result<(Option<Grant>, Value), Error> {
    // A step such as "the code is on its way" needs no words, and tokens may come in a cookie alone.
    let wordless = reply.status.is_success() && reply.body.is_empty();
    let parsed = if wordless { Some(Value::Null) } else { tokens::parse(&reply.body) };
    let Some(mut json) = parsed else {
        return match reply.status.is_success() {
            true => Err(Error::Undecodable("the sign-in's answer is not JSON".into())),
            false => Err(refusal(&reply, None)),
        };
    };
    let offered = tokens::offers_access_token(&json, &endpoints.fields);
    let tokens = tokens::take(&mut json, &endpoints.fields, &reply.set_cookies, reply.date)?;
    if !reply.status.is_success() {
        return Err(refusal(&reply, Some(json)));
    }
    match (&tokens.access, &tokens.refresh) {
        (None, _) if offered => {
            Err(Error::Undecodable("the sign-in's answer holds no usable access token".into()))
        }
        (None, None) => Ok((None, json)),
        // A refresh token alone is enough: the first request gets an access token with it.
        _ => Ok((Some(tokens.grant()), json)),
    }
}

fn no_credentials() -> Error {
    Error::InvalidRequest(
        "the OAuth 2 dialect has no sign-in with credentials; sign in by code flow and adopt the tokens"
            .into(),
    )
}

/// Why a token endpoint did not answer.
enum Unanswered {
    NotSent(NetworkFailure),
    Lost,
    TooLarge,
}

impl Unanswered {
    fn into_error(self) -> Error {
        match self {
            Self::NotSent(failure) => Error::Network(failure),
            Self::Lost => Error::Network(NetworkFailure::Broken),
            Self::TooLarge => Error::BodyTooLarge { limit: MAX_ANSWER_BYTES },
        }
    }
}

async fn exchange(request: RequestBuilder) -> Result<Reply, Unanswered> {
    let response = request.send().await.map_err(|error| {
        if transport::was_not_sent(&error) {
            Unanswered::NotSent(transport::network_failure(&error))
        } else {
            Unanswered::Lost
        }
    })?;
    let mut reply = Reply::read(response.status(), response.headers());
    reply.body = transport::read_body(response, MAX_ANSWER_BYTES).await.map_err(|error| match error {
        Error::BodyTooLarge { .. } => Unanswered::TooLarge,
        _ => Unanswered::Lost,
    })?;
    Ok(reply)
}
