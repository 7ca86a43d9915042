//! The token for HTTP stacks that are not ours: a map, a web view, a download by the system.

use std::borrow::Cow;
use std::fmt;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::timeout;
use url::{Origin, Url};

use super::challenge::{Meaning, meaning};
use super::client::ApiHost;
use super::exchange::{bearer, usable};
use crate::address::holds_user_info;
use crate::error::Error;
use crate::event::Event;
use crate::lifecycle::driver::{NoToken, Ticket};
use crate::lifecycle::terms::{Input, Version};
use crate::runtime::{runtime, surrounded};

/// The value of an `Authorization` header for one URL, and which token it holds. Its `Debug` form is redacted.
#[derive(Clone)]
pub struct Authorization {
    value: HeaderValue,
    version: Version,
    /// It was got by a refresh for this request: if it is refused, that is the answer.
    refreshed: bool,
    /// Of the URL that it was asked for.
    origin: Origin,
}

impl Authorization {
    fn new(ticket: &Ticket, refreshed: bool, origin: Origin) -> Result<Self, Error> {
        Ok(Self { value: bearer(ticket)?, version: ticket.version, refreshed, origin })
    }

    /// The value for the header, `Bearer` and the token. Whoever calls this must keep it out of logs, and
    /// send it to the origin that it was asked for and to no other: not after a redirect either.
    pub fn expose(&self) -> &HeaderValue {
        &self.value
    }

    /// Whether a request to this absolute URL may carry the value: whether its origin is the one that the value was
    /// asked for, and no user name or password in it would become a header of their own. For redirects, and for their
    /// answers: a 401 of another origin says nothing about the value, and is not reported.
    pub fn is_for(&self, url: &str) -> bool {
        // A `blob:` URL has the origin of what is in it.
        Url::parse(&as_request(url)).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.origin() == self.origin && !holds_user_info(&url)
        })
    }
}

/// A WebSocket begins as a request to the origin of the same name (RFC 6455 section 4.1).
fn as_request(url: &str) -> Cow<'_, str> {
    match url.split_once("://") {
        Some(("wss", rest)) => format!("https://{rest}").into(),
        Some(("ws", rest)) => format!("http://{rest}").into(),
        _ => url.into(),
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization([redacted])")
    }
}

impl ApiHost {
    pub(crate) async fn authorization(&self, target: &str) -> Result<Authorization, Error> {
        let url = self.resolve(&as_request(target))?;
        Authorization::new(&usable(self.token(None, None).await)?, false, url.origin())
    }

    pub(crate) async fn refused(
        &self,
        authorization: &Authorization,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Authorization>, Error> {
        let Version { epoch, number } = authorization.version;
        match meaning(&self.answers, status, headers, body) {
            Meaning::TokenRefused if !authorization.refreshed => {}
            Meaning::StepUp(step_up) => {
                self.lifecycle.emit(Event::StepUpRequired(step_up));
                return Ok(None);
            }
            Meaning::SessionOver => {
                self.lifecycle.apply(Input::ServerEndedSession { epoch });
                return Ok(None);
            }
            _ => return Ok(None),
        }
        match self.token(Some(epoch), Some(number)).await {
            Ok(ticket) => {
                Authorization::new(&ticket, ticket.refreshed, authorization.origin.clone()).map(Some)
            }
            Err(NoToken::NotRenewable | NoToken::PassOn) => Ok(None),
            Err(NoToken::Failed(error)) => Err(error),
        }
    }

    /// Within the time that a request of this host has.
    async fn token(&self, epoch: Option<u64>, refused: Option<u64>) -> Result<Ticket, NoToken> {
        let token = async {
            let token = self.lifecycle.token(epoch, refused);
            timeout(self.timeout, token).await.unwrap_or(Err(NoToken::Failed(Error::Timeout(self.timeout))))
        };
        surrounded(runtime().map_err(NoToken::Failed)?, token).await
    }
}
