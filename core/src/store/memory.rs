//! A store that forgets when the process ends.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::{Expected, Generation, Load, SecretStore, Slot, StoreError, StoreIdentity, follow};
use crate::lifecycle::record::{Entry, Record, Tombstone};

/// Keeps records in memory only: for tests, and for apps that want nothing at rest. Clones of an
/// `Arc<InMemoryStore>` share their content.
pub struct InMemoryStore {
    identity: StoreIdentity,
    slots: Mutex<HashMap<Slot, (Entry, Generation)>>,
}

impl Default for InMemoryStore {
    fn default() -> Self {
        Self { identity: StoreIdentity::unique(), slots: Mutex::default() }
    }
}

impl InMemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn write(&self, slot: &Slot, entry: Entry, expected: Expected) -> Result<Generation, StoreError> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let present = slots.get(slot).map(|(_, generation)| *generation);
        let next = follow(present, expected)?.next();
        slots.insert(slot.clone(), (entry, next));
        Ok(next)
    }
}

impl SecretStore for InMemoryStore {
    fn load(&self, slot: &Slot) -> Load {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(slot) {
            Some((entry, generation)) => Load::of(entry.clone(), *generation),
            None => Load::Absent,
        }
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        self.write(slot, Entry::Live(record.clone()), expected)
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        self.write(slot, Entry::Ended(tombstone.clone()), expected)
    }

    fn identity(&self) -> StoreIdentity {
        self.identity.clone()
    }
}

impl fmt::Debug for InMemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InMemoryStore")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::{self, Fixture};

    impl Fixture for InMemoryStore {
        fn store(&self) -> &dyn SecretStore {
            self
        }
    }

    contract::every_store!(InMemoryStore::new());
}
