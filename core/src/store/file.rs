//! A store of files, for desktop programs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ring::digest;
use zeroize::Zeroizing;

use super::{
    Expected, Generation, Lease, Load, SecretStore, Slot, StoreError, StoreIdentity, check_expected,
};
use crate::lifecycle::record::{Entry, MAX_ENCODED_BYTES, Record, RecordError, Tombstone, hexadecimal};

/// How long a write waits for another process that is writing. Writes take milliseconds; whoever holds
/// the lock for longer is stopped, and nobody takes the lock from it.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(10);

/// Keeps each record in a file of its own inside one directory. Files are readable by the owner alone
/// (0600 in a directory of 0700 that the store makes), are replaced atomically, and survive a crash at any
/// point. **The secrets in them are not encrypted: they are as safe as the file permissions.** Several
/// processes may use one directory; their writes are serialised by an advisory lock.
#[derive(Clone, Debug)]
pub struct FileStore {
    directory: PathBuf,
}

impl FileStore {
    /// A store in this directory, which is made with the first write.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, slot: &Slot, extension: &str) -> PathBuf {
        // A digest, because a name may hold anything and file systems differ in what they fold together.
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(slot.namespace.as_bytes());
        context.update(b"\0");
        context.update(slot.account.as_bytes());
        let name = hexadecimal(&context.finish().as_ref()[..16]);
        self.directory.join(format!("{name}.{extension}"))
    }

    fn write(&self, slot: &Slot, entry: &Entry, expected: Expected) -> Result<Generation, StoreError> {
        make_directory(&self.directory).map_err(transient)?;
        let _lock = lock(&self.path(slot, "lock"), LOCK_PATIENCE)?;
        let path = self.path(slot, "session");
        let present = match read(&path) {
            Ok(Some(bytes)) => match (Entry::decode(&bytes), entry, expected) {
                (Ok((_, generation)), _, _) => generation,
                // A later version may have a session there: only signing out replaces it.
                (Err(error @ RecordError::UnknownVersion), Entry::Live(_), _) => {
                    return Err(StoreError::Transient(error.to_string()));
                }
                // Nobody can read it any more, so it is as good as what was expected.
                (Err(_), _, Expected::Generation(generation)) => generation,
                (Err(_), _, Expected::Any) => Generation::default(),
            },
            Ok(None) => Generation::default(),
            Err(error) => return Err(transient(error)),
        };
        check_expected(present, expected)?;
        let next = present.next();
        replace(&path, &self.path(slot, "new"), &entry.encode(next)).map_err(transient)?;
        Ok(next)
    }
}

impl SecretStore for FileStore {
    fn load(&self, slot: &Slot) -> Load {
        match read(&self.path(slot, "session")) {
            Ok(Some(bytes)) => match Entry::decode(&bytes) {
                Ok((entry, generation)) => Load::of(entry, generation),
                Err(error) => Load::Corrupt(error.to_string()),
            },
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

    /// On a lock of its own, so that whoever holds the lease can write.
    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        make_directory(&self.directory).map_err(transient)?;
        lock(&self.path(slot, "lease"), patience).map(Lease::held)
    }

    fn identity(&self) -> StoreIdentity {
        // Symbolic links are not followed: they may change, and two names of one directory only mean that
        // the sessions share it as two processes would.
        let path = std::path::absolute(&self.directory).unwrap_or_else(|_| self.directory.clone());
        StoreIdentity::named(format!("file:{}", path.display()))
    }
}

/// The file's content; `None` where there is no file. A file that is too long is cut where it can be
/// told from a record, so that it counts as damaged without being read whole.
fn read(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_ENCODED_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a new file beside the old one and renames it: at every moment the path holds one whole record.
fn replace(path: &Path, new: &Path, bytes: &[u8]) -> io::Result<()> {
    // What an earlier process left half-written goes, and nothing is written through what somebody else put there.
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    sync_directory(path)
}

/// Without this the rename itself may be lost with the power.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Waits for a lock that lives as long as the returned file is open. It is taken from nobody: a holder that is
/// stopped keeps it, one that dies loses it.
fn lock(path: &Path, patience: Duration) -> Result<File, StoreError> {
    let file =
        private(OpenOptions::new().write(true).create(true).truncate(false)).open(path).map_err(transient)?;
    let start = Instant::now();
    while !try_lock(&file).map_err(transient)? {
        if start.elapsed() >= patience {
            return Err(StoreError::Transient("another process holds the lock of the store".into()));
        }
        std::thread::sleep(LOCK_POLL);
    }
    Ok(file)
}

/// Not `File::try_lock`, which says "unsupported" on Android (rust-lang/rust#148325).
#[cfg(unix)]
fn try_lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn transient(error: io::Error) -> StoreError {
    StoreError::Transient(describe(&error))
}

/// Says what kind of failure it was, without a path: paths hold names of users.
fn describe(error: &io::Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SignOutReason;
    use crate::lifecycle::machine::Times;
    use crate::lifecycle::record::AttemptId;
    use crate::secret::Secret;

    fn slot() -> Slot {
        Slot { namespace: "app".into(), account: "main".into() }
    }

    fn record(name: &str) -> Record {
        let id = AttemptId::random().expect("random bytes");
        Record {
            refresh_token: Some(Secret::new(name)),
            access_token: None,
            expires_at: None,
            lifetime: None,
            attempt: id.clone(),
            lineage: id,
            subject: None,
            device: None,
            times: Times::default(),
        }
    }

    fn store() -> (tempfile::TempDir, FileStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::new(folder.path().join("sessions"));
        (folder, store)
    }

    #[test]
    fn a_save_counts_only_on_the_generation_that_it_expects() {
        let (_folder, store) = store();
        assert_eq!(store.load(&slot()), Load::Absent);
        let first = store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        let second = store.save(&slot(), &record("2"), Expected::Generation(first)).expect("as expected");
        let late = store.save(&slot(), &record("late"), Expected::Generation(first));
        assert_eq!(late, Err(StoreError::Conflict));
        assert!(matches!(store.load(&slot()), Load::Found(found, generation)
            if found.refresh_token == Some(Secret::new("2")) && generation == second));
    }

    #[test]
    fn after_a_tombstone_a_late_save_does_not_bring_the_session_back() {
        let (_folder, store) = store();
        let first = store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        let tombstone = Tombstone { reason: SignOutReason::User };
        store.erase(&slot(), &tombstone, Expected::Any).expect("erased");
        assert_eq!(
            store.save(&slot(), &record("late"), Expected::Generation(first)),
            Err(StoreError::Conflict)
        );
        assert!(matches!(store.load(&slot()), Load::Tombstone(found, _) if found == tombstone));
        store.save(&slot(), &record("next"), Expected::Any).expect("the user signs in again");
    }

    #[test]
    fn accounts_and_namespaces_do_not_touch_each_other() {
        let (_folder, store) = store();
        let other = Slot { namespace: "ap".into(), account: "pmain".into() };
        store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        assert_eq!(store.load(&other), Load::Absent);
    }

    #[test]
    fn a_record_of_a_later_version_is_kept_by_a_save_and_replaced_by_a_sign_out() {
        let (_folder, store) = store();
        store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        let path = store.path(&slot(), "session");
        fs::write(&path, "authsession-record 2 live 9 00\n{}").expect("a later version");
        assert!(matches!(store.load(&slot()), Load::Corrupt(_)));
        assert!(store.save(&slot(), &record("2"), Expected::Any).is_err());
        assert!(matches!(store.load(&slot()), Load::Corrupt(_)));
        let tombstone = Tombstone { reason: SignOutReason::User };
        store.erase(&slot(), &tombstone, Expected::Any).expect("the user decided");
        assert!(matches!(store.load(&slot()), Load::Tombstone(..)));
    }

    #[test]
    fn a_damaged_record_is_reported_and_the_next_save_replaces_it() {
        let (_folder, store) = store();
        let first = store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        let path = store.path(&slot(), "session");
        for damage in [&b""[..], b"authsession-record 1 live 1", &vec![b'x'; MAX_ENCODED_BYTES + 10]] {
            fs::write(&path, damage).expect("damaged");
            assert!(matches!(store.load(&slot()), Load::Corrupt(_)));
            store.save(&slot(), &record("2"), Expected::Generation(first)).expect("it is replaced");
            assert!(matches!(store.load(&slot()), Load::Found(..)));
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_what_is_stored() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, store) = store();
        store.save(&slot(), &record("1"), Expected::Any).expect("a directory");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&store.directory), 0o700);
        for entry in fs::read_dir(&store.directory).expect("the directory") {
            assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
        }
    }

    #[test]
    fn a_lease_is_had_by_one_at_a_time_and_given_back_when_it_is_dropped() {
        let (_folder, store) = store();
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
}
