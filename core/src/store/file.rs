//! A store of files, for desktop programs.

use std::path::PathBuf;
use std::time::Duration;

use super::files::{Directory, describe, transient};
use super::{
    Expected, Generation, Lease, Load, SecretStore, Slot, StoreError, StoreIdentity, decode, encoded,
    next_generation,
};
use crate::lifecycle::record::{Entry, MAX_ENCODED_BYTES, Record, Tombstone};

/// Keeps each record in a file of its own inside one directory. Files are readable by the owner alone
/// (0600 in a directory of 0700 that the store makes), are replaced atomically, and survive a crash at any
/// point. **The secrets in them are not encrypted: they are as safe as the file permissions.** Several
/// processes may use one directory; their writes are serialised by an advisory lock.
#[derive(Clone, Debug)]
pub struct FileStore {
    directory: Directory,
}

impl FileStore {
    /// A store in this directory, which is made with the first write.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Directory::new(directory) }
    }

    fn write(&self, slot: &Slot, entry: &Entry, expected: Expected) -> Result<Generation, StoreError> {
        let writing = self.directory.write(slot)?;
        let present = self.directory.read(slot, MAX_ENCODED_BYTES).map_err(transient)?;
        let present = present.map(|bytes| decode(slot, &bytes).map(|(_, generation)| generation));
        let next = next_generation(present, entry, expected)?;
        writing.replace(&encoded(entry, slot, next)?).map_err(transient)?;
        Ok(next)
    }
}

impl SecretStore for FileStore {
    fn load(&self, slot: &Slot) -> Load {
        match self.directory.read(slot, MAX_ENCODED_BYTES) {
            Ok(Some(bytes)) => decode(slot, &bytes).into(),
            Ok(None) => Load::Absent,
            Err(error) => Load::Transient(describe(&error)),
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
        self.directory.lease(slot, patience)
    }

    fn identity(&self) -> StoreIdentity {
        self.directory.identity("file")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::store::contract::{self, Bytes, Fixture, record, slot};

    struct InFolder {
        folder: tempfile::TempDir,
        store: FileStore,
    }

    fn fresh() -> InFolder {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::new(folder.path().join("sessions"));
        InFolder { folder, store }
    }

    impl Fixture for InFolder {
        fn store(&self) -> &dyn SecretStore {
            &self.store
        }
    }

    impl Bytes for InFolder {
        fn put(&self, slot: &Slot, bytes: &[u8]) {
            fs::write(self.store.directory.file(slot, "session"), bytes).expect("the file is written");
        }

        fn get(&self, slot: &Slot) -> Vec<u8> {
            fs::read(self.store.directory.file(slot, "session")).expect("the file is there")
        }
    }

    contract::every_store!(fresh());
    contract::every_store_of_bytes!(fresh());

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_what_is_stored() {
        use std::os::unix::fs::PermissionsExt;
        let InFolder { folder, store } = fresh();
        store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        let directory = folder.path().join("sessions");
        assert_eq!(mode(&directory), 0o700);
        for entry in fs::read_dir(&directory).expect("the directory") {
            assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
        }
    }

    #[test]
    fn a_lease_is_had_by_one_at_a_time_and_given_back_when_it_is_dropped() {
        let InFolder { folder: _folder, store } = fresh();
        let brief = Duration::from_millis(1);
        let lease = store.lease(&slot(), brief).expect("nobody has it");
        assert!(lease.is_shared());
        assert!(store.lease(&slot(), brief).is_err());
        store.save(&slot(), &record("1"), Expected::Any).expect("whoever has the lease can write");
        let other = Slot { namespace: "app".into(), account: "other".into() };
        store.lease(&other, brief).expect("another account is leased by itself");
        drop(lease);
        store.lease(&slot(), brief).expect("it was given back");
    }

    #[test]
    fn a_store_without_locks_of_its_own_is_leased_by_a_file() {
        let InFolder { folder, store } = fresh();
        let directory = folder.path().join("sessions");
        let brief = Duration::from_millis(1);
        let lease = Lease::of_file(&directory, &slot(), brief).expect("nobody has it");
        assert!(lease.is_shared());
        // By each open file of its own (flock(2)), so that one process is as good as two.
        let refused = Lease::of_file(&directory, &slot(), brief);
        assert!(matches!(refused, Err(StoreError::Transient(_))), "{refused:?}");
        assert!(store.lease(&slot(), brief).is_err(), "it is the file store's own");
        let waiting = std::thread::spawn({
            let directory = directory.clone();
            move || Lease::of_file(directory, &slot(), Duration::from_secs(60)).map(|_| ())
        });
        drop(lease);
        assert_eq!(waiting.join().expect("no panic"), Ok(()));
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_is_no_way_to_another_file_and_a_pipe_in_its_place_holds_nobody_up() {
        use std::os::unix::fs::symlink;
        for extension in ["lock", "lease"] {
            for piped in [false, true] {
                let InFolder { folder, store } = fresh();
                store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
                let path = store.directory.file(&slot(), extension);
                // The lease has not been asked for yet.
                let _ = fs::remove_file(&path);
                let elsewhere = folder.path().join("elsewhere");
                if piped {
                    pipe(&path);
                } else {
                    symlink(&elsewhere, &path).expect("a link");
                }
                let failed = match extension {
                    "lock" => store.save(&slot(), &record("2"), Expected::Any).map(|_| ()),
                    _ => store.lease(&slot(), Duration::from_secs(60)).map(|_| ()),
                };
                assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
                assert!(!elsewhere.exists());
            }
        }
    }

    #[cfg(unix)]
    fn pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("the system has mkfifo").success());
    }
}
