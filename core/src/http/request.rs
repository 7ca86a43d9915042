//! A request that is being built.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use reqwest::Method;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use serde::Serialize;
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded::Serializer;

use super::body::{Observer, RequestBody, TransferProgress};
use super::client::ApiHost;
use super::exchange::{Answer, Auth, Exchange};
use super::multipart::Multipart;
use super::redirect::MOST_REDIRECTS;
use super::response::Response;
use super::streaming::StreamingResponse;
use crate::error::Error;
use crate::runtime::{runtime, surrounded};

/// As long as the usual request may take: a server that sends nothing for so long is gone.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A request that is being built. Mistakes in its parts are reported by [`send`](Self::send).
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    host: Arc<ApiHost>,
    method: Method,
    target: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Option<RequestBody>,
    auth: Auth,
    idempotency_key: bool,
    timeout: Duration,
    idle_timeout: Duration,
    max_body_bytes: usize,
    max_redirects: u32,
    upload: Option<Observer>,
    download: Option<Observer>,
    mistake: Option<Error>,
}

/// Without headers and body, which are the app's business.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("method", &self.method)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl RequestBuilder {
    pub(crate) fn new(host: Arc<ApiHost>, method: Method, target: &str) -> Self {
        let (timeout, max_body_bytes) = (host.timeout, host.max_body_bytes);
        Self {
            host,
            method,
            target: target.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            auth: Auth::Required,
            idempotency_key: false,
            timeout,
            idle_timeout: IDLE_TIMEOUT,
            max_body_bytes,
            max_redirects: MOST_REDIRECTS,
            upload: None,
            download: None,
            mistake: None,
        }
    }

    /// Adds a header; one with the same name stays beside it, but for `Content-Type`, of which there is one.
    /// `Authorization` is the session's business, and `Host`, `Content-Length`, `Transfer-Encoding` and
    /// `Connection` are HTTP's: they are refused.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match header(name, value) {
            // There is one content type, and the last word counts.
            Ok((CONTENT_TYPE, value)) => {
                self.headers.insert(CONTENT_TYPE, value);
            }
            Ok((name, value)) => {
                self.headers.append(name, value);
            }
            Err(mistake) => self.fail(&mistake),
        }
        self
    }

    /// Adds names and values to the query, encoded as forms are.
    pub fn query<N: Into<String>, V: Into<String>>(
        mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.query.extend(pairs.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(RequestBody::Bytes(body.into()));
        self
    }

    /// Sets a JSON body and its `Content-Type`.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.content_type("application/json").body(body),
            Err(_) => {
                self.fail("the value cannot be written as JSON");
                self
            }
        }
    }

    /// Sets a text body and its `Content-Type`.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.content_type("text/plain; charset=utf-8").body(text.into())
    }

    /// Sets a body of URL-encoded names and values, as HTML forms send it, and its `Content-Type`.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.content_type("application/x-www-form-urlencoded").body(body)
    }

    /// Sets a body of several parts and its `Content-Type`.
    pub fn multipart(mut self, form: Multipart) -> Self {
        match form.seal() {
            Ok(form) => {
                self = self.content_type(&form.content_type());
                self.body = Some(RequestBody::Multipart(Arc::new(form)));
            }
            Err(error) => {
                self.mistake.get_or_insert(error);
            }
        }
        self
    }

    /// Sends the content of a file, which is read while it is sent. It must not change until the request is
    /// over; if the request is sent again, it is read again.
    pub fn body_from_file(mut self, path: impl AsRef<Path>) -> Self {
        self.body = Some(RequestBody::from(path.as_ref().to_owned()));
        self
    }

    /// Sends what the stream yields, as it comes. It can be sent once: after a 401 or a failure the request
    /// is not repeated, and a 401 is handed over as
    /// [`Disposition::NotReplayable`](crate::Disposition::NotReplayable).
    pub fn body_from_stream(
        mut self,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        self.body = Some(RequestBody::stream(stream));
        self
    }

    /// Whether the request carries the token. Default: [`Auth::Required`].
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Says that the server does a thing once however often it is asked with this key, sent as
    /// `Idempotency-Key`. The request is then [sent again](crate::RetryPolicy) after failures that pass.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = true;
        self.header("idempotency-key", key)
    }

    /// How long the call may take, from [`send`](Self::send) to the last byte of the body, the wait for a
    /// refresh included; with [`send_streaming`](Self::send_streaming) and [`send_to_file`](Self::send_to_file)
    /// to the head of the answer. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long the body of a streamed answer may pause. Default: 60 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How many bytes the body of an answer that is handed over whole may have, decompressed.
    pub fn max_body_bytes(mut self, limit: usize) -> Self {
        self.max_body_bytes = limit;
        self
    }

    /// How many redirects are followed at most, by default 10, and never more. One more is the answer, with
    /// [`Disposition::RedirectRefused`](crate::Disposition::RedirectRefused): with 0 any redirect is.
    pub fn max_redirects(mut self, limit: u32) -> Self {
        self.max_redirects = limit.min(MOST_REDIRECTS);
        self
    }

    /// Reports how much of the body has been handed to the network. Called on a thread of the library; it
    /// must not block.
    pub fn on_upload_progress(mut self, observer: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.upload = Some(Observer::new(observer));
        self
    }

    /// Reports how much of a successful answer's body has arrived, decompressed. It must not block.
    pub fn on_download_progress(
        mut self,
        observer: impl Fn(TransferProgress) + Send + Sync + 'static,
    ) -> Self {
        self.download = Some(Observer::new(observer));
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
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let mut url = self.host.resolve(&self.target)?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    fn content_type(mut self, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.entry(CONTENT_TYPE).or_insert(value);
            }
            Err(_) => self.fail("the content type is not allowed in HTTP"),
        }
        self
    }

    fn fail(&mut self, mistake: &str) {
        self.mistake.get_or_insert_with(|| Error::InvalidRequest(mistake.into()));
    }

    fn exchange(self, streaming: bool) -> Result<Exchange, Error> {
        let url = self.resolve()?;
        let mut headers = self.headers;
        for name in self.host.headers.keys() {
            if !headers.contains_key(name) {
                for value in self.host.headers.get_all(name) {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
        Ok(Exchange {
            host: self.host,
            auth: self.auth,
            method: self.method,
            url,
            headers,
            body: self.body,
            idempotency_key: self.idempotency_key,
            streaming,
            max_body_bytes: self.max_body_bytes,
            max_redirects: self.max_redirects,
            redirects: 0,
            upload: self.upload,
            download: self.download,
        })
    }

    // The future holds the exchange in a box and nothing of this builder: thousands may wait at once.
    fn answer(self, streaming: bool) -> impl Future<Output = Result<Box<Answer>, Error>> + Send + use<> {
        let limit = self.timeout;
        let exchange = self.exchange(streaming).map(Box::new);
        async move {
            let exchange = exchange?;
            let run = async move {
                timeout(limit, exchange.run(limit)).await.unwrap_or(Err(Error::Timeout(limit)))
            };
            surrounded(runtime()?, Box::pin(run)).await
        }
    }

    /// Sends the request with a valid token, from any async runtime. A 401 for want of a fresh token is
    /// answered by a refresh, one for all callers, and one retry. Dropping the future cancels the request
    /// and nothing else: a refresh that it waits for goes on.
    ///
    /// # Errors
    /// There was no answer: see [`Error`]. Any answer of the server, a 401 too, is a [`Response`].
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let answer = self.answer(false);
        async move { answer.await.map(|answer| answer.into_response()) }
    }

    /// Like [`send`](Self::send), and hands the body over as it arrives: for large answers and for
    /// server-sent events. The token is attached, refreshed and refused by the same rules.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_streaming(self) -> Result<StreamingResponse, Error> {
        let (idle_timeout, observer) = (self.idle_timeout, self.download.clone());
        let answer = self.answer(true).await?;
        let Answer { status, url, headers, body, total, disposition, redirected } = *answer;
        let observer = observer.filter(|_| status.is_success());
        let received = 0;
        Ok(StreamingResponse {
            status,
            url,
            headers,
            disposition,
            redirected,
            body,
            idle_timeout,
            observer,
            received,
            total,
        })
    }

    /// Like [`send`](Self::send), and writes the body of a successful answer to a file, which appears, or
    /// replaces what was there, when it is complete. The response has no body then; one that is not
    /// successful has its body and leaves the file alone. A failed or cancelled transfer leaves nothing.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::File`] if the file cannot be written.
    pub async fn send_to_file(self, path: impl AsRef<Path>) -> Result<Response, Error> {
        let limit = self.max_body_bytes;
        let response = self.send_streaming().await?;
        if response.status().is_success() {
            surrounded(runtime()?, response.into_file(path.as_ref())).await
        } else {
            response.whole(limit).await
        }
    }
}

/// A header that the app may set.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        (Ok(name), Ok(_)) if name == AUTHORIZATION => {
            Err("the session sets the Authorization header itself".into())
        }
        (Ok(name), Ok(_)) if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&name) => {
            Err(format!("HTTP sets the header {name} itself"))
        }
        (Ok(name), Ok(value)) => Ok((name, value)),
        // The value may be a secret: it is not repeated.
        (Ok(name), Err(_)) => Err(format!("the value of header {name} is not allowed in HTTP")),
        (Err(_), _) => Err("a header name is not allowed in HTTP".into()),
    }
}
