//! One request on its way: attach the token, send, follow, and send again where that is right.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::Body as _;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, DATE,
    HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, StatusCode};
use tokio::time::{Instant, sleep};
use url::Url;

use super::body::{Observer, RequestBody, Sending};
use super::challenge::{Meaning, is_about_access, meaning};
use super::client::ApiHost;
use super::compact::Compact;
use super::redirect::{Redirect, redirect};
use super::response::{Disposition, Response};
use super::retry::{self, Circumstances, Failure, is_idempotent};
use super::streaming::Body;
use crate::authority::verdict::retry_after;
use crate::error::{Error, NetworkFailure};
use crate::event::Event;
use crate::lifecycle::driver::{Lifecycle, NoToken, Ticket};
use crate::lifecycle::terms::{Input, Version, Want};
use crate::transport::{self, Permit};

/// Once with a token that somebody else has got in the meantime, once with a fresh one.
const MOST_RETRIES: u32 = 2;

/// Whether a request carries the session's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Auth {
    /// It does, and is not sent without.
    #[default]
    Required,
    /// It does if somebody is signed in, and goes without if nobody is. A session that cannot be read or
    /// refreshed now is an error all the same: the answer for nobody would be the wrong one.
    Optional,
    /// It never does.
    None,
}

/// A request on its way. Clones of its body are the same body.
pub(crate) struct Exchange {
    pub(super) host: Arc<ApiHost>,
    pub(super) auth: Auth,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<RequestBody>,
    /// The caller says that sending it twice is the same as sending it once.
    pub(super) idempotency_key: bool,
    /// The body of the answer is handed over as it arrives.
    pub(super) streaming: bool,
    pub(super) max_body_bytes: usize,
    pub(super) max_redirects: u32,
    /// How many redirects have been followed.
    pub(super) redirects: u32,
    pub(super) upload: Option<Observer>,
    pub(super) download: Option<Observer>,
}

/// An answer and what was made of it.
pub(crate) struct Answer {
    pub(super) status: StatusCode,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) total: Option<u64>,
    pub(super) disposition: Disposition,
    pub(super) redirected: bool,
}

/// A try that brought no answer.
struct Unanswered {
    /// `None` where another try would fail in the same way.
    failure: Option<Failure>,
    error: Error,
}

impl Exchange {
    pub(super) async fn run(mut self: Box<Self>, timeout: Duration) -> Result<Box<Answer>, Error> {
        let started = Instant::now();
        let mut ticket = self.first_ticket().await?;
        let (mut refreshed, mut retries, mut failures) = (false, 0, 0);
        let mut first = None;
        loop {
            let permit = self.admit(&mut ticket).await?;
            let first = *first.get_or_insert_with(Instant::now);
            // In a box, so that the many who wait for a token or a place take little memory.
            let outcome = Box::pin(self.attempt(ticket.as_ref(), permit)).await;
            failures += 1;
            let elapsed_and_left = || (first.elapsed(), timeout.saturating_sub(started.elapsed()));
            if let Some(pause) = self.pause(&outcome, failures, elapsed_and_left) {
                // An answer that arrives whole holds no place, and is better than none.
                let mut kept = outcome.ok().filter(|answer| matches!(answer.body, Body::Whole(_)));
                let compact = kept.as_mut().map(|answer| answer.compact());
                sleep(pause).await;
                ticket = match (Box::pin(self.current(ticket)).await, kept, compact) {
                    (Ok(ticket), ..) => ticket,
                    (Err(error), Some(answer), Some(compact)) => {
                        return Ok(answer.restored(compact).after(&error));
                    }
                    (Err(error), ..) => return Err(error),
                };
                continue;
            }
            let mut answer = outcome.map_err(|unanswered| unanswered.error)?;
            if let Some(ticket) = &ticket {
                if shows_acceptance(answer.status) {
                    self.lifecycle().accepted(ticket);
                }
                self.lifecycle().server_says(|| answer.date());
            }
            let location = answer.headers.get(LOCATION);
            let left = self.max_redirects.saturating_sub(self.redirects);
            match redirect(answer.status, location, &self.method, &self.url, left) {
                Redirect::None => {}
                Redirect::Follow { keeps_body: true, .. } if !self.is_replayable() => {
                    answer.disposition = Disposition::NotReplayable;
                    return Ok(answer);
                }
                Redirect::Follow { url, method, keeps_body, keeps_credentials } => {
                    // The server has acted: what it said is not lost for want of a token.
                    ticket = match Box::pin(self.current(ticket.filter(|_| keeps_credentials))).await {
                        Ok(ticket) => ticket,
                        Err(error) => return Ok(answer.after(&error)),
                    };
                    drop(answer);
                    failures = 0;
                    self.follow(url, method, keeps_body, keeps_credentials);
                    continue;
                }
                Redirect::Refused => {
                    answer.disposition = Disposition::RedirectRefused;
                    return Ok(answer);
                }
            }
            let Some(used) = &ticket else { return Ok(answer) };
            let Version { epoch, number } = used.version;
            match self.meaning(&answer) {
                // RFC 9110 section 15.5.2: again only with other credentials. Those may first be ones that
                // somebody else has got in the meantime; a refresh for this request happens once, and ends it.
                Meaning::TokenRefused if !refreshed && retries < MOST_RETRIES => {
                    let mut want = Want { epoch: Some(epoch), refused: Some(number), after: None };
                    let mut compact = None;
                    let other = match self.lifecycle().ask(&mut want) {
                        Some(other) => other,
                        None => {
                            compact = Some(answer.compact());
                            self.lifecycle().token_after(want).await
                        }
                    };
                    let none = match other {
                        Ok(other) if self.is_replayable() => {
                            refreshed = other.refreshed;
                            retries += 1;
                            failures = 0;
                            ticket = Some(other);
                            continue;
                        }
                        other => other.err(),
                    };
                    if let Some(compact) = compact {
                        answer = answer.restored(compact);
                    }
                    match none {
                        None => answer.disposition = Disposition::NotReplayable,
                        Some(NoToken::NotRenewable | NoToken::PassOn) => {}
                        Some(NoToken::Failed(error)) => answer.disposition = after(&error),
                    }
                }
                Meaning::StepUp(step_up) => {
                    answer.disposition = Disposition::StepUpRequired;
                    self.lifecycle().emit(Event::StepUpRequired(step_up));
                }
                Meaning::SessionOver => {
                    self.lifecycle().apply(Input::ServerEndedSession { epoch });
                    // It may have been over before, or be another user's by now.
                    let ended = self.lifecycle().token(Some(epoch), None).await;
                    answer.disposition = match usable(ended) {
                        Err(error) => after(&error),
                        Ok(_) => Disposition::SessionEnded,
                    };
                }
                _ => {}
            }
            return Ok(answer);
        }
    }

    fn lifecycle(&self) -> &Lifecycle {
        &self.host.lifecycle
    }

    async fn first_ticket(&self) -> Result<Option<Ticket>, Error> {
        match self.auth {
            Auth::None => Ok(None),
            Auth::Required => usable(self.lifecycle().token(None, None).await).map(Some),
            Auth::Optional => match usable(self.lifecycle().token(None, None).await) {
                Err(Error::SignedOut { .. }) => Ok(None),
                result => result.map(Some),
            },
        }
    }

    /// The token of the same session now: time has passed since the one at hand was given.
    async fn current(&self, ticket: Option<Ticket>) -> Result<Option<Ticket>, Error> {
        match ticket {
            Some(ticket) => usable(self.lifecycle().token(Some(ticket.version.epoch), None).await).map(Some),
            None => Ok(None),
        }
    }

    /// A place among the connections to the origin. After a wait for it the token is asked for again, but
    /// nobody holds a place while waiting for a token: those who could use it would wait as well.
    async fn admit(&self, ticket: &mut Option<Ticket>) -> Result<Permit, Error> {
        let connections = self.host.transport.connections();
        if let Some(permit) = connections.admit_at_once(&self.url) {
            return Ok(permit);
        }
        let permit = connections.admit(&self.url).await;
        let Some(epoch) = ticket.as_ref().map(|ticket| ticket.version.epoch) else { return Ok(permit) };
        let mut want = Want { epoch: Some(epoch), refused: None, after: None };
        if let Some(current) = self.lifecycle().ask(&mut want) {
            *ticket = Some(usable(current)?);
            return Ok(permit);
        }
        drop(permit);
        *ticket = Some(usable(self.lifecycle().token_after(want).await)?);
        Ok(connections.admit(&self.url).await)
    }

    /// Whether the body can be sent once more.
    fn is_replayable(&self) -> bool {
        self.body.as_ref().is_none_or(RequestBody::is_there)
    }

    fn follow(&mut self, url: Url, method: Method, keeps_body: bool, keeps_credentials: bool) {
        self.redirects += 1;
        self.url = url;
        self.method = method;
        if !keeps_body {
            self.body = None;
            for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                self.headers.remove(name);
            }
        }
        if !keeps_credentials {
            self.headers.clear();
        }
    }

    fn pause(
        &self,
        outcome: &Result<Box<Answer>, Unanswered>,
        attempts: u32,
        elapsed_and_left: impl FnOnce() -> (Duration, Duration),
    ) -> Option<Duration> {
        let failure = match outcome {
            Err(unanswered) => unanswered.failure?,
            Ok(answer) if answer.status.is_success() => return None,
            Ok(answer) => Failure::Answered { status: answer.status, retry_after: answer.retry_after() },
        };
        if !self.is_replayable() {
            return None;
        }
        let (elapsed, left) = elapsed_and_left();
        let circumstances = Circumstances {
            idempotent: self.idempotency_key || is_idempotent(&self.method),
            attempts,
            elapsed,
            left,
            entropy: self.lifecycle().entropy(),
        };
        retry::pause(self.host.retry, failure, circumstances)
    }

    fn meaning(&self, answer: &Answer) -> Meaning {
        let body = match &answer.body {
            Body::Whole(body) => body.as_ref(),
            Body::Arriving { .. } => &[],
        };
        meaning(&self.host.answers, answer.status, &answer.headers, body)
    }

    // The answer is in a box, since what `run` holds it in several times over must stay small: allocators have a slow way
    // for what is larger than a KiB or so, and many wait in `run`.
    async fn attempt(&self, ticket: Option<&Ticket>, permit: Permit) -> Result<Box<Answer>, Unanswered> {
        let mut request = self.host.transport.api().request(self.method.clone(), self.url.clone());
        if !self.headers.is_empty() {
            request = request.headers(self.headers.clone());
        }
        if let Some(ticket) = ticket {
            request = request.header(AUTHORIZATION, bearer(ticket).map_err(Unanswered::for_good)?);
        }
        let mut sending = None;
        let mut is_empty = true;
        if let Some(body) = &self.body {
            let opened = body.open(self.upload.clone()).await.map_err(Unanswered::for_good)?;
            sending = Some(opened.sending);
            is_empty = opened.body.size_hint().exact() == Some(0);
            request = request.body(opened.body);
        }
        // RFC 9110 section 8.6; servers answer 411 without it (seanmonstar/reqwest#838).
        if is_empty && [Method::POST, Method::PUT, Method::PATCH].contains(&self.method) {
            request = request.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| match sending.as_ref().and_then(Sending::failure) {
            Some(failed) => Unanswered::for_good(failed),
            None => Unanswered::of(&error, sending.as_ref().is_some_and(Sending::has_begun)),
        })?;
        permit.went_over(response.version());
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let total = response.content_length();
        let url = response.url().clone();
        // What a refusal means may stand in its body, and nobody holds a place while waiting for a token.
        let body = if self.streaming && !is_about_access(status) {
            Body::Arriving { response: Box::new(response), _place: permit }
        } else {
            let observer = self.download.as_ref().filter(|_| status.is_success());
            let (mut received, limit) = (0, self.max_body_bytes);
            let read = transport::read_body_observed(response, limit, |bytes| {
                received += bytes as u64;
                if let Some(observer) = observer {
                    observer.tell(received, total);
                }
            });
            Body::Whole(read.await.map_err(Unanswered::while_reading)?)
        };
        let disposition = match status {
            StatusCode::UNAUTHORIZED => Disposition::Refused,
            StatusCode::FORBIDDEN => Disposition::PermissionDenied,
            _ => Disposition::Answered,
        };
        let redirected = self.redirects > 0;
        Ok(Box::new(Answer { status, url, headers, body, total, disposition, redirected }))
    }
}

/// Whether an answer shows that the server took the token: a gateway's errors and a redirect say nothing of it.
fn shows_acceptance(status: StatusCode) -> bool {
    status.is_success()
        || (status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 407 | 408 | 425 | 429))
}

impl Answer {
    /// It is all there is, because no token could be had to go on with.
    fn after(mut self: Box<Self>, error: &Error) -> Box<Self> {
        self.disposition = after(error);
        self
    }

    /// Takes what it has of memory out of it, until it is [`restored`](Self::restored).
    fn compact(&mut self) -> Compact {
        let headers = std::mem::take(&mut self.headers);
        let body = match &mut self.body {
            Body::Whole(body) => std::mem::take(body),
            // Nobody waits with it.
            Body::Arriving { .. } => Bytes::new(),
        };
        Compact::of(&headers, body)
    }

    fn restored(mut self: Box<Self>, compact: Compact) -> Box<Self> {
        let (headers, body) = compact.restore();
        self.headers = headers;
        if let Body::Whole(whole) = &mut self.body {
            *whole = body;
        }
        self
    }

    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// RFC 9110 section 6.6.1.
    fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.text(DATE)?).ok()
    }

    fn retry_after(&self) -> Option<Duration> {
        retry_after(self.text(RETRY_AFTER)?, self.date().unwrap_or_else(SystemTime::now))
    }

    pub(super) fn into_response(self) -> Response {
        let Self { status, url, headers, body, disposition, redirected, .. } = self;
        let body = match body {
            Body::Whole(body) => body,
            // Only a streaming exchange leaves it so.
            Body::Arriving { .. } => Bytes::new(),
        };
        Response { status, url, headers, body, disposition, redirected }
    }
}

impl Unanswered {
    fn of(error: &reqwest::Error, body_has_begun: bool) -> Self {
        let failure = transport::network_failure(error);
        let next = match failure {
            // What this device does not trust will not be trusted in a second.
            NetworkFailure::PinMismatch | NetworkFailure::CertificateNotTrusted => None,
            _ if transport::was_not_processed(error, body_has_begun) => Some(Failure::Unprocessed),
            _ => Some(Failure::Broken),
        };
        Self { failure: next, error: Error::Network(failure) }
    }

    fn while_reading(error: Error) -> Self {
        let failure = matches!(error, Error::Network(_)).then_some(Failure::Broken);
        Self { failure, error }
    }

    fn for_good(error: Error) -> Self {
        Self { failure: None, error }
    }
}

pub(super) fn bearer(ticket: &Ticket) -> Result<HeaderValue, Error> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", ticket.access.expose()))
        .map_err(|_| Error::InvalidRequest("the access token cannot stand in a header".into()))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

pub(super) fn usable(result: Result<Ticket, NoToken>) -> Result<Ticket, Error> {
    result.map_err(|none| match none {
        NoToken::Failed(error) => error,
        NoToken::NotRenewable | NoToken::PassOn => Error::Internal("an unused token was refused".into()),
    })
}

/// What a 401 turns into when no other token could be had.
pub(super) fn after(error: &Error) -> Disposition {
    match error {
        Error::SessionEnded { .. } => Disposition::SessionEnded,
        Error::SessionChanged | Error::SignedOut { .. } => Disposition::SessionChanged,
        _ => Disposition::RefreshFailed,
    }
}
