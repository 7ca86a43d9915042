//! The one error that crosses the boundary.

use std::future::Future;
use std::pin::Pin;

use auth_session::Error;
use tokio::sync::oneshot;

/// Why a call has no result. `code` is the stable name of the core's error; the packages of the languages
/// turn it into their own type.
#[derive(Debug, uniffi::Error)]
#[allow(missing_docs)]
pub enum SessionFailure {
    Failed {
        code: String,
        /// For people; holds no secret. Not named `message`: the generated code has one of its own.
        explanation: String,
        retryable: bool,
        sign_in_required: bool,
        retry_after_ms: Option<u64>,
        status: Option<u16>,
        /// What a server said that did not accept a sign-in, where it was JSON. It is not part of any text: servers
        /// repeat what they were sent.
        answer_json: Option<String>,
    },
}

impl std::fmt::Display for SessionFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Failed { code, explanation, .. } = self;
        write!(f, "{code}: {explanation}")
    }
}

impl From<Error> for SessionFailure {
    fn from(error: Error) -> Self {
        Self::Failed {
            code: error.code().to_owned(),
            explanation: error.to_string(),
            retryable: error.is_retryable(),
            sign_in_required: error.is_sign_in_required(),
            retry_after_ms: error.retry_after().map(milliseconds),
            status: error.status(),
            answer_json: match error {
                Error::SignInRejected { answer: Some(answer), .. } => Some(answer.0.to_string()),
                _ => None,
            },
        }
    }
}

impl SessionFailure {
    /// The caller has cancelled the request.
    pub(crate) fn cancelled() -> Self {
        Self::Failed {
            code: "cancelled".to_owned(),
            explanation: "the request was cancelled".to_owned(),
            retryable: false,
            sign_in_required: false,
            retry_after_ms: None,
            status: None,
            answer_json: None,
        }
    }
}

/// Rounded up: whoever waits that long is not too early.
pub(crate) fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Runs the work on the library's runtime. A panic becomes an error; a caller that goes away does not
/// stop the work.
pub(crate) async fn on_runtime<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, SessionFailure> {
    let (answer, answered) = oneshot::channel();
    // Boxed, since tokio's code for a task is compiled for each type of future.
    let work: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
        // Whoever asked may have gone away.
        let _ = answer.send(work.await);
    });
    auth_session::runtime()?.spawn(work);
    Ok(answered.await.map_err(|_| Error::Internal("a call panicked".to_owned()))??)
}
