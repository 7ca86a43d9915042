//! Many requests at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auth_session::AuthSession;

/// How one request ended, and how long it took from the call to the whole body.
pub(crate) struct Outcome {
    /// `None` for success; else `http_404` or the code of an error.
    pub(crate) failure: Option<String>,
    pub(crate) latency: Duration,
}

/// Sends requests to one resource, so many of them at once, and waits for all.
pub(crate) async fn requests(
    session: &AuthSession,
    resource: &str,
    count: usize,
    concurrency: usize,
) -> Vec<Outcome> {
    let remaining = Arc::new(AtomicUsize::new(count));
    let callers: Vec<_> = (0..concurrency.min(count))
        .map(|_| {
            let (session, resource, remaining) =
                (session.clone(), resource.to_owned(), Arc::clone(&remaining));
            tokio::spawn(async move {
                let mut outcomes = Vec::new();
                while remaining
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    outcomes.push(request(&session, &resource).await);
                }
                outcomes
            })
        })
        .collect();
    let mut outcomes = Vec::with_capacity(count);
    for caller in callers {
        outcomes.extend(caller.await.expect("a request does not panic"));
    }
    outcomes
}

async fn request(session: &AuthSession, resource: &str) -> Outcome {
    let start = Instant::now();
    let failure = match session.get(resource).send().await {
        Ok(response) if response.status().is_success() => None,
        Ok(response) => Some(format!("http_{}", response.status().as_u16())),
        Err(error) => Some(error.code().to_owned()),
    };
    Outcome { failure, latency: start.elapsed() }
}
