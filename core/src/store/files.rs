//! The files of a store: one whole content for each slot, whatever happens to the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ring::digest;
use zeroize::Zeroizing;

use super::{Lease, Slot, StoreError, StoreIdentity};
use crate::lifecycle::record::hexadecimal;

/// How long a write waits for another process that is writing. Writes take milliseconds; whoever holds
/// the lock for longer is stopped, and nobody takes the lock from it.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(10);

/// A directory with the files of each slot, which several processes may use.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

/// The right to write to a slot, until it is dropped.
pub(super) struct Writing<'a> {
    directory: &'a Directory,
    slot: &'a Slot,
    _lock: File,
}

impl Directory {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub(super) fn file(&self, slot: &Slot, extension: &str) -> PathBuf {
        // A digest, because a name may hold anything and file systems differ in what they fold together.
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(slot.namespace.as_bytes());
        context.update(b"\0");
        context.update(slot.account.as_bytes());
        let name = hexadecimal(&context.finish().as_ref()[..16]);
        self.path.join(format!("{name}.{extension}"))
    }

    /// The slot's content, whole; `None` where there is none. What is longer than `limit` is cut one byte
    /// behind it, so that it can be told from a record without being read whole. What is no file (a symbolic link,
    /// a pipe, a directory) is not followed and not waited for: it reads as empty, which no record is.
    pub(super) fn read(&self, slot: &Slot, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut bytes = Zeroizing::new(Vec::new());
        match itself(OpenOptions::new().read(true)).open(self.file(slot, "session")) {
            Ok(file) => {
                let metadata = file.metadata()?;
                if metadata.is_file() {
                    let limit = limit as u64 + 1;
                    // At once, as far as can be told: what a vector outgrows is given back as it is.
                    bytes.reserve_exact(metadata.len().min(limit) as usize);
                    file.take(limit).read_to_end(&mut bytes)?;
                }
            }
            Err(error) if is_link(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(bytes))
    }

    /// Waits for other processes that write to the slot. Makes the directory if it is not there.
    pub(super) fn write<'a>(&'a self, slot: &'a Slot) -> Result<Writing<'a>, StoreError> {
        self.make().map_err(transient)?;
        let lock = lock(&self.file(slot, "lock"), LOCK_PATIENCE)?;
        Ok(Writing { directory: self, slot, _lock: lock })
    }

    /// On a lock of its own, so that whoever holds the lease can write.
    pub(super) fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        self.make().map_err(transient)?;
        lock(&self.file(slot, "lease"), patience).map(Lease::held)
    }

    /// Keeps others out of what the slot has besides its content.
    #[cfg(any(target_os = "android", feature = "keystore"))]
    pub(super) fn guard(&self, slot: &Slot, extension: &str) -> Result<File, StoreError> {
        self.make().map_err(transient)?;
        lock(&self.file(slot, extension), LOCK_PATIENCE)
    }

    pub(super) fn identity(&self, kind: &str) -> StoreIdentity {
        // Symbolic links are not followed: they may change, and two names of one directory only mean that
        // the sessions share it as two processes would.
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        StoreIdentity::named(format!("{kind}:{}", path.display()))
    }

    fn make(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path)
    }
}

impl Writing<'_> {
    /// Writes a new file beside the old one and renames it: at every moment the slot holds one whole content.
    pub(super) fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let new = self.directory.file(self.slot, "new");
        // What an earlier process left half-written goes, and nothing is written through what somebody else put there.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(new, self.directory.file(self.slot, "session"))?;
        sync(&self.directory.path)
    }
}

/// Without this the rename itself may be lost with the power.
fn sync(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// Waits for a lock that lives as long as the returned file is open. It is taken from nobody: a holder that is
/// stopped keeps it, one that dies loses it.
fn lock(path: &Path, patience: Duration) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    let options = itself(private(options.write(true).create(true).truncate(false)));
    let file = options.open(path).map_err(transient)?;
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

/// Opens what is there itself: not what a symbolic link leads to, and without waiting for the other end of a pipe.
fn itself(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed());
    }
    options
}

/// Whether `O_NOFOLLOW` has met a symbolic link (open(2)).
fn is_link(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

pub(super) fn transient(error: io::Error) -> StoreError {
    StoreError::Transient(describe(&error))
}

/// Says what kind of failure it was, without a path: paths hold names of users.
pub(super) fn describe(error: &io::Error) -> String {
    error.kind().to_string()
}
