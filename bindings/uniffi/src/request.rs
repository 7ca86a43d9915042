//! One request as a handle that can be cancelled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth_session::{Error, RequestBuilder};
use tokio::sync::watch;

use crate::error::{SessionFailure, on_runtime};

/// A header. One that occurs several times is there several times.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// What to send.
#[derive(uniffi::Record)]
pub struct RequestOptions {
    /// The method, in upper case.
    pub method: String,
    /// A path under the base URL, or an absolute URL of an allowed origin.
    pub url: String,
    /// The app's headers.
    #[uniffi(default = [])]
    pub headers: Vec<Header>,
    /// The body.
    #[uniffi(default = None)]
    pub body: Option<Vec<u8>>,
    /// How long the call may take; by default what the session says.
    #[uniffi(default = None)]
    pub timeout_ms: Option<u64>,
}

/// A server's answer, whatever its status.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct HttpResponse {
    pub status: u16,
    pub url: String,
    pub headers: Vec<Header>,
    pub body: Vec<u8>,
    pub disposition: Disposition,
}

/// What was made of an answer.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum Disposition {
    Answered,
    PermissionDenied,
    Refused,
    SessionEnded,
    SessionChanged,
    RefreshFailed,
    StepUpRequired,
    NotReplayable,
    RedirectRefused,
}

impl From<auth_session::Disposition> for Disposition {
    fn from(disposition: auth_session::Disposition) -> Self {
        use auth_session::Disposition as Core;
        match disposition {
            Core::Answered => Self::Answered,
            Core::PermissionDenied => Self::PermissionDenied,
            Core::Refused => Self::Refused,
            Core::SessionEnded => Self::SessionEnded,
            Core::SessionChanged => Self::SessionChanged,
            Core::RefreshFailed => Self::RefreshFailed,
            Core::StepUpRequired => Self::StepUpRequired,
            Core::NotReplayable => Self::NotReplayable,
            Core::RedirectRefused => Self::RedirectRefused,
            other => unreachable!("a disposition that the bindings do not know: {}", other.name()),
        }
    }
}

impl From<auth_session::Response> for HttpResponse {
    fn from(response: auth_session::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            url: response.url().to_string(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| Header {
                    name: name.as_str().to_owned(),
                    value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
                })
                .collect(),
            disposition: response.disposition().into(),
            body: response.into_body().into(),
        }
    }
}

/// A request that has been checked and can be sent once.
#[derive(uniffi::Object)]
pub struct Request {
    builder: Mutex<Option<RequestBuilder>>,
    cancelled: watch::Sender<bool>,
}

impl Request {
    pub(crate) fn new(builder: RequestBuilder) -> Arc<Self> {
        Arc::new(Self { builder: Mutex::new(Some(builder)), cancelled: watch::Sender::new(false) })
    }
}

pub(crate) fn timeout(milliseconds: u64) -> Result<Duration, Error> {
    if milliseconds == 0 {
        return Err(Error::InvalidRequest("the timeout is zero".to_owned()));
    }
    Ok(Duration::from_millis(milliseconds))
}

#[uniffi::export]
impl Request {
    /// Sends the request. Fails with `cancelled` after [`cancel`](Self::cancel).
    pub async fn send(&self) -> Result<HttpResponse, SessionFailure> {
        let builder = self.builder.lock().unwrap_or_else(PoisonError::into_inner).take();
        let builder =
            builder.ok_or_else(|| Error::InvalidRequest("a request is sent only once".to_owned()))?;
        let mut cancelled = self.cancelled.subscribe();
        let response = on_runtime(async move {
            tokio::select! {
                biased;
                _ = cancelled.wait_for(|cancelled| *cancelled) => Ok(None),
                // Dropping the request's future when the other branch wins is what cancels it.
                response = builder.send() => response.map(|response| Some(response.into())),
            }
        })
        .await?;
        response.ok_or_else(SessionFailure::cancelled)
    }

    /// Cancels the request, before or while it is sent; afterwards it has no effect. A refresh that the
    /// request waits for goes on.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disposition_of_the_core_crosses_the_boundary() {
        for disposition in auth_session::Disposition::ALL {
            let _ = Disposition::from(disposition);
        }
    }
}
