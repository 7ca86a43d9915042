//! Calls to objects that the app has registered: each on a thread that may block, outside all locks, and with
//! whatever it throws turned into an error.

use auth_session::Error;
use tokio::sync::Semaphore;

/// How many listeners are told of something at once. Stores, authorities and look-ups of names share a pool of 512
/// threads with them: listeners that block for ever must leave it to those.
const TOLD_AT_ONCE: usize = 64;

static TURNS: Semaphore = Semaphore::const_new(TOLD_AT_ONCE);

/// Why an object of the app could not do what it was asked. The reason goes into errors and logs: it must hold no
/// secret.
#[derive(Debug, uniffi::Error)]
#[allow(missing_docs)]
pub enum AppFailure {
    /// The device or the key is locked; try again after it is unlocked.
    Locked,
    /// The key that protects what was stored is provably gone for ever.
    Unrecoverable,
    /// Something that may pass.
    Failed { reason: String },
}

impl std::fmt::Display for AppFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Locked => f.write_str("locked"),
            Self::Unrecoverable => f.write_str("the key is gone"),
            Self::Failed { reason } => f.write_str(reason),
        }
    }
}

impl From<uniffi::UnexpectedUniFFICallbackError> for AppFailure {
    /// What the app's object throws may quote what it was given, so its text stays out.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: "an object of the app threw an exception".to_owned() }
    }
}

/// Calls the app on a thread that may block.
pub(crate) async fn call_app<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, AppFailure> + Send + 'static,
) -> Result<T, AppFailure> {
    let panicked = || AppFailure::Failed { reason: "a call to the app panicked".to_owned() };
    let runtime =
        auth_session::runtime().map_err(|error: Error| AppFailure::Failed { reason: error.to_string() })?;
    runtime.spawn_blocking(call).await.map_err(|_| panicked())?
}

/// Tells the app of something that nobody waits for: as [`call_app`], as soon as it is its turn.
pub(crate) async fn tell_app(
    call: impl FnOnce() -> Result<(), AppFailure> + Send + 'static,
) -> Result<(), AppFailure> {
    let turn = TURNS.acquire().await;
    call_app(move || {
        // Not given back before the call ends, even if nobody is interested in it any more.
        let _turn = turn;
        call()
    })
    .await
}
