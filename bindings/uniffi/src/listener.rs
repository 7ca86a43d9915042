//! Objects of the app that are told of things.

use std::sync::Arc;
use std::time::Duration;

use auth_session::{Events, TransferProgress};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

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

/// How long the end of a request waits for a listener to be told of the last state before it, which takes microseconds.
/// One that blocks holds nothing up for longer.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Is told how far a body has come, on threads of the library: one call at a time, and of the newest state only, where
/// it is slow. Of the last one it is told before the request has ended, unless it blocks. What it throws is dropped.
#[uniffi::export(foreign)]
pub trait ProgressListener: Send + Sync {
    /// So many bytes so far; `total` is missing where it is not known. A request that is sent again begins at zero.
    fn on_progress(&self, bytes: u64, total: Option<u64>) -> Result<(), AppFailure>;
}

/// Tells a listener, elsewhere than where the core says how far it has come: there nobody may block.
#[derive(Clone)]
pub(crate) struct Forwarder {
    newest: watch::Sender<State>,
    /// The number of the last state that the listener was told of.
    told: watch::Receiver<u64>,
}

#[derive(Clone, Copy, Default)]
struct State {
    number: u64,
    bytes: u64,
    total: Option<u64>,
}

impl Forwarder {
    pub(crate) fn new(listener: Arc<dyn ProgressListener>) -> Result<Self, SessionFailure> {
        let (newest, mut states) = watch::channel(State::default());
        let (telling, told) = watch::channel(0);
        auth_session::runtime()?.spawn(async move {
            while states.changed().await.is_ok() {
                let State { number, bytes, total } = *states.borrow_and_update();
                let listener = Arc::clone(&listener);
                if let Err(failure) = tell_app(move || listener.on_progress(bytes, total)).await {
                    tracing::warn!(%failure, "a progress listener failed");
                }
                telling.send_replace(number);
            }
        });
        Ok(Self { newest, told })
    }

    /// What the core tells of.
    pub(crate) fn observer(&self) -> impl Fn(TransferProgress) + Send + Sync + 'static {
        let forwarder = self.clone();
        move |progress| forwarder.tell(progress.bytes, progress.total)
    }

    fn tell(&self, bytes: u64, total: Option<u64>) {
        self.newest.send_modify(|state| *state = State { number: state.number + 1, bytes, total });
    }

    /// Returns when the listener has been told of the newest state, or blocks.
    pub(crate) async fn last_word(mut self) {
        let newest = self.newest.borrow().number;
        let _ = timeout(LAST_WORD, self.told.wait_for(|told| *told >= newest)).await;
    }
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
        let forwarder = Forwarder::new(Arc::new(Slow(told, Mutex::new(gate)))).expect("a runtime");
        forwarder.tell(1, None);
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(1));
        for bytes in 2..=100 {
            forwarder.tell(bytes, None);
        }
        auth_session::runtime().expect("a runtime").block_on(forwarder.clone().last_word());
        go_on.send(()).expect("it waits");
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(100));
        go_on.send(()).expect("it waits");
    }

    /// Takes its time.
    struct Tired(Mutex<Vec<u64>>);

    impl ProgressListener for Tired {
        fn on_progress(&self, bytes: u64, _: Option<u64>) -> Result<(), AppFailure> {
            std::thread::yield_now();
            self.0.lock().expect("no panic").push(bytes);
            Ok(())
        }
    }

    #[test]
    fn the_last_state_is_told_before_the_last_word() {
        let tired = Arc::new(Tired(Mutex::default()));
        for round in 0..200 {
            let forwarder = Forwarder::new(Arc::clone(&tired) as _).expect("a runtime");
            forwarder.tell(1, None);
            forwarder.tell(round, None);
            auth_session::runtime().expect("a runtime").block_on(forwarder.last_word());
            assert_eq!(tired.0.lock().expect("no panic").last(), Some(&round));
        }
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
        let forwarders: Vec<_> =
            (0..MANY).map(|_| Forwarder::new(Arc::clone(&stuck) as _).expect("a runtime")).collect();
        for forwarder in &forwarders {
            forwarder.tell(1, None);
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
