//! Whether this installation of the app has begun: the Keychain survives the app, its files do not.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::store::files::{Directory, transient};
use crate::store::{Slot, StoreError};

const CONTENT: &[u8] = b"auth-session installation\n";

/// The directory with a file for each namespace that this installation has begun with.
pub(super) struct Installation {
    directory: Directory,
    begun: Mutex<HashSet<String>>,
}

impl Installation {
    pub(super) fn new(directory: impl Into<std::path::PathBuf>) -> Self {
        Self { directory: Directory::new(directory), begun: Mutex::default() }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Runs `purge` if this installation has not begun, and remembers that it has. Nothing is saved before it is
    /// remembered durably: what is purged when the memory of it was lost can only be of a former installation.
    pub(super) fn begin(
        &self,
        namespace: &str,
        purge: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.contains(namespace) {
            return Ok(());
        }
        let slot = Slot { namespace: namespace.to_owned(), account: "installation".to_owned() };
        if !self.has_begun(&slot)? {
            // Another process of the app may be doing the same.
            let writing = self.directory.write(&slot)?;
            if !self.has_begun(&slot)? {
                purge()?;
                writing.replace(CONTENT).map_err(transient)?;
            }
        }
        begun.insert(namespace.to_owned());
        Ok(())
    }

    /// An error proves nothing, so nothing is purged for it.
    fn has_begun(&self, slot: &Slot) -> Result<bool, StoreError> {
        Ok(self.directory.read(slot, CONTENT.len()).map_err(transient)?.is_some())
    }
}
