//! An answer of the app's API, whole.

use std::fmt;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::Error;

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
    /// 401 (or a redirect, or a failure that was to be tried again), and then the session ended: the user must sign
    /// in again.
    SessionEnded,
    /// The same, and then the user signed out or somebody else signed in.
    SessionChanged,
    /// The same, and the token could not be refreshed now. The session is kept; try again later.
    RefreshFailed,
    /// 401 or 403: the user must sign in again or agree to more, whatever the token
    /// ([`Event::StepUpRequired`](crate::Event::StepUpRequired) says to what).
    StepUpRequired,
    /// 401 or a redirect, and the body was a stream, which cannot be sent twice. The
    /// same request with a new stream may succeed: after a 401 there is another token now.
    NotReplayable,
    /// A redirect to where this request must not go, or one too many.
    RedirectRefused,
}

impl Disposition {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::PermissionDenied,
        Self::Refused,
        Self::SessionEnded,
        Self::SessionChanged,
        Self::RefreshFailed,
        Self::StepUpRequired,
        Self::NotReplayable,
        Self::RedirectRefused,
    ];

    /// The stable name, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::PermissionDenied => "permission_denied",
            Self::Refused => "refused",
            Self::SessionEnded => "session_ended",
            Self::SessionChanged => "session_changed",
            Self::RefreshFailed => "refresh_failed",
            Self::StepUpRequired => "step_up_required",
            Self::NotReplayable => "not_replayable",
            Self::RedirectRefused => "redirect_refused",
        }
    }
}

/// A server's answer: any status, with what was made of it. Its `Debug` form tells the status, the origin and the
/// size, and nothing of what the server sent.
#[derive(Clone)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) disposition: Disposition,
    pub(crate) redirected: bool,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.as_u16())
            .field("origin", &self.url.origin().ascii_serialization())
            .field("disposition", &self.disposition)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
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

    /// Whether it is the answer to a redirect that was followed.
    pub fn is_redirected(&self) -> bool {
        self.redirected
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disposition_is_published() {
        let published = include_str!("../../../docs/requests.md");
        for disposition in Disposition::ALL {
            assert!(published.contains(&format!("| `{}` |", disposition.name())), "{disposition:?}");
        }
    }
}
