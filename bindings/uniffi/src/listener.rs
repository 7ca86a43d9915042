//! Objects of the app that are told of things.

use std::sync::Arc;

use auth_session::{Events, TransferProgress};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::callback::{AppFailure, tell_app};
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
            if let Err(failure) = tell_app(move || listener.on_event(event.into())).await {
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
    let tell = forwarder(listener)?;
    Ok(move |progress: TransferProgress| tell(progress.bytes, progress.total))
}

fn forwarder(
    listener: Arc<dyn ProgressListener>,
) -> Result<impl Fn(u64, Option<u64>) + Send + Sync + 'static, SessionFailure> {
    let (newest, mut told) = watch::channel((0, None));
    auth_session::runtime()?.spawn(async move {
        while told.changed().await.is_ok() {
            let (bytes, total) = *told.borrow_and_update();
            let listener = Arc::clone(&listener);
            if let Err(failure) = tell_app(move || listener.on_progress(bytes, total)).await {
                tracing::warn!(%failure, "a progress listener failed");
            }
        }
    });
    Ok(move |bytes, total| {
        newest.send_replace((bytes, total));
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use super::*;
    use crate::callback::call_app;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Tells what it is told, waits to be let go, and fails.
    struct Slow(Sender<u64>, Mutex<Receiver<()>>);

    impl ProgressListener for Slow {
        fn on_progress(&self, bytes: u64, _: Option<u64>) -> Result<(), AppFailure> {
            self.0.send(bytes).expect("the test listens");
            self.1.lock().expect("no panic").recv().expect("the test goes on");
            Err(AppFailure::Failed { reason: "thrown".to_owned() })
        }
    }

    #[test]
    fn a_listener_that_blocks_and_throws_holds_nobody_up_and_is_told_the_newest_at_last() {
        let (told, heard) = channel();
        let (go_on, gate) = channel();
        let tell = forwarder(Arc::new(Slow(told, Mutex::new(gate)))).expect("a runtime");
        tell(1, None);
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(1));
        for bytes in 2..=100 {
            tell(bytes, None);
        }
        go_on.send(()).expect("it waits");
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(100));
        go_on.send(()).expect("it waits");
    }

    /// Stays as long as somebody has the gate.
    struct Stuck(Mutex<()>);

    impl ProgressListener for Stuck {
        fn on_progress(&self, _: u64, _: Option<u64>) -> Result<(), AppFailure> {
            drop(self.0.lock().unwrap_or_else(PoisonError::into_inner));
            Ok(())
        }
    }

    /// More than the threads that may block.
    const MANY: usize = 600;

    #[test]
    fn however_many_listeners_block_for_ever_a_store_and_an_authority_are_called() {
        let stuck = Arc::new(Stuck(Mutex::default()));
        let _gate = stuck.0.lock().expect("nobody has it");
        let tell: Vec<_> =
            (0..MANY).map(|_| forwarder(Arc::clone(&stuck) as _).expect("a runtime")).collect();
        for tell in &tell {
            tell(1, None);
        }
        let (called, heard) = channel();
        for _ in 0..MANY {
            let called = called.clone();
            let call = move || {
                called.send(()).expect("the test listens");
                Ok(())
            };
            auth_session::runtime().expect("a runtime").spawn(call_app(call));
        }
        for _ in 0..MANY {
            assert_eq!(heard.recv_timeout(PATIENCE), Ok(()));
        }
    }
}
