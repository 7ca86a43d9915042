//! An authorization server that only the app knows how to speak to.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;

use crate::error::Error;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Grant, Verdict};
use crate::secret::Secret;
use crate::session::Tokens;

/// What a [`CustomAuthority`] answers, when it has.
pub type AuthorityFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An authorization server that the app speaks to by itself. The library still decides when: one refresh
/// at a time, its outcome saved before it is used, and a session that ends only with a verdict.
///
/// Tokens are handed over as [`Secret`]s, whose text form is redacted. A panic is caught: that of a refresh
/// is [`RefreshOutcome::Ambiguous`]. The futures are polled with the library's runtime (tokio) around them,
/// and must not block.
///
/// ```
/// use auth_session::{
///     AttemptId, AuthorityFuture, CustomAuthority, Error, RefreshOutcome, Secret, SignInOutcome, Tokens,
/// };
/// use serde_json::Value;
///
/// #[derive(Debug)]
/// struct Grpc;
///
/// impl CustomAuthority for Grpc {
///     fn sign_in(&self, _: Value) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
///         Box::pin(async { Ok(SignInOutcome::SignedIn(Tokens::new("…").refresh_token("…"), Value::Null)) })
///     }
///
///     fn refresh(&self, token: Secret, _: AttemptId) -> AuthorityFuture<'_, RefreshOutcome> {
///         Box::pin(async move {
///             match token.expose() {
///                 "revoked" => RefreshOutcome::Rejected { certain: true },
///                 _ => RefreshOutcome::Unavailable { retry_after: None },
///             }
///         })
///     }
///
///     fn revoke(&self, _: Secret, _: Option<Secret>) -> AuthorityFuture<'_, bool> {
///         Box::pin(async { true })
///     }
/// }
/// ```
pub trait CustomAuthority: Send + Sync + fmt::Debug + 'static {
    /// Signs in with what the app passed to [`sign_in`](crate::AuthSession::sign_in). The future is dropped
    /// when that call is.
    ///
    /// # Errors
    /// They reach the caller as they are. They must hold no password and no token.
    fn sign_in(&self, credentials: Value) -> AuthorityFuture<'_, Result<SignInOutcome, Error>>;

    /// Takes the next step of a sign-in, with what the app passed to
    /// [`continue_sign_in`](crate::AuthSession::continue_sign_in).
    ///
    /// # Errors
    /// As for [`sign_in`](Self::sign_in). Without an implementation, [`Error::InvalidRequest`].
    fn continue_sign_in(
        &self,
        step: String,
        body: Value,
    ) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        drop((step, body));
        Box::pin(async { Err(Error::InvalidRequest("this sign-in has one step".into())) })
    }

    /// Gets new tokens for this refresh token. `attempt` is the same for every attempt with it, also after
    /// a restart: a server that knows it can answer a retry as it answered the first time. No caller that
    /// gives up cuts it; after 10 s it is dropped, which is [`RefreshOutcome::Ambiguous`].
    fn refresh(&self, refresh_token: Secret, attempt: AttemptId) -> AuthorityFuture<'_, RefreshOutcome>;

    /// Tells the server that the tokens are not needed any more, and says whether it agreed. Nobody waits
    /// for it; it is dropped after 10 s.
    fn revoke(&self, refresh_token: Secret, access_token: Option<Secret>) -> AuthorityFuture<'_, bool>;
}

impl<A: CustomAuthority + ?Sized> CustomAuthority for Arc<A> {
    fn sign_in(&self, credentials: Value) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        (**self).sign_in(credentials)
    }

    fn continue_sign_in(
        &self,
        step: String,
        body: Value,
    ) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        (**self).continue_sign_in(step, body)
    }

    fn refresh(&self, refresh_token: Secret, attempt: AttemptId) -> AuthorityFuture<'_, RefreshOutcome> {
        (**self).refresh(refresh_token, attempt)
    }

    fn revoke(&self, refresh_token: Secret, access_token: Option<Secret>) -> AuthorityFuture<'_, bool> {
        (**self).revoke(refresh_token, access_token)
    }
}

/// What came of a step of a sign-in. `Debug` does not show the JSON: a step's answer may hold what is as
/// good as a password.
#[derive(Clone)]
#[non_exhaustive]
pub enum SignInOutcome {
    /// The user is signed in with these tokens. The JSON is handed to the app.
    SignedIn(Tokens, Value),
    /// The server wants another step. The JSON is handed to the app; nothing changes.
    NextStep(Value),
}

impl fmt::Debug for SignInOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignedIn(..) => "SignedIn",
            Self::NextStep(_) => "NextStep",
        })
    }
}

/// What came of a refresh: the rows of the failure table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RefreshOutcome {
    /// New tokens. Without a refresh token among them, the old one stays in use.
    Rotated(Tokens),
    /// A new refresh token, and no access token: it is saved, and the next caller refreshes with it.
    Salvaged(Secret),
    /// The request may have taken effect, but no usable answer came: it is tried again with the same token.
    Ambiguous,
    /// The refresh token is no good: the session ends, unless the store has a newer token of it.
    Rejected {
        /// False where the answer may come from something in between, such as a captive portal: then it
        /// is believed only when it comes twice.
        certain: bool,
    },
    /// The server does not accept this client's set-up; the session is kept. The text goes into the error:
    /// it is escaped and cut at 120 bytes.
    Misconfigured(String),
    /// The server cannot answer now; the session is kept.
    Unavailable {
        /// When it may be asked again, from now; capped at 5 min. `None` means backoff.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent; the session is kept.
    Unreachable,
    /// An answer that means nothing; the session is kept.
    Unexpected {
        /// Its HTTP status, or what comes closest.
        status: u16,
    },
}

impl RefreshOutcome {
    fn into_verdict(self, refresh_token: &Secret) -> Verdict {
        match self {
            Self::Rotated(tokens) => match tokens.usable() {
                // Only random bytes can be missing here.
                Err(_) => Verdict::Ambiguous,
                Ok(tokens) => match (&tokens.access, &tokens.refresh) {
                    (None, Some(refresh)) => Verdict::Salvaged(refresh.clone(), tokens.attempt_id),
                    _ => {
                        tokens.usable().map_or(Verdict::Ambiguous, |grant| Verdict::Rotated(Box::new(grant)))
                    }
                },
            },
            Self::Salvaged(refresh) => {
                Self::Rotated(Tokens::from_refresh_token(refresh)).into_verdict(refresh_token)
            }
            Self::Ambiguous => Verdict::Ambiguous,
            Self::Rejected { certain } => Verdict::Rejected { certain },
            Self::Misconfigured(text) if text.contains(refresh_token.expose()) => {
                Verdict::Misconfigured("[redacted]".into())
            }
            Self::Misconfigured(text) => Verdict::Misconfigured(excerpt(&text)),
            Self::Unavailable { retry_after } => Verdict::Unavailable { retry_after },
            Self::Unreachable => Verdict::Unreachable,
            Self::Unexpected { status } => Verdict::Unexpected { status },
        }
    }
}

/// Enough to recognise a text, too little to flood a log.
const EXCERPT_BYTES: usize = 120;

/// The beginning of a text that somebody else wrote, in ASCII without control characters.
fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let escaped = character.escape_default();
        if shown.len() + escaped.len() > EXCERPT_BYTES {
            break;
        }
        shown.extend(escaped);
    }
    shown
}

/// The app's authority, fenced in: what it panics about stays there.
#[derive(Clone, Debug)]
pub(crate) struct CustomEndpoints(pub(crate) Arc<dyn CustomAuthority>);

impl CustomEndpoints {
    pub(super) async fn sign_in(&self, credentials: Value) -> Result<(Option<Grant>, Value), Error> {
        read(fenced(|| self.0.sign_in(credentials)).await)
    }

    pub(super) async fn continue_sign_in(
        &self,
        step: &str,
        body: Value,
    ) -> Result<(Option<Grant>, Value), Error> {
        read(fenced(|| self.0.continue_sign_in(step.to_owned(), body)).await)
    }

    pub(super) async fn refresh(&self, token: &Secret, attempt_id: &AttemptId) -> Verdict {
        fenced(|| self.0.refresh(token.clone(), attempt_id.clone()))
            .await
            .map_or(Verdict::Ambiguous, |outcome| outcome.into_verdict(token))
    }

    pub(super) async fn revoke(&self, refresh: &Secret, access: Option<&Secret>) -> bool {
        fenced(|| self.0.revoke(refresh.clone(), access.cloned())).await.unwrap_or(false)
    }
}

fn read(outcome: Option<Result<SignInOutcome, Error>>) -> Result<(Option<Grant>, Value), Error> {
    match outcome {
        None => Err(Error::Internal("the app's authority panicked".into())),
        Some(Err(error)) => Err(error),
        Some(Ok(SignInOutcome::NextStep(json))) => Ok((None, json)),
        Some(Ok(SignInOutcome::SignedIn(tokens, json))) => Ok((Some(tokens.into_grant()?), json)),
    }
}

/// `None` if the app's code panics, when it is called or later.
async fn fenced<'a, T>(call: impl FnOnce() -> AuthorityFuture<'a, T>) -> Option<T> {
    // What it may leave half done is the app's own, and the library looks at none of it.
    let mut future = catch_unwind(AssertUnwindSafe(call)).ok()?;
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_one_verdict() {
        let verdict = |outcome: RefreshOutcome| outcome.into_verdict(&Secret::new("refresh-1"));
        let tokens = || Tokens::new("a").refresh_token("r");
        assert!(matches!(verdict(RefreshOutcome::Rotated(tokens())), Verdict::Rotated(grant)
            if grant.access == Some(Secret::new("a")) && grant.refresh == Some(Secret::new("r"))));
        let unsafe_access = Tokens::new("a\r\nx: y").refresh_token("r");
        for salvaged in [RefreshOutcome::Salvaged("r".into()), RefreshOutcome::Rotated(unsafe_access)] {
            assert!(
                matches!(verdict(salvaged), Verdict::Salvaged(refresh, _) if refresh == Secret::new("r"))
            );
        }
        let after = Some(Duration::from_secs(7));
        for (outcome, expected) in [
            (RefreshOutcome::Ambiguous, Verdict::Ambiguous),
            (RefreshOutcome::Salvaged("".into()), Verdict::Ambiguous),
            (RefreshOutcome::Rotated(Tokens::new("")), Verdict::Ambiguous),
            (RefreshOutcome::Rejected { certain: true }, Verdict::Rejected { certain: true }),
            (RefreshOutcome::Rejected { certain: false }, Verdict::Rejected { certain: false }),
            (
                RefreshOutcome::Misconfigured("no such app".into()),
                Verdict::Misconfigured("no such app".into()),
            ),
            (RefreshOutcome::Unavailable { retry_after: after }, Verdict::Unavailable { retry_after: after }),
            (RefreshOutcome::Unreachable, Verdict::Unreachable),
            (RefreshOutcome::Unexpected { status: 418 }, Verdict::Unexpected { status: 418 }),
        ] {
            assert_eq!(verdict(outcome), expected);
        }
    }

    #[test]
    fn a_text_for_an_error_is_escaped_capped_and_without_the_token() {
        let verdict =
            |text: &str| RefreshOutcome::Misconfigured(text.into()).into_verdict(&Secret::new("canary"));
        assert_eq!(verdict("a\r\n\u{1b}\u{e9}"), Verdict::Misconfigured(r"a\r\n\u{1b}\u{e9}".into()));
        assert_eq!(verdict("token=canary"), Verdict::Misconfigured("[redacted]".into()));
        for long in ["x".repeat(5000), "\u{1f600}".repeat(5000)] {
            assert!(matches!(verdict(&long), Verdict::Misconfigured(text) if text.len() <= EXCERPT_BYTES));
        }
    }
}
