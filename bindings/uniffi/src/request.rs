//! One request as a handle that can be cancelled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth_session::{Auth, Error, HeaderMap, Method, RequestBuilder};
use tokio::sync::watch;

use crate::body::{IncomingResponse, RequestContent, cancellable};
use crate::error::SessionFailure;
use crate::listener::{ProgressListener, observer};

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
    pub content: Option<RequestContent>,
    /// Whether it carries the token; by default it does.
    #[uniffi(default = None)]
    pub auth: Option<RequestAuth>,
    /// Says that sending it twice is the same as sending it once; sent as `Idempotency-Key`.
    #[uniffi(default = None)]
    pub idempotency_key: Option<String>,
    /// How long the call may take; by default what the session says.
    #[uniffi(default = None)]
    pub timeout_ms: Option<u64>,
    /// How long a body that is read in pieces may be silent.
    #[uniffi(default = None)]
    pub idle_timeout_ms: Option<u64>,
    /// The largest body of an answer that is held in memory.
    #[uniffi(default = None)]
    pub max_body_bytes: Option<u64>,
    /// Is told how far the request's body has come.
    #[uniffi(default = None)]
    pub upload_progress: Option<Arc<dyn ProgressListener>>,
    /// Is told how far the answer's body has come.
    #[uniffi(default = None)]
    pub download_progress: Option<Arc<dyn ProgressListener>>,
}

/// Whether a request carries the session's token.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum RequestAuth {
    Required,
    /// If somebody is signed in.
    Optional,
    Never,
}

impl RequestOptions {
    /// Checks the parts, for whoever sends it.
    pub(crate) fn prepare(
        self,
        request: impl FnOnce(Method, &str) -> RequestBuilder,
    ) -> Result<Arc<Request>, SessionFailure> {
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| Error::InvalidRequest("the method is not allowed in HTTP".to_owned()))?;
        let mut builder = request(method, &self.url);
        for Header { name, value } in self.headers {
            builder = builder.header(&name, &value);
        }
        if let Some(content) = self.content {
            builder = content.add_to(builder)?;
        }
        builder = builder.auth(match self.auth {
            None | Some(RequestAuth::Required) => Auth::Required,
            Some(RequestAuth::Optional) => Auth::Optional,
            Some(RequestAuth::Never) => Auth::None,
        });
        if let Some(key) = self.idempotency_key {
            builder = builder.idempotency_key(&key);
        }
        if let Some(milliseconds) = self.timeout_ms {
            builder = builder.timeout(timeout(milliseconds)?);
        }
        if let Some(milliseconds) = self.idle_timeout_ms {
            builder = builder.idle_timeout(timeout(milliseconds)?);
        }
        if let Some(limit) = self.max_body_bytes {
            builder = builder.max_body_bytes(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        if let Some(listener) = self.upload_progress {
            builder = builder.on_upload_progress(observer(listener)?);
        }
        if let Some(listener) = self.download_progress {
            builder = builder.on_download_progress(observer(listener)?);
        }
        Ok(Request::new(builder.check()?))
    }
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
            headers: headers(response.headers())
                .into_iter()
                .map(|(name, value)| Header { name, value })
                .collect(),
            disposition: response.disposition().into(),
            body: response.into_body().into(),
        }
    }
}

pub(crate) fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// A request that has been checked and can be sent once.
#[derive(uniffi::Object)]
pub struct Request {
    builder: Mutex<Option<RequestBuilder>>,
    cancelled: watch::Sender<bool>,
}

impl Request {
    fn new(builder: RequestBuilder) -> Arc<Self> {
        Arc::new(Self { builder: Mutex::new(Some(builder)), cancelled: watch::Sender::new(false) })
    }

    fn take(&self) -> Result<RequestBuilder, Error> {
        let builder = self.builder.lock().unwrap_or_else(PoisonError::into_inner).take();
        builder.ok_or_else(|| Error::InvalidRequest("a request is sent only once".to_owned()))
    }
}

fn timeout(milliseconds: u64) -> Result<Duration, Error> {
    if milliseconds == 0 {
        return Err(Error::InvalidRequest("the timeout is zero".to_owned()));
    }
    Ok(Duration::from_millis(milliseconds))
}

#[uniffi::export]
impl Request {
    /// Sends the request. Fails with `cancelled` after [`cancel`](Self::cancel).
    pub async fn send(&self) -> Result<HttpResponse, SessionFailure> {
        let builder = self.take()?;
        cancellable(self.cancelled.subscribe(), async { builder.send().await.map(HttpResponse::from) }).await
    }

    /// Sends the request and returns when the head of the answer is there.
    pub async fn send_streaming(&self) -> Result<Arc<IncomingResponse>, SessionFailure> {
        let builder = self.take()?;
        let response = cancellable(self.cancelled.subscribe(), builder.send_streaming()).await?;
        Ok(Arc::new(IncomingResponse::new(response, self.cancelled.clone())))
    }

    /// Sends the request and writes the body of a successful answer to a file, which appears when it is whole. The
    /// answer is returned without it; that of another status with its body.
    pub async fn send_to_file(&self, path: String) -> Result<HttpResponse, SessionFailure> {
        let builder = self.take()?;
        let sent = async { builder.send_to_file(path).await.map(HttpResponse::from) };
        cancellable(self.cancelled.subscribe(), sent).await
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
