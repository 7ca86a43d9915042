//! Time from the operating system, which the app asks for.

use std::fmt;
use std::sync::Arc;

use auth_session::BackgroundActivity;

use crate::callback::AppFailure;

/// Asks the operating system to let a refresh, or a write to the store, finish although the app leaves the foreground.
/// Called on threads of the library, which may block; several may be under way at once.
#[uniffi::export(foreign)]
pub trait ActivityCallbacks: Send + Sync {
    /// Before a refresh takes the lease of the store, and before a write. False, or an exception: there is no time, and
    /// no refresh begins; a write is made all the same. Each `true` is followed by one `end`.
    fn begin(&self) -> Result<bool, AppFailure>;

    /// The refresh or the write is over and no lock is held for it.
    fn end(&self) -> Result<(), AppFailure>;
}

/// The app's object as the core sees it.
pub(crate) struct AppActivity(pub(crate) Arc<dyn ActivityCallbacks>);

impl fmt::Debug for AppActivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppActivity")
    }
}

impl BackgroundActivity for AppActivity {
    fn begin(&self) -> bool {
        self.0.begin().unwrap_or(false)
    }

    fn end(&self) {
        if let Err(failure) = self.0.end() {
            tracing::warn!(%failure, "a background activity could not be ended");
        }
    }
}
