//! Objects of the app that are told of things.

use std::sync::Arc;

use auth_session::{Events, TransferProgress};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::callback::{AppFailure, call_app};
use crate::error::SessionFailure;
use crate::state::SessionEvent;

/// Is told of the events of a session, in order, on threads of the library: one call at a time. It may block and may
/// call back; what it throws is dropped.
#[uniffi::export(foreign)]
pub trait EventListener: Send + Sync {
    /// Something happened to the session.
    fn on_event(&self, event: SessionEvent) -> Result<(), AppFailure>;
}

/// A listener that is being told. Letting go of it does not end it.
#[derive(uniffi::Object)]
pub struct Subscription(AbortHandle);

#[uniffi::export]
impl Subscription {
    /// Tells the listener nothing more. A call that has begun goes on.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

pub(crate) fn listen(
    mut events: Events,
    listener: Arc<dyn EventListener>,
) -> Result<Arc<Subscription>, SessionFailure> {
    let task = auth_session::runtime()?.spawn(async move {
        while let Some(event) = events.next().await {
            let listener = Arc::clone(&listener);
            if let Err(failure) = call_app(move || listener.on_event(event.into())).await {
                tracing::warn!(%failure, "a listener failed");
            }
        }
    });
    Ok(Arc::new(Subscription(task.abort_handle())))
}

/// Is told how far a body has come, on threads of the library: one call at a time, and of the newest state only, where
/// it is slow. What it throws is dropped.
#[uniffi::export(foreign)]
pub trait ProgressListener: Send + Sync {
    /// So many bytes so far; `total` is missing where it is not known. A request that is sent again begins at zero.
    fn on_progress(&self, bytes: u64, total: Option<u64>) -> Result<(), AppFailure>;
}

/// An observer for the core, which must not block: the listener is called elsewhere.
pub(crate) fn observer(
    listener: Arc<dyn ProgressListener>,
) -> Result<impl Fn(TransferProgress) + Send + Sync + 'static, SessionFailure> {
    let (newest, mut told) = watch::channel(None::<TransferProgress>);
    auth_session::runtime()?.spawn(async move {
        while told.changed().await.is_ok() {
            let Some(progress) = *told.borrow_and_update() else { continue };
            let listener = Arc::clone(&listener);
            if let Err(failure) = call_app(move || listener.on_progress(progress.bytes, progress.total)).await
            {
                tracing::warn!(%failure, "a progress listener failed");
            }
        }
    });
    Ok(move |progress| {
        newest.send_replace(Some(progress));
    })
}
