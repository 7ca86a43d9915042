//! Requests that are under way. One call begins a request and one callback brings its end, where a future of UniFFI's
//! would be begun, polled, woken, polled again, completed and freed, each of them a crossing of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use auth_session::Error;
use tokio::sync::oneshot;

use crate::callback::AppFailure;
use crate::error::SessionFailure;
use crate::request::HttpResponse;

/// Is told how requests end: each once, on a thread of the library that others wait for, so that it hands on what it
/// gets and returns. A request that it does not know was cancelled when its end was on the way.
#[uniffi::export(foreign)]
pub trait AnswerReceiver: Send + Sync {
    /// The server has answered. Returns true: what goes wrong where the answer is read, such as want of memory, may
    /// look like a call that went well and returned nothing. Then `failed` is called.
    fn answered(&self, request: u64, answer: HttpResponse) -> Result<bool, AppFailure>;

    /// There is no answer.
    fn failed(&self, request: u64, failure: SessionFailure) -> Result<(), AppFailure>;
}

static RECEIVER: OnceLock<Arc<dyn AnswerReceiver>> = OnceLock::new();

/// Says who is told how requests end. It comes before any request, and once in a process: fails with `already_open`
/// where there is one, as when two class loaders have loaded the bindings, whose requests would have the same numbers.
#[uniffi::export]
pub fn set_answer_receiver(receiver: Arc<dyn AnswerReceiver>) -> Result<(), SessionFailure> {
    RECEIVER.set(receiver).map_err(|_| Error::AlreadyOpen { field: "answer receiver" }.into())
}

/// Cancels a request, about which nothing is told any more. One that has ended is not affected, nor is a refresh that
/// the request waits for.
#[uniffi::export]
pub fn cancel_request(request: u64) {
    under_way().remove(&request);
}

/// A request is cancelled by letting go of its entry.
type UnderWay = HashMap<u64, oneshot::Sender<Infallible>>;

/// Never held while anybody is called.
fn under_way() -> MutexGuard<'static, UnderWay> {
    static UNDER_WAY: OnceLock<Mutex<UnderWay>> = OnceLock::new();
    UNDER_WAY.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a request under a number that the caller has given to no other.
pub(crate) fn begin(
    request: u64,
    work: impl Future<Output = Result<HttpResponse, Error>> + Send + 'static,
) -> Result<(), SessionFailure> {
    let receiver =
        RECEIVER.get().ok_or_else(|| Error::Internal("nobody is there to take answers".to_owned()))?;
    begin_for(Arc::clone(receiver), request, work)
}

/// Tells that a request could not be begun, and not within the call that should have begun it: whoever is told may be a
/// virtual machine that does not take a call back into it then.
pub(crate) fn fail(request: u64, failure: SessionFailure) {
    // Without a receiver there is nobody to tell it to, and nobody who could have sent it.
    let Some(receiver) = RECEIVER.get().map(Arc::clone) else { return };
    let Ok(runtime) = auth_session::runtime() else {
        return tell_failure(receiver.as_ref(), request, failure);
    };
    // In a box, as the core's tasks are: tokio's code is compiled for each type of task.
    let tell: Pin<Box<dyn Future<Output = ()> + Send>> =
        Box::pin(async move { tell_failure(receiver.as_ref(), request, failure) });
    runtime.spawn(tell);
}

fn tell_failure(receiver: &dyn AnswerReceiver, request: u64, failure: SessionFailure) {
    if let Err(failure) = receiver.failed(request, failure) {
        tracing::warn!(%failure, "the end of a request was not taken");
    }
}

fn begin_for(
    receiver: Arc<dyn AnswerReceiver>,
    request: u64,
    work: impl Future<Output = Result<HttpResponse, Error>> + Send + 'static,
) -> Result<(), SessionFailure> {
    let runtime = auth_session::runtime()?;
    let (entry, cancelled) = oneshot::channel();
    under_way().insert(request, entry);
    runtime.spawn(async move {
        let end = tokio::select! {
            biased;
            // Dropping the work is what cancels it.
            _ = cancelled => return,
            end = catching_panics(work) => end,
        };
        if under_way().remove(&request).is_none() {
            return;
        }
        let error = match end {
            Ok(answer) => match receiver.answered(request, answer) {
                Ok(true) => return,
                _ => Error::Internal("the answer could not be handed over".to_owned()),
            },
            Err(error) => error,
        };
        tell_failure(receiver.as_ref(), request, error.into());
    });
    Ok(())
}

/// A panic that ended the task would leave its caller waiting for ever.
async fn catching_panics<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut work = pin!(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(Error::Internal("a call panicked".to_owned()))))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Statuses of answers that the receiver of the tests does not take, in one way or the other.
    const NOT_TAKEN: u16 = 298;
    const NOT_READ: u16 = 299;

    /// Passes on under which number a request ended, and with what code.
    struct Told(Sender<(u64, String)>);

    impl AnswerReceiver for Told {
        fn answered(&self, request: u64, answer: HttpResponse) -> Result<bool, AppFailure> {
            match answer.status {
                NOT_TAKEN => Ok(false),
                NOT_READ => Err(AppFailure::Locked),
                status => self.tell(request, status.to_string()).map(|()| true),
            }
        }

        fn failed(&self, request: u64, failure: SessionFailure) -> Result<(), AppFailure> {
            let SessionFailure::Failed { code, .. } = failure;
            self.tell(request, code)
        }
    }

    impl Told {
        fn tell(&self, request: u64, end: String) -> Result<(), AppFailure> {
            // Whoever is told may cancel another request.
            cancel_request(u64::MAX);
            self.0.send((request, end)).map_err(|_| AppFailure::Locked)
        }
    }

    fn told() -> (Arc<dyn AnswerReceiver>, Receiver<(u64, String)>) {
        let (tell, told) = channel();
        (Arc::new(Told(tell)), told)
    }

    fn number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Is gone when the work is.
    struct Dropped(Sender<()>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn a_request_ends_once_whatever_its_end() {
        for (work, end) in [
            (
                Box::pin(async { Ok(HttpResponse::empty(204)) })
                    as std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send>>,
                "204",
            ),
            (Box::pin(async { Err(Error::Timeout(Duration::ZERO)) }), "timeout"),
            (Box::pin(async { panic!("a defect") }), "internal"),
            (Box::pin(async { Ok(HttpResponse::empty(NOT_TAKEN)) }), "internal"),
            (Box::pin(async { Ok(HttpResponse::empty(NOT_READ)) }), "internal"),
        ] {
            let (receiver, told) = told();
            let request = number();
            begin_for(receiver, request, work).expect("a runtime");
            assert_eq!(told.recv_timeout(PATIENCE), Ok((request, end.to_owned())));
            // The task lets go of the receiver when it ends.
            assert_eq!(told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
            assert!(!under_way().contains_key(&request));
        }
    }

    #[test]
    fn a_cancelled_request_is_dropped_and_nothing_is_told_of_it() {
        let (receiver, told) = told();
        let (dropped, gone) = channel();
        let (request, other) = (number(), number());
        let work = |guard| async move {
            let _guard = guard;
            pending().await
        };
        begin_for(Arc::clone(&receiver), request, work(Dropped(dropped))).expect("a runtime");
        let (kept, still_there) = channel();
        begin_for(receiver, other, work(Dropped(kept))).expect("a runtime");

        cancel_request(request);
        cancel_request(request);

        gone.recv_timeout(PATIENCE).expect("the work is dropped");
        assert!(still_there.try_recv().is_err());
        cancel_request(other);
        assert_eq!(told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn an_answer_that_arrives_after_the_cancellation_is_not_told() {
        let (receiver, told) = told();
        let request = number();
        let work = async move {
            cancel_request(request);
            Ok(HttpResponse::empty(200))
        };

        begin_for(receiver, request, work).expect("a runtime");

        assert_eq!(told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_receiver_that_fails_harms_no_other_request() {
        let (receiver, told) = told();
        drop(told);
        begin_for(receiver, number(), async { Ok(HttpResponse::empty(200)) }).expect("a runtime");
        a_request_ends_once_whatever_its_end();
    }
}
