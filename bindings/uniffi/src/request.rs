//! What is sent, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use auth_session::{Auth, Error, HeaderMap, Method, RequestBuilder, Response, StreamingResponse};

use crate::body::{IncomingBody, RequestContent};
use crate::error::SessionFailure;
use crate::exchange::begin;
use crate::listener::{Forwarder, ProgressListener};
use crate::octets::Octets;
use crate::senders::Sender;

/// The largest body that crosses the boundary in one piece: its length is a signed number of 32 bits there.
const LARGEST_BODY: usize = i32::MAX as usize;

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
    /// How many redirects are followed at most; by default as many as ever.
    #[uniffi(default = None)]
    pub max_redirects: Option<u32>,
    /// Is told how far the request's body has come.
    #[uniffi(default = None)]
    pub upload_progress: Option<Arc<dyn ProgressListener>>,
    /// Is told how far the answer's body has come.
    #[uniffi(default = None)]
    pub download_progress: Option<Arc<dyn ProgressListener>>,
    /// How the answer is delivered; by default with its whole body.
    #[uniffi(default = None)]
    pub delivery: Option<Delivery>,
    /// The body. The last field: Swift writes one after the other, and whatever grows behind a large one moves it.
    #[uniffi(default = None)]
    pub content: Option<RequestContent>,
}

/// How an answer is delivered.
#[derive(uniffi::Enum)]
pub enum Delivery {
    /// When its head is there; its body is read while it arrives.
    Arriving,
    /// With the body of a successful answer in a file, which appears when it is whole. The answer has no body then;
    /// that of another status has its own.
    ToFile {
        /// The file.
        path: String,
    },
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
    /// Checks the parts and sends them.
    pub(crate) fn send(mut self, request: u64, sender: &Sender) -> Result<(), SessionFailure> {
        let delivery = self.delivery.take();
        let upload = self.upload_progress.take().map(Forwarder::new).transpose()?;
        let download = self.download_progress.take().map(Forwarder::new).transpose()?;
        let mut builder = self.checked(sender)?;
        if let Some(upload) = &upload {
            builder = builder.on_upload_progress(upload.observer());
        }
        if let Some(download) = &download {
            builder = builder.on_download_progress(download.observer());
        }
        begin(request, async {
            let answer = match delivery {
                None => builder.send().await.and_then(whole),
                Some(Delivery::Arriving) => builder.send_streaming().await.map(arriving),
                Some(Delivery::ToFile { path }) => builder.send_to_file(path).await.and_then(whole),
            };
            for forwarder in [upload, download].into_iter().flatten() {
                forwarder.last_word().await;
            }
            answer
        })
    }

    fn checked(self, sender: &Sender) -> Result<RequestBuilder, SessionFailure> {
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| Error::InvalidRequest("the method is not allowed in HTTP".to_owned()))?;
        let mut builder = sender.request(method, &self.url);
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
        if let Some(limit) = self.max_redirects {
            builder = builder.max_redirects(limit);
        }
        Ok(builder.check()?)
    }
}

/// A server's answer, whatever its status.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct HttpResponse {
    pub status: u16,
    pub url: String,
    pub headers: Vec<Header>,
    pub disposition: Disposition,
    /// Whether it is the answer to a redirect that was followed.
    pub redirected: bool,
    /// The body, where it is read while it arrives.
    pub arriving: Option<Arc<IncomingBody>>,
    /// The body, where it is here. The last field, for the same reason as that of a request.
    pub body: Octets,
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

fn whole(response: Response) -> Result<HttpResponse, Error> {
    if response.body().len() > LARGEST_BODY {
        return Err(Error::BodyTooLarge { limit: LARGEST_BODY });
    }
    Ok(HttpResponse {
        status: response.status().as_u16(),
        url: response.url().to_string(),
        headers: headers(response.headers()),
        disposition: response.disposition().into(),
        redirected: response.is_redirected(),
        arriving: None,
        body: Octets(response.into_body()),
    })
}

fn arriving(response: StreamingResponse) -> HttpResponse {
    HttpResponse {
        status: response.status().as_u16(),
        url: response.url().to_string(),
        headers: headers(response.headers()),
        disposition: response.disposition().into(),
        redirected: response.is_redirected(),
        arriving: Some(Arc::new(IncomingBody::new(response))),
        body: Octets(bytes::Bytes::new()),
    }
}

fn headers(map: &HeaderMap) -> Vec<Header> {
    map.iter()
        .map(|(name, value)| Header {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        })
        .collect()
}

fn timeout(milliseconds: u64) -> Result<Duration, Error> {
    if milliseconds == 0 {
        return Err(Error::InvalidRequest("the timeout is zero".to_owned()));
    }
    Ok(Duration::from_millis(milliseconds))
}

#[cfg(test)]
impl HttpResponse {
    /// An answer of which only the status matters.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            url: String::new(),
            headers: Vec::new(),
            disposition: Disposition::Answered,
            redirected: false,
            arriving: None,
            body: Octets(bytes::Bytes::new()),
        }
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
