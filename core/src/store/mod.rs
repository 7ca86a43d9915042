//! Where secrets rest between two runs of the app.

#[cfg(test)]
mod contract;
mod faulty;
mod file;
mod files;
mod host;
#[cfg(any(test, target_vendor = "apple"))]
mod keychain;
#[cfg(any(target_os = "android", feature = "keystore"))]
mod keystore;
mod memory;

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use faulty::{FaultyStore, StoreFault, StoreOperation};
pub use file::FileStore;
pub use host::{HostBytes, HostLoad, HostStore};
#[cfg(target_vendor = "apple")]
pub use keychain::KeychainStore;
#[cfg(any(test, target_vendor = "apple"))]
pub use keychain::{KeychainConfig, KeychainGate};
#[cfg(any(target_os = "android", feature = "keystore"))]
pub use keystore::KeystoreStore;
#[cfg(all(fuzzing, feature = "keystore"))]
pub(crate) use keystore::fuzzing as keystore_format;
pub use memory::InMemoryStore;

use zeroize::Zeroizing;

use crate::lifecycle::record::{Entry, MAX_ENCODED_BYTES, Record, RecordError, Tombstone};

/// Which record of a store: one for each namespace (the app) and account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The app or the part of it that the records belong to.
    pub namespace: String,
    /// The account within the namespace.
    pub account: String,
}

/// Counts the writes to a slot. The store assigns it; a save is conditional on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

impl Generation {
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What a slot holds. The difference between "nothing" and "cannot say now" decides whether a user
/// stays signed in, so a store must not answer [`Load::Absent`] unless it knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// A session.
    Found(Record, Generation),
    /// A session that was ended on purpose.
    Tombstone(Tombstone, Generation),
    /// Nothing was ever saved.
    Absent,
    /// The device or the key is locked; try again after it is unlocked.
    Locked,
    /// The store failed in a way that may pass. The text names the cause and holds no secret.
    Transient(String),
    /// The store does not show what it holds until somebody does something about it.
    Refused(Refusal),
    /// Something is there that nobody can read: it is damaged. It is kept as it is until the next save.
    Corrupt(String),
    /// Another version of the library has written it, and can read it. Only the end of the session replaces it.
    UnknownVersion,
    /// The key that protects the record is provably gone for ever.
    Unrecoverable,
}

impl From<RecordError> for Load {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::UnknownVersion => Self::UnknownVersion,
            RecordError::Damaged => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<Result<(Entry, Generation), RecordError>> for Load {
    fn from(decoded: Result<(Entry, Generation), RecordError>) -> Self {
        decoded.map_or_else(Self::from, |(entry, generation)| Self::of(entry, generation))
    }
}

impl Load {
    pub(crate) fn of(entry: Entry, generation: Generation) -> Self {
        match entry {
            Entry::Live(record) => Self::Found(record, generation),
            Entry::Ended(tombstone) => Self::Tombstone(tombstone, generation),
        }
    }
}

/// Which state of the slot a write applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Only this generation: what the session has read or written last.
    Generation(Generation),
    /// Only where there is nothing any more, neither a session nor a tombstone. The count goes on after this
    /// generation, which the session has read or written last: to others who know it, what is written is newer.
    Nothing {
        /// What the slot held before it was lost.
        after: Generation,
    },
    /// Whatever is there: a sign-in or sign-out, which the user has decided.
    Any,
}

/// Why a write did not happen. What was stored before is still there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The slot has another generation than expected: somebody else has written.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// The device or the key is locked.
    #[error("locked")]
    Locked,
    /// The store takes nothing until somebody does something about it.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The write failed. The text names the cause and holds no secret.
    #[error("{0}")]
    Transient(String),
}

/// Why a store refuses to be read or written. Trying again by itself does not help, and nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The app is not set up for this store; the programmer can mend it. The text names what is missing.
    #[error("not set up: {0}")]
    Misconfigured(String),
    /// The user was asked to unlock the record and has dismissed the question; asking again is up to the app.
    #[error("the user has cancelled")]
    UnlockCancelled,
    /// The user was asked to unlock the record and could not: neither biometry nor passcode were right, or the
    /// device has none any more.
    #[error("the user could not unlock the record")]
    UnlockFailed,
}

/// A place where secrets rest. Its methods may block for seconds; they are called on a thread for that,
/// one at a time for one session, never on an async thread and never under a lock of the library.
pub trait SecretStore: Send + Sync + fmt::Debug + 'static {
    /// Reads the slot. Never changes it, creates no key and deletes nothing, unless the app has asked for that.
    fn load(&self, slot: &Slot) -> Load;

    /// Replaces the slot's content atomically, if it is in the expected state, and says which
    /// generation it has now. Durable when it returns.
    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError>;

    /// Replaces the slot's content by a tombstone, if it is in the expected state: no secret stays behind,
    /// and a save that expected an older generation fails from now on. Durable when it returns.
    fn erase(&self, slot: &Slot, tombstone: &Tombstone, expected: Expected)
    -> Result<Generation, StoreError>;

    /// The right to refresh the slot's session, for a store that several processes share: waits for whoever
    /// has it, as long as `patience`, and takes it from nobody. A store that only one process uses has
    /// nothing to do. [`Lease::of_file`] is one for stores that have no locks of their own.
    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        let _ = (slot, patience);
        Ok(Lease::unshared())
    }

    /// Which place this is: two stores with the same identity keep the same records. Within a process one
    /// account of one place has one session.
    fn identity(&self) -> StoreIdentity;

    /// What the store was set up with beside its place, without secrets: an account that is open is not opened again with
    /// a store of other settings, which would have no effect. Objects of the app are no part of it, since whoever opens
    /// an account again usually makes new ones, but whether there is one. Default: nothing.
    fn settings(&self) -> String {
        String::new()
    }
}

/// A lease of a slot, given back when it is dropped.
#[derive(Debug)]
pub struct Lease(Option<Box<dyn Any + Send>>);

impl Lease {
    /// Of a store that nobody else uses.
    pub fn unshared() -> Self {
        Self(None)
    }

    /// Held as long as the guard lives, a locked file for example.
    pub fn held(guard: impl Any + Send) -> Self {
        Self(Some(Box::new(guard)))
    }

    /// A lock on a file of the slot in this directory, which all that share the store must name; it is made if it
    /// is not there. Waits for whoever has it, as long as `patience`, and blocks meanwhile. The operating system gives
    /// it back when its holder ends, however that ends; nobody takes it from a holder that is stopped. On iOS the
    /// directory is that of an app group, and whoever holds a lease is inside an expiring activity: the system kills an
    /// app that it suspends while it has a lock there.
    ///
    /// # Errors
    /// [`StoreError::Transient`] if another has it for longer than `patience`, or the file cannot be made or locked.
    pub fn of_file(
        directory: impl Into<PathBuf>,
        slot: &Slot,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        files::Directory::new(directory).lease(slot, patience)
    }

    /// Whether others may have written before it was gained.
    pub fn is_shared(&self) -> bool {
        self.0.is_some()
    }
}

/// Names a place of secrets within this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreIdentity(String);

impl StoreIdentity {
    /// A place with a name, such as a directory.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// A place that is the same as no other.
    pub fn unique() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(format!("unique-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl<S: SecretStore + ?Sized> SecretStore for Arc<S> {
    fn load(&self, slot: &Slot) -> Load {
        (**self).load(slot)
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        (**self).save(slot, record, expected)
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        (**self).erase(slot, tombstone, expected)
    }

    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        (**self).lease(slot, patience)
    }

    fn identity(&self) -> StoreIdentity {
        (**self).identity()
    }

    fn settings(&self) -> String {
        (**self).settings()
    }
}

/// The rule of [`Expected`], for stores that read before they write: the generation that the next one follows.
fn follow(present: Option<Generation>, expected: Expected) -> Result<Generation, StoreError> {
    match (present, expected) {
        (None, Expected::Nothing { after }) => Ok(after),
        (Some(_), Expected::Nothing { .. }) => Err(StoreError::Conflict),
        (present, Expected::Generation(generation)) if present.unwrap_or_default() != generation => {
            Err(StoreError::Conflict)
        }
        (present, _) => Ok(present.unwrap_or_default()),
    }
}

/// What the kept bytes hold. Those that are larger than a record are cut where that can be told, so that the header can
/// still say whose they are.
fn decode(slot: &Slot, bytes: &[u8]) -> Result<(Entry, Generation), RecordError> {
    Entry::decode(slot, &bytes[..bytes.len().min(MAX_ENCODED_BYTES + 1)])
}

/// The generation that a write gives its slot, for stores of encoded entries: `present` is what the slot holds,
/// as far as it can be read.
fn next_generation(
    present: Option<Result<Generation, RecordError>>,
    writing: &Entry,
    expected: Expected,
) -> Result<Generation, StoreError> {
    let present = match (present, writing, expected) {
        (None, _, _) => None,
        (Some(Ok(generation)), _, _) => Some(generation),
        // A later version may have a session there: only the user's own sign-out replaces it.
        (Some(Err(error @ RecordError::UnknownVersion)), Entry::Live(_), _) => {
            return Err(StoreError::Transient(error.to_string()));
        }
        (Some(Err(RecordError::UnknownVersion)), Entry::Ended(_), Expected::Any) => None,
        (Some(Err(RecordError::UnknownVersion)), Entry::Ended(_), _) => return Err(StoreError::Conflict),
        // Nobody can read it any more, so it is as good as what was expected.
        (Some(Err(RecordError::Damaged)), _, Expected::Generation(generation)) => Some(generation),
        (Some(Err(RecordError::Damaged)), _, Expected::Nothing { .. } | Expected::Any) => None,
    };
    Ok(follow(present, expected)?.next())
}

/// The bytes to keep, if they could be read again.
fn encoded(entry: &Entry, slot: &Slot, generation: Generation) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let bytes = entry.encode(slot, generation);
    if bytes.len() > MAX_ENCODED_BYTES {
        return Err(StoreError::Transient("the record is larger than a store keeps".into()));
    }
    Ok(bytes)
}
