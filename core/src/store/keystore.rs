//! A store under a key of the Android Keystore.

mod calls;
mod failure;
mod sealed;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use once_cell::sync::OnceCell;
use zeroize::Zeroizing;

use super::files::{Directory, transient};
use super::{
    Expected, Generation, Lease, Load, SecretStore, Slot, StoreError, StoreIdentity, encoded, next_generation,
};
use crate::android::Platform;
use crate::error::Error;
use crate::lifecycle::record::{
    Entry, MAX_ENCODED_BYTES, Record, RecordError, Tombstone, hexadecimal, random_bytes,
};
use failure::Failure;
use sealed::{Sealed, Stored, alias, associated_data, parse};

/// What sealing adds to a record, with room to spare.
const MAX_SEALED_BYTES: usize = MAX_ENCODED_BYTES + 1024;
/// How often a call is made that fails in a way that may pass, and how long is waited in between: the Keystore is a
/// service that restarts, in about that time. The session tries again later and for longer.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// How many keys are tried for a save. One is the rule, two after a loss, more after losses in the middle of saves.
const MOST_KEYS: u32 = 4;
/// How often a save begins again because somebody else has written meanwhile.
const MOST_ROUNDS: u32 = 4;
/// The first of a slot's keys.
const FIRST_KEY: u32 = 1;
/// `ENOKEY` of Linux: what a directory says whose encryption key is not there, before the first unlock.
const ENOKEY: i32 = 126;

/// Keeps each session in a file, encrypted by a key of the [Android Keystore][keystore] that never leaves it
/// (AES-256-GCM, one key for each account, bound to namespace and account). The files are in a directory that is not
/// backed up, and are replaced atomically. Several processes of an app may use one directory.
///
/// Nothing is destroyed on an error, and reading makes no key: only a sign-out or the next successful save replaces
/// what is there. A key that is gone is replaced by the next save. A sign-out needs neither the key nor the Keystore.
///
/// Calls of the Keystore go to another process and may take seconds; the session makes them on threads for that. They
/// attach themselves to the virtual machine for the time of a call.
///
/// [keystore]: https://developer.android.com/privacy-and-security/keystore
#[derive(Clone, Debug)]
pub struct KeystoreStore {
    place: Place,
    options: Options,
}

#[derive(Clone, Debug)]
enum Place {
    /// `auth-session` in `Context.getNoBackupFilesDir()`.
    NoBackup,
    At(PathBuf),
}

/// What a new key is made with.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    strong_box: bool,
    unlocked_device_required: bool,
    user_authentication: Option<UserAuthentication>,
}

/// How long ago the user may have authenticated.
#[derive(Clone, Copy, Debug)]
struct UserAuthentication(Duration);

impl UserAuthentication {
    /// Zero would mean each time.
    fn seconds(self) -> i32 {
        i32::try_from(self.0.as_secs()).unwrap_or(i32::MAX).max(1)
    }
}

impl KeystoreStore {
    /// A store in the app's directory of files that are not backed up, which is made with the first save.
    ///
    /// # Errors
    /// [`Error::NotInitialized`] before [`initialize`](crate::android::initialize).
    pub fn new() -> Result<Self, Error> {
        Platform::get()?;
        Ok(Self { place: Place::NoBackup, options: Options::default() })
    }

    /// Keeps the files in this directory, which must not be backed up: without its key a restored file is of no use.
    /// The directory above it must exist; while it does not, the store is locked.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.place = Place::At(directory.into());
        self
    }

    /// Makes new keys in a StrongBox, a chip of its own, on devices that have one (Android 9 and later), and as
    /// usual on others. It is slower: a save may take a second. Default: no.
    pub fn strong_box(mut self) -> Self {
        self.options.strong_box = true;
        self
    }

    /// Makes new keys that work only while the device is unlocked (Android 9 and later; before, as usual): the store
    /// is [locked](Load::Locked) while it is not, so a refresh in the background is not saved until then.
    /// Default: no.
    pub fn unlocked_device_required(mut self) -> Self {
        self.options.unlocked_device_required = true;
        self
    }

    /// Makes new keys that work only for so long after the user has authenticated (device credential, or a strong
    /// biometric), at least a second: after that the store is [locked](Load::Locked) until the app has asked the user
    /// again. Needs a secure lock screen; removing it destroys the key, and the session ends with `secrets_lost`.
    /// Default: no.
    pub fn user_authentication(mut self, within: Duration) -> Self {
        self.options.user_authentication = Some(UserAuthentication(within));
        self
    }

    /// Where the files are, if they can be reached.
    fn files(&self) -> Result<Files, StoreError> {
        let path = match &self.place {
            Place::At(path) => path.clone(),
            Place::NoBackup => match retried(calls::no_backup_directory) {
                Ok(Some(directory)) => Path::new(&directory).join("auth-session"),
                Ok(None) => return Err(StoreError::Locked),
                Err(failure) => return Err(self.store_error(failure)),
            },
        };
        Files::reach(path)
    }

    fn open(&self, files: &Files, slot: &Slot, sealed: &Sealed) -> Load {
        let data = associated_data(slot);
        let alias = alias(slot, sealed.key);
        // A key that is not found is asked for again as well, since much depends on the answer.
        let opened =
            retried(|| calls::open(&alias, &data, &sealed.iv, &sealed.ciphertext)?.ok_or(NotOpened::Missing));
        let failure = match opened {
            Ok(bytes) => {
                files.forget_missing(slot);
                return match Entry::decode(slot, &bytes) {
                    Ok((entry @ Entry::Live(_), generation)) if generation == sealed.generation => {
                        Load::of(entry, generation)
                    }
                    Ok(_) => Load::Corrupt(RecordError::Damaged.to_string()),
                    Err(error) => error.into(),
                };
            }
            Err(NotOpened::Missing) => return files.missing(slot, sealed.key),
            Err(NotOpened::Failed(failure)) => failure,
        };
        match failure {
            Failure::Invalidated => Load::Unrecoverable,
            Failure::BadTag => Load::Corrupt("the key does not fit (AEADBadTagException)".into()),
            failure => match self.store_error(failure) {
                StoreError::Locked => Load::Locked,
                error => Load::Transient(error.to_string()),
            },
        }
    }

    /// Seals with the key that has sealed what is there. If that is gone, with the next: what is there goes on
    /// naming the key that is gone, and not one that does not fit, until it is replaced.
    fn seal(
        &self,
        files: &Files,
        slot: &Slot,
        present: Option<u32>,
        generation: Generation,
        record: &[u8],
    ) -> Result<Sealed, StoreError> {
        let data = associated_data(slot);
        let first = present.unwrap_or(FIRST_KEY);
        for key in first..first.saturating_add(MOST_KEYS) {
            let alias = alias(slot, key);
            let sealed = match retried(|| calls::seal(&alias, &data, record)) {
                Ok(None) if present == Some(key) => continue,
                Ok(None) => {
                    // Making a key replaces one of its name: two that do so at once would lose what the first seals.
                    let _making = files.directory.guard(slot, "key")?;
                    retried(|| calls::create(&alias, &self.options))
                        .map_err(|failure| self.store_error(failure))?;
                    retried(|| calls::seal(&alias, &data, record))
                }
                sealed => sealed,
            };
            match sealed {
                Ok(Some(sealed)) => {
                    return Ok(Sealed { generation, key, iv: sealed.iv, ciphertext: sealed.bytes });
                }
                Ok(None) | Err(Failure::Invalidated | Failure::KeyNotLoaded(_)) => {}
                Err(failure) => return Err(self.store_error(failure)),
            }
        }
        Err(StoreError::Transient("the Keystore gives no key".into()))
    }

    fn store_error(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Locked => StoreError::Locked,
            // Before Android 13 a locked device is an error without a name.
            Failure::KeyNotLoaded(_) | Failure::Other(_)
                if self.options.unlocked_device_required && calls::device_is_locked() == Ok(true) =>
            {
                StoreError::Locked
            }
            Failure::KeyNotLoaded(name) | Failure::Other(name) => StoreError::Transient(name),
            Failure::Invalidated => StoreError::Transient("the key is invalidated".into()),
            Failure::BadTag => StoreError::Transient("the key does not fit".into()),
            Failure::NoStrongBox => StoreError::Transient("there is no StrongBox".into()),
        }
    }
}

impl SecretStore for KeystoreStore {
    fn load(&self, slot: &Slot) -> Load {
        let read = self.files().and_then(|files| Ok((files.read(slot)?, files)));
        let (bytes, files) = match read {
            Ok((Some(bytes), files)) => (bytes, files),
            Ok((None, _)) => return Load::Absent,
            Err(StoreError::Locked) => return Load::Locked,
            Err(error) => return Load::Transient(error.to_string()),
        };
        match parse(slot, &bytes) {
            Ok(Stored::Ended(tombstone, generation)) => Load::Tombstone(tombstone, generation),
            Ok(Stored::Sealed(sealed)) => self.open(&files, slot, &sealed),
            Err(error) => error.into(),
        }
    }

    /// The Keystore works before the slot is locked for the write, and what it has made is used only if nobody
    /// has written meanwhile: a Keystore that hangs in one process must not keep another from signing out.
    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        let files = self.files()?;
        let entry = Entry::Live(record.clone());
        for _ in 0..MOST_ROUNDS {
            let before = files.read(slot)?;
            let present = before.as_ref().map(|bytes| parse(slot, bytes));
            let key = match &present {
                Some(Ok(Stored::Sealed(sealed))) => Some(sealed.key),
                _ => None,
            };
            let present = present.map(|stored| stored.map(|stored| stored.generation()));
            let next = next_generation(present, &entry, expected)?;
            let sealed = self.seal(&files, slot, key, next, &encoded(&entry, slot, next)?)?;
            let writing = files.directory.write(slot)?;
            if files.read(slot)? != before {
                continue;
            }
            writing.replace(&sealed.encode()).map_err(unreachable)?;
            drop(writing);
            files.forget_missing(slot);
            // Nothing is sealed by it any more. If it stays, it does no harm.
            if let Some(key) = key.filter(|key| *key != sealed.key)
                && calls::delete(&alias(slot, key)).is_err()
            {
                tracing::debug!("a key that is not needed any more could not be deleted");
            }
            return Ok(next);
        }
        Err(StoreError::Transient("others keep writing to the slot".into()))
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        let files = self.files()?;
        let entry = Entry::Ended(tombstone.clone());
        let writing = files.directory.write(slot)?;
        let present = files.read(slot)?.map(|bytes| parse(slot, &bytes).map(|stored| stored.generation()));
        let next = next_generation(present, &entry, expected)?;
        writing.replace(&entry.encode(slot, next)).map_err(unreachable)?;
        files.forget_missing(slot);
        Ok(next)
    }

    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        self.files()?.directory.lease(slot, patience)
    }

    fn identity(&self) -> StoreIdentity {
        match &self.place {
            Place::NoBackup => StoreIdentity::named("keystore"),
            Place::At(path) => Directory::new(path).identity("keystore"),
        }
    }

    fn settings(&self) -> String {
        format!("{:?}", self.options)
    }
}

/// The directory of the files, which may be out of reach until the device is unlocked.
#[derive(Debug)]
struct Files {
    directory: Directory,
}

impl Files {
    /// Before the first unlock after a start ([Direct Boot]) the directories of an app are not there, or cannot be
    /// used: that says nothing about what is in them. The system makes the one above ours; once it is there, ours is
    /// missing only if nothing was ever saved.
    ///
    /// [Direct Boot]: https://developer.android.com/privacy-and-security/direct-boot
    fn reach(path: PathBuf) -> Result<Self, StoreError> {
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            match fs::metadata(above) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Locked),
                Err(error) => return Err(unreachable(error)),
                Ok(_) => {}
            }
        }
        // Nothing of the system makes it a link, so somebody else wants to have the files, or to give others.
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(StoreError::Transient("the directory is a symbolic link".into()));
        }
        Ok(Self { directory: Directory::new(path) })
    }

    fn read(&self, slot: &Slot) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.directory.read(slot, MAX_SEALED_BYTES).map_err(unreachable)
    }

    /// The Keystore knows no such key. It may say so for a moment, so that is proof only when a process has seen it
    /// before, and this one, which started later, sees it again. What the earlier one saw is noted beside the slot.
    fn missing(&self, slot: &Slot, key: u32) -> Load {
        let Ok(process) = process() else { return Load::Transient("no random bytes".into()) };
        let path = self.directory.file(slot, "missing");
        let note = format!("{key} {process}");
        let seen = fs::read_to_string(&path).unwrap_or_default();
        if is_proof(&seen, key, process) {
            return Load::Unrecoverable;
        }
        if seen != note && fs::write(&path, note).is_err() {
            tracing::debug!("a missing key could not be noted");
        }
        Load::Transient(
            "the key is not in the Keystore; if it is not after a restart either, it is lost".into(),
        )
    }

    fn forget_missing(&self, slot: &Slot) {
        // If it cannot be removed, it names a key that is of no importance any more, or one that was found again.
        let _ = fs::remove_file(self.directory.file(slot, "missing"));
    }
}

/// Whether another process has missed the same key.
fn is_proof(note: &str, key: u32, process: &str) -> bool {
    note.split_once(' ')
        .is_some_and(|(missed, by)| missed.parse() == Ok(key) && by.len() == process.len() && by != process)
}

/// A random name of this process: its number may be that of an earlier one.
fn process() -> Result<&'static str, Error> {
    static NAME: OnceCell<String> = OnceCell::new();
    NAME.get_or_try_init(|| Ok(hexadecimal(&random_bytes::<16>()?))).map(String::as_str)
}

/// A failure of the file system.
fn unreachable(error: io::Error) -> StoreError {
    if error.raw_os_error() == Some(ENOKEY) { StoreError::Locked } else { transient(error) }
}

/// Why a call is made once more, or not.
trait MayPass {
    fn may_pass(&self) -> bool;
}

impl MayPass for Failure {
    fn may_pass(&self) -> bool {
        Failure::may_pass(self)
    }
}

enum NotOpened {
    Missing,
    Failed(Failure),
}

impl From<Failure> for NotOpened {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl MayPass for NotOpened {
    fn may_pass(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Failed(failure) => failure.may_pass(),
        }
    }
}

/// Makes a call, again if it fails in a way that may pass. It waits on the thread that the session has for the store.
fn retried<T, E: MayPass>(mut call: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for attempt in 1..ATTEMPTS {
        match call() {
            Err(failure) if failure.may_pass() => thread::sleep(PAUSE * attempt),
            result => return result,
        }
    }
    call()
}

/// What a slot's file says without the key, for the fuzz targets.
#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    use super::sealed::{self, Stored};
    use super::{Generation, RecordError, Slot, Tombstone};

    pub(crate) use sealed::with_checksum;

    /// The end of a session, or the bytes of a sealed one as they are written.
    pub(crate) fn parse(
        slot: &Slot,
        bytes: &[u8],
    ) -> Result<(Generation, Result<Tombstone, Vec<u8>>), RecordError> {
        let stored = sealed::parse(slot, bytes)?;
        let generation = stored.generation();
        Ok(match stored {
            Stored::Sealed(sealed) => (generation, Err(sealed.encode())),
            Stored::Ended(tombstone, _) => (generation, Ok(tombstone)),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lifecycle::machine::Times;
    use crate::lifecycle::record::AttemptId;
    use crate::secret::Secret;

    pub(crate) fn record() -> Record {
        let id = AttemptId::random().expect("random bytes");
        Record {
            refresh_token: Some(Secret::new("refresh-1")),
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

    #[test]
    fn without_the_initialisation_there_is_no_store() {
        assert_eq!(KeystoreStore::new().map(|_| ()), Err(Error::NotInitialized));
    }

    #[test]
    fn a_missing_key_is_proof_only_for_a_process_other_than_the_one_that_missed_it_before() {
        let (this, other) = ("00aa", "00bb");
        assert!(!is_proof("", 1, this));
        assert!(!is_proof("1 00aa", 1, this));
        assert!(is_proof("1 00bb", 1, this));
        assert!(!is_proof("2 00bb", 1, this), "another key");
        for damaged in ["1", "1 ", "x 00bb", "1 00b", "1 00bb\n"] {
            assert!(!is_proof(damaged, 1, this), "{damaged:?}");
        }
        assert_ne!(this, other);
    }

    #[test]
    fn what_may_pass_is_tried_a_few_times_and_nothing_else() {
        let tries = |failure: Failure| {
            let mut tries = 0;
            let result: Result<(), Failure> = retried(|| {
                tries += 1;
                Err(failure.clone())
            });
            assert_eq!(result, Err(failure));
            tries
        };
        assert_eq!(tries(Failure::Other("x".into())), ATTEMPTS);
        assert_eq!(tries(Failure::KeyNotLoaded("x".into())), ATTEMPTS);
        assert_eq!([Failure::Invalidated, Failure::Locked, Failure::BadTag].map(tries), [1, 1, 1]);
    }

    #[test]
    fn a_time_of_grace_is_never_none() {
        let seconds =
            [0, 30, u64::MAX].map(|seconds| UserAuthentication(Duration::from_secs(seconds)).seconds());
        assert_eq!(seconds, [1, 30, i32::MAX]);
    }
}
