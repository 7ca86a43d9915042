//! Time to finish a refresh or a write when the app leaves the foreground.

use std::fmt;
use std::sync::Arc;

/// Asks the operating system to let a refresh, or a write to the store, finish although the app is being suspended. On
/// iOS this is a background task or an expiring activity (`ProcessInfo.performExpiringActivity`): a refresh that is cut
/// between the server's rotation and the save is lost with a strict server, and an app that is suspended while it holds a
/// file lock in a shared container is killed (`0xdead10cc`). Called on threads that may block, and never under a lock;
/// several may be under way at once.
pub trait BackgroundActivity: Send + Sync + fmt::Debug + 'static {
    /// Before the lease of the store is taken and the refresh token is sent, and before what a sign-in, a refresh or a
    /// sign-out brings is written. False where the system gives no time: no refresh begins then, and callers get an
    /// error that says so; a write is made all the same, since it takes milliseconds and what is not saved may be lost.
    /// Each `true` is followed by one [`end`](Self::end).
    fn begin(&self) -> bool;

    /// What was begun is over, and no lock is held for it any more. A host that takes the time back before calls
    /// [`suspend_sessions`](crate::suspend_sessions) first.
    fn end(&self);
}

/// An activity that has begun; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Activity(Option<Arc<dyn BackgroundActivity>>);

impl Activity {
    /// `None` where the system gives no time.
    pub(super) fn begin(host: Option<&Arc<dyn BackgroundActivity>>) -> Option<Self> {
        match host {
            Some(host) => host.begin().then(|| Self(Some(Arc::clone(host)))),
            None => Some(Self(None)),
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        if let Some(host) = &self.0 {
            host.end();
        }
    }
}
