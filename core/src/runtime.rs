//! The library's own small runtime: refreshes, timers and connections live on it, so that neither a
//! caller that gives up nor a caller's runtime that ends can cut them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::Error;

/// Two: one may be busy with TLS while the other answers. The work is waiting, not computing.
const WORKER_THREADS: usize = 2;

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// The library's runtime, started on first use; one for the process. For bindings that have no runtime
/// of their own.
///
/// # Errors
/// [`Error::Internal`] where the operating system gives no threads.
pub fn runtime() -> Result<&'static Handle, Error> {
    RUNTIME
        .get_or_try_init(|| {
            Builder::new_multi_thread()
                .worker_threads(WORKER_THREADS)
                .thread_name("auth-session")
                .enable_all()
                .build()
        })
        .map(Runtime::handle)
        .map_err(|error| Error::Internal(format!("no runtime: {}", error.kind())))
}

/// A task on the runtime of whoever calls, to its end. Boxed, since tokio's code for a task is compiled for each type of
/// future and each kind of scheduler, which made the library 64 KiB larger.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(task);
    tokio::spawn(task);
}

/// Polls the future wherever the caller polls, with the library's runtime as its surroundings: what it
/// spawns and the connections it opens belong to that one. Dropping it cancels it.
pub(crate) async fn surrounded<F: Future>(handle: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _surroundings = handle.enter();
        future.as_mut().poll(context)
    })
    .await
}
