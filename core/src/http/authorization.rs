//! The token for HTTP stacks that are not ours: a map, a web view, a download by the system.

use std::fmt;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::challenge::{Meaning, meaning};
use super::client::ApiHost;
use super::exchange::{bearer, usable};
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
}

impl Authorization {
    fn new(ticket: &Ticket, refreshed: bool) -> Result<Self, Error> {
        Ok(Self { value: bearer(ticket)?, version: ticket.version, refreshed })
    }

    /// The value for the header, `Bearer` and the token. Whoever calls this must keep it out of logs, and
    /// send it to the origin that it was asked for and to no other: not after a redirect either.
    pub fn expose(&self) -> &HeaderValue {
        &self.value
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization([redacted])")
    }
}

impl ApiHost {
    pub(crate) async fn authorization(&self, target: &str) -> Result<Authorization, Error> {
        // A WebSocket begins as a request to the origin of the same name (RFC 6455 section 4.1).
        let target = match target.split_once("://") {
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(("ws", rest)) => format!("http://{rest}"),
            _ => target.to_owned(),
        };
        self.resolve(&target)?;
        Authorization::new(&usable(self.token(None, None).await)?, false)
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
            Ok(ticket) => Authorization::new(&ticket, ticket.refreshed).map(Some),
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
