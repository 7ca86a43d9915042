//! A store that the app implements: it keeps bytes, and the rules are here.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::files::Directory;
use super::{
    Expected, Generation, Lease, Load, SecretStore, Slot, StoreError, StoreIdentity, decode, encoded,
    next_generation,
};
use crate::lifecycle::record::{Entry, Record, RecordError, Tombstone};

/// What an app's own place for secrets must be able to do: keep one content for each slot. The content is
/// versioned and checksummed by the library; it holds tokens, and is as safe as the place is. Methods may block for
/// seconds; they are called on threads for that, one at a time. Where processes share the place, the others wait with
/// their writes meanwhile.
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
    /// The app's place is called once at a time.
    calling: Mutex<()>,
}

impl<B: HostBytes> HostStore<B> {
    /// Sessions in this place, which only this process uses. Two stores of the same name are the same place.
    pub fn new(name: &str, bytes: B) -> Self {
        Self {
            bytes,
            identity: StoreIdentity::named(format!("host:{name}")),
            shared: None,
            calling: Mutex::default(),
        }
    }

    /// The directory for the locks of the processes that share the place. It is made when it is needed.
    pub fn shared_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.shared = Some(Directory::new(path));
        self
    }

    fn write(&self, slot: &Slot, entry: &Entry, expected: Expected) -> Result<Generation, StoreError> {
        let _in_this_process = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        let _among_processes = self.shared.as_ref().map(|directory| directory.write(slot)).transpose()?;
        let present = match self.bytes.load(slot) {
            HostLoad::Found(content) => Some(decode(slot, &content).map(|(_, generation)| generation)),
            HostLoad::Absent => None,
            // What nobody can read any more does not keep the next session out.
            HostLoad::Unrecoverable => Some(Err(RecordError::Damaged)),
            HostLoad::Locked => return Err(StoreError::Locked),
            HostLoad::Transient(cause) => return Err(StoreError::Transient(cause)),
        };
        let next = next_generation(present, entry, expected)?;
        self.bytes.replace(slot, &encoded(entry, slot, next)?)?;
        Ok(next)
    }
}

impl<B: HostBytes> SecretStore for HostStore<B> {
    fn load(&self, slot: &Slot) -> Load {
        let _in_this_process = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        match self.bytes.load(slot) {
            HostLoad::Found(content) => decode(slot, &content).into(),
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

    fn settings(&self) -> String {
        format!("{:?}", self.shared)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::store::contract::{self, Bytes, Fixture, held, record, slot, tombstone};

    /// A place of an app, which fails as a test says.
    #[derive(Debug, Default)]
    struct Place {
        contents: Mutex<HashMap<Slot, Vec<u8>>>,
        answer: Mutex<Option<fn() -> HostLoad>>,
    }

    impl HostBytes for Place {
        fn load(&self, slot: &Slot) -> HostLoad {
            match *self.answer.lock().expect("no panic") {
                Some(answer) => answer(),
                None => match self.contents.lock().expect("no panic").get(slot) {
                    Some(content) => HostLoad::Found(Zeroizing::new(content.clone())),
                    None => HostLoad::Absent,
                },
            }
        }

        fn replace(&self, slot: &Slot, content: &[u8]) -> Result<(), StoreError> {
            self.contents.lock().expect("no panic").insert(slot.clone(), content.to_vec());
            Ok(())
        }
    }

    type Store = HostStore<Place>;

    fn fresh() -> Store {
        HostStore::new("test", Place::default())
    }

    impl Fixture for Store {
        fn store(&self) -> &dyn SecretStore {
            self
        }
    }

    impl Bytes for Store {
        fn put(&self, slot: &Slot, bytes: &[u8]) {
            self.bytes.replace(slot, bytes).expect("a map");
        }

        fn get(&self, slot: &Slot) -> Vec<u8> {
            self.bytes.contents.lock().expect("no panic")[slot].clone()
        }
    }

    contract::every_store!(fresh());
    contract::every_store_of_bytes!(fresh());

    #[test]
    fn a_place_that_is_locked_or_fails_is_not_an_empty_one_and_is_not_written() {
        for (answer, load, error) in [
            (|| HostLoad::Locked, Load::Locked, StoreError::Locked),
            (
                || HostLoad::Transient("busy".into()),
                Load::Transient("busy".into()),
                StoreError::Transient("busy".into()),
            ),
        ] as [(fn() -> HostLoad, Load, StoreError); 2]
        {
            let store = fresh();
            store.save(&slot(), &record("1"), Expected::Any).expect("a map");
            let before = store.get(&slot());
            *store.bytes.answer.lock().expect("no panic") = Some(answer);
            assert_eq!(store.load(&slot()), load);
            assert_eq!(store.save(&slot(), &record("2"), Expected::Any), Err(error.clone()));
            assert_eq!(store.erase(&slot(), &tombstone(), Expected::Any), Err(error));
            assert_eq!(store.get(&slot()), before);
        }
    }

    #[test]
    fn what_nobody_can_read_any_more_is_told_as_lost_and_the_next_save_replaces_it() {
        let store = fresh();
        *store.bytes.answer.lock().expect("no panic") = Some(|| HostLoad::Unrecoverable);
        assert_eq!(store.load(&slot()), Load::Unrecoverable);
        store.save(&slot(), &record("2"), Expected::Any).expect("a map");
        *store.bytes.answer.lock().expect("no panic") = None;
        assert_eq!(held(&store, &slot()), Some(crate::Secret::new("2")));
    }

    #[test]
    fn only_processes_that_share_a_directory_have_a_lease() {
        let brief = Duration::from_millis(1);
        assert!(!fresh().lease(&slot(), brief).expect("nobody shares it").is_shared());
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = [fresh(), fresh()].map(|store| store.shared_directory(folder.path()));
        let lease = one.lease(&slot(), brief).expect("nobody has it");
        assert!(lease.is_shared() && other.lease(&slot(), brief).is_err());
        drop(lease);
        other.lease(&slot(), brief).expect("it was given back");
    }
}
