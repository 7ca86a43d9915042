//! What is done to a future that the library gave: it is begun, awaited, given up.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

/// It took longer than it may.
#[derive(Debug)]
pub(crate) struct TooLong;

/// Polls it once: what it does before it first waits has happened when this returns.
pub(crate) async fn begin<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Its output; `None` if it was cancelled, dropped in the midst of what it does, after so long.
pub(crate) async fn within<F: Future>(
    longest: Duration,
    cancelled_after: Option<Duration>,
    future: F,
) -> Result<Option<F::Output>, TooLong> {
    let cancelled = async {
        match cancelled_after {
            Some(after) => sleep(after).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        output = future => Ok(Some(output)),
        () = cancelled => Ok(None),
        () = sleep(longest) => Err(TooLong),
    }
}
