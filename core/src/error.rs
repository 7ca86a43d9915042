//! What can go wrong, and who can do something about it.

use std::time::Duration;

use crate::event::SignOutReason;
use crate::store::{Refusal, StoreError};

/// Why a call has no result. [`code`](Error::code) is stable across versions and languages; the text is
/// for people and may change. No variant holds a token or a password, and none holds what a server wrote.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong; the programmer can mend it.
    #[error("invalid configuration: {field}: expected {expected}")]
    InvalidConfiguration {
        /// Which setting.
        field: &'static str,
        /// What it must be.
        expected: String,
    },
    /// The request cannot be sent as it is; the programmer can mend it.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// The URL belongs to an origin that must not get the token.
    #[error("{origin} is not an allowed origin of this session; allow it in the configuration")]
    OriginNotAllowed {
        /// The origin: scheme, host and port.
        origin: String,
    },
    /// Nobody is signed in.
    #[error("nobody is signed in ({})", .reason.name())]
    SignedOut {
        /// Why.
        reason: SignOutReason,
    },
    /// The session ended while the request waited for a token; the request was not sent.
    #[error("the session has ended ({}); the user must sign in again", .reason.name())]
    SessionEnded {
        /// Why.
        reason: SignOutReason,
    },
    /// The user signed out or somebody else signed in while the request waited; it was not sent.
    #[error("the session changed while the request waited; it was not sent")]
    SessionChanged,
    /// The server answered the sign-in, and not with tokens.
    #[error("the sign-in was not accepted (HTTP {status})")]
    SignInRejected {
        /// The HTTP status.
        status: u16,
        /// The server's answer where it was JSON: often it says what was wrong. It is not part of the text
        /// of this error, because servers repeat what they were sent.
        answer: Option<Box<Answer>>,
    },
    /// The server cannot take a sign-in now; nothing was said about the credentials.
    #[error("the server cannot take a sign-in now (HTTP {status})")]
    SignInUnavailable {
        /// The HTTP status.
        status: u16,
        /// When the server wants to be asked again, from now.
        retry_after: Option<Duration>,
    },
    /// The access token has expired and cannot be refreshed right now; the session is kept.
    #[error("the access token cannot be refreshed now: {cause}")]
    RefreshUnavailable {
        /// What the authorization server did.
        cause: RefreshObstacle,
        /// When the next attempt is allowed, from now.
        retry_after: Option<Duration>,
    },
    /// The authorization server says that this client is set up wrongly; the session is kept.
    #[error("the authorization server does not accept this client's set-up ({0})")]
    AuthorityMisconfigured(String),
    /// The authorization server answered with something that means nothing here; the session is kept.
    #[error("unexpected answer of the authorization server (HTTP {status})")]
    AuthorityUnexpected {
        /// The HTTP status.
        status: u16,
    },
    /// There was no answer.
    #[error("no answer: {0}")]
    Network(NetworkFailure),
    /// The deadline passed, waiting for a refresh included.
    #[error("timed out after {0:?}")]
    Timeout(Duration),
    /// The answer is larger than this session accepts.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body of a successful answer is not what it was decoded as.
    #[error("the body could not be decoded: {0}")]
    Undecodable(String),
    /// Decoding was asked for, but the server did not answer with success.
    #[error("the server answered with HTTP {status}")]
    Unsuccessful {
        /// The HTTP status.
        status: u16,
    },
    /// The store could not be read or written; nothing was lost.
    #[error("the store is not available: {0}")]
    StoreUnavailable(String),
    /// The store holds something that this version cannot read. It is kept as it is.
    #[error("the stored session cannot be read: {0}")]
    StoreCorrupt(String),
    /// The store is locked, as a phone's is before its first unlock.
    #[error("the store is locked; try again when the device is unlocked")]
    Locked,
    /// The store will not be read or written until somebody does something about it; nothing was lost.
    #[error("the store refuses: {0}")]
    StoreRefused(Refusal),
    /// On Android, the app has not handed over its context yet; the programmer can mend it.
    #[error("the library is not initialised: the app must hand over its context first")]
    NotInitialized,
    /// A file of the request could not be read, or one for the answer could not be written.
    #[error("a file could not be used: {0}")]
    File(std::io::ErrorKind),
    /// The user signed in longer ago than the app asks for, or nobody knows when.
    #[error("the user must sign in again: the last sign-in is not recent enough")]
    RecentSignInRequired,
    /// A session on this account is open in this process, with other settings.
    #[error("this account is already open with another {field}; close that session first")]
    AlreadyOpen {
        /// The first setting that differs.
        field: &'static str,
    },
    /// The session only reads ([`SessionConfig::read_only`](crate::SessionConfig::read_only)): it does not sign in or
    /// out, and its access token is no good any more. The session that owns the tokens must act: the user opens the
    /// app.
    #[error("this session only reads: the app's own session must sign in, sign out or refresh the token")]
    ReadOnly,
    /// A defect of this library, or a panic of what the app has plugged into it.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A JSON answer of a server, kept out of `Debug` because servers repeat what they were sent.
#[derive(Clone, PartialEq)]
pub struct Answer(pub serde_json::Value);

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[server answer]")
    }
}

/// Why a refresh could not be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshObstacle {
    /// No connection: nothing was sent.
    #[error("the authorization server cannot be reached")]
    Unreachable,
    /// The server says that it cannot answer now (429, 408, 425, 5xx).
    #[error("the authorization server is unavailable")]
    Unavailable,
    /// The request was sent, and no usable answer came; it is tried again with the same token.
    #[error("the authorization server's answer was lost")]
    AnswerLost,
    /// The server answered with a new refresh token and no access token.
    #[error("the authorization server issued no access token")]
    NoAccessToken,
}

/// Where the way to a server broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkFailure {
    /// No connection could be made (refused, no route, no name, TLS): nothing was sent.
    #[error("could not connect")]
    NotConnected,
    /// The connection broke after the request was sent, or the answer was not HTTP.
    #[error("the connection broke before the whole answer arrived")]
    Broken,
    /// The server's certificate is not trusted, not valid now, or of another host: nothing was sent.
    #[error("the server's certificate is not trusted")]
    CertificateNotTrusted,
    /// The server's key is none of the pinned ones: nothing was sent.
    #[error("the server's key is none of the pinned ones")]
    PinMismatch,
}

impl Error {
    /// All codes, in no particular order. `cancelled` is that of the languages that have request handles; in Rust a
    /// dropped future gets no answer.
    pub const CODES: [&str; 29] = [
        "invalid_configuration",
        "invalid_request",
        "origin_not_allowed",
        "signed_out",
        "session_ended",
        "session_changed",
        "sign_in_rejected",
        "sign_in_unavailable",
        "refresh_unavailable",
        "authority_misconfigured",
        "authority_unexpected",
        "network",
        "timeout",
        "cancelled",
        "body_too_large",
        "undecodable",
        "unsuccessful",
        "store_unavailable",
        "store_corrupt",
        "store_misconfigured",
        "unlock_cancelled",
        "unlock_failed",
        "locked",
        "not_initialized",
        "file",
        "recent_sign_in_required",
        "already_open",
        "read_only",
        "internal",
    ];

    /// The stable code, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidConfiguration { .. } => "invalid_configuration",
            Self::InvalidRequest(_) => "invalid_request",
            Self::OriginNotAllowed { .. } => "origin_not_allowed",
            Self::SignedOut { .. } => "signed_out",
            Self::SessionEnded { .. } => "session_ended",
            Self::SessionChanged => "session_changed",
            Self::SignInRejected { .. } => "sign_in_rejected",
            Self::SignInUnavailable { .. } => "sign_in_unavailable",
            Self::RefreshUnavailable { .. } => "refresh_unavailable",
            Self::AuthorityMisconfigured(_) => "authority_misconfigured",
            Self::AuthorityUnexpected { .. } => "authority_unexpected",
            Self::Network(_) => "network",
            Self::Timeout(_) => "timeout",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::Undecodable(_) => "undecodable",
            Self::Unsuccessful { .. } => "unsuccessful",
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::StoreCorrupt(_) => "store_corrupt",
            Self::StoreRefused(Refusal::Misconfigured(_)) => "store_misconfigured",
            Self::StoreRefused(Refusal::UnlockCancelled) => "unlock_cancelled",
            Self::StoreRefused(Refusal::UnlockFailed) => "unlock_failed",
            Self::Locked => "locked",
            Self::NotInitialized => "not_initialized",
            Self::File(_) => "file",
            Self::RecentSignInRequired => "recent_sign_in_required",
            Self::AlreadyOpen { .. } => "already_open",
            Self::ReadOnly => "read_only",
            Self::Internal(_) => "internal",
        }
    }

    /// Whether the same call may succeed later without anybody mending anything.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::SignInUnavailable { .. }
                | Self::RefreshUnavailable { .. }
                | Self::AuthorityUnexpected { .. }
                | Self::Network(NetworkFailure::NotConnected | NetworkFailure::Broken)
                | Self::Timeout(_)
                | Self::StoreUnavailable(_)
                | Self::Locked
        )
    }

    /// Whether only the user can help, by signing in.
    pub fn is_sign_in_required(&self) -> bool {
        matches!(self, Self::SignedOut { .. } | Self::SessionEnded { .. } | Self::RecentSignInRequired)
    }

    /// When the next attempt is allowed, from now, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::SignInUnavailable { retry_after, .. } | Self::RefreshUnavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// The HTTP status that the error rests on, where there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::SignInRejected { status, .. }
            | Self::SignInUnavailable { status, .. }
            | Self::AuthorityUnexpected { status }
            | Self::Unsuccessful { status } => Some(*status),
            _ => None,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked => Self::Locked,
            StoreError::Refused(refusal) => Self::StoreRefused(refusal),
            other => Self::StoreUnavailable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_refuses_is_not_asked_again_and_nobody_is_told_to_sign_in() {
        let misconfigured = Refusal::Misconfigured("no entitlement".into());
        for (refusal, code) in [
            (misconfigured, "store_misconfigured"),
            (Refusal::UnlockCancelled, "unlock_cancelled"),
            (Refusal::UnlockFailed, "unlock_failed"),
        ] {
            let error = Error::from(StoreError::Refused(refusal));
            assert_eq!(
                (error.code(), error.is_retryable(), error.is_sign_in_required()),
                (code, false, false)
            );
        }
    }

    /// The second column of the arms of [`Error::code`], read from this file: the compiler checks that every variant
    /// has one, and this that every one is listed.
    #[test]
    fn every_code_is_listed() {
        let source = include_str!("error.rs");
        let (_, rest) = source.split_once("pub fn code(&self)").expect("the function");
        let (body, _) = rest.split_once("\n    }\n").expect("its end");
        let codes: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
        let listed = |code: &&str| Error::CODES.contains(code);
        assert!(codes.len() + 1 == Error::CODES.len() && codes.iter().all(listed), "{codes:?}");
    }
}
