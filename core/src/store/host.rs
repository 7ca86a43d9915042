//! A store that the app implements: it keeps bytes, and the rules are here.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::files::Directory;
use super::{
    Expected, Generation, Lease, Load, SecretStore, Slot, StoreError, StoreIdentity, next_generation,
};
use crate::lifecycle::record::{Entry, MAX_ENCODED_BYTES, Record, Tombstone};

/// What an app's own place for secrets must be able to do: keep one content for each slot. The content is
/// versioned and checksummed by the library; it holds tokens, and is as safe as the place is. Methods may block for
/// seconds; they are called on threads for that, one at a time for one account.
pub trait HostBytes: Send + Sync + fmt::Debug + 'static {
    /// The content of the slot. Changes nothing.
    fn load(&self, slot: &Slot) -> HostLoad;

    /// Replaces the content of the slot: durable and whole when it returns, and unchanged where it fails.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or [`StoreError::Transient`], whose text must hold no secret.
    fn replace(&self, slot: &Slot, content: &[u8]) -> Result<(), StoreError>;
}

/// What a place for secrets says of a slot. The difference between "nothing" and "cannot say now" decides whether
/// a user stays signed in.
pub enum HostLoad {
    /// What was written last.
    Found(Zeroizing<Vec<u8>>),
    /// Nothing was ever written.
    Absent,
    /// The device or the key is locked; try again after it is unlocked.
    Locked,
    /// It failed in a way that may pass. The text names the cause and holds no secret.
    Transient(String),
    /// The key that protects the content is provably gone for ever.
    Unrecoverable,
}

impl fmt::Debug for HostLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found(_) => "Found",
            Self::Absent => "Absent",
            Self::Locked => "Locked",
            Self::Transient(_) => "Transient",
            Self::Unrecoverable => "Unrecoverable",
        })
    }
}

/// Sessions in a place of the app's own. Where several processes share that place, they must name a directory that
/// they share as well: for the lock under which they compare and write, and for the lease of the refresh.
#[derive(Debug)]
pub struct HostStore<B> {
    bytes: B,
    identity: StoreIdentity,
    shared: Option<Directory>,
    writing: Mutex<()>,
}

impl<B: HostBytes> HostStore<B> {
    /// Sessions in this place, which only this process uses. Two stores of the same name are the same place.
    pub fn new(name: &str, bytes: B) -> Self {
        Self {
            bytes,
            identity: StoreIdentity::named(format!("host:{name}")),
            shared: None,
            writing: Mutex::default(),
        }
    }

    /// The directory for the locks of the processes that share the place. It is made when it is needed.
    pub fn shared_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.shared = Some(Directory::new(path));
        self
    }

    fn write(&self, slot: &Slot, entry: &Entry, expected: Expected) -> Result<Generation, StoreError> {
        let _in_this_process = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _among_processes = self.shared.as_ref().map(|directory| directory.write(slot)).transpose()?;
        let present = match self.bytes.load(slot) {
            HostLoad::Found(content) => Some(Entry::decode(slot, &content).map(|(_, generation)| generation)),
            // What nobody can read any more does not keep the next session out.
            HostLoad::Absent | HostLoad::Unrecoverable => None,
            HostLoad::Locked => return Err(StoreError::Locked),
            HostLoad::Transient(cause) => return Err(StoreError::Transient(cause)),
        };
        let next = next_generation(present, entry, expected)?;
        self.bytes.replace(slot, &entry.encode(slot, next))?;
        Ok(next)
    }
}

impl<B: HostBytes> SecretStore for HostStore<B> {
    fn load(&self, slot: &Slot) -> Load {
        match self.bytes.load(slot) {
            HostLoad::Found(content) if content.len() > MAX_ENCODED_BYTES => {
                Load::Corrupt("larger than a record".into())
            }
            HostLoad::Found(content) => match Entry::decode(slot, &content) {
                Ok((entry, generation)) => Load::of(entry, generation),
                Err(error) => Load::Corrupt(error.to_string()),
            },
            HostLoad::Absent => Load::Absent,
            HostLoad::Locked => Load::Locked,
            HostLoad::Transient(cause) => Load::Transient(cause),
            HostLoad::Unrecoverable => Load::Unrecoverable,
        }
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        self.write(slot, &Entry::Live(record.clone()), expected)
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        self.write(slot, &Entry::Ended(tombstone.clone()), expected)
    }

    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        match &self.shared {
            Some(directory) => directory.lease(slot, patience),
            None => Ok(Lease::unshared()),
        }
    }

    fn identity(&self) -> StoreIdentity {
        self.identity.clone()
    }
}
