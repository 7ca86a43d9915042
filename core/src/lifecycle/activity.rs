//! Time to finish a refresh when the app leaves the foreground.

use std::fmt;
use std::sync::Arc;

/// Asks the operating system to let a refresh finish although the app is being suspended. On iOS this is a background
/// task or an expiring activity (`ProcessInfo.performExpiringActivity`): a refresh that is cut between the server's
/// rotation and the save is lost with a strict server, and an app that is suspended while it holds a file lock in a
/// shared container is killed (`0xdead10cc`). Called on threads that may block, and never under a lock.
pub trait BackgroundActivity: Send + Sync + fmt::Debug + 'static {
    /// Before the lease of the store is taken and the refresh token is sent. False where the system gives no time: no
    /// refresh begins then, and callers get an error that says so. Each `true` is followed by one
    /// [`end`](Self::end).
    fn begin(&self) -> bool;

    /// What the refresh brought is saved, or it has failed, and the lease is given back.
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
