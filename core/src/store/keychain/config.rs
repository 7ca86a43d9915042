//! The settings of the store in the Keychain.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;

/// The settings of a `KeychainStore`. As they are at first, one process uses the store, and nobody is asked anything.
#[derive(Clone, Default)]
pub struct KeychainConfig {
    pub(super) access_group: Option<String>,
    pub(super) shared_directory: Option<PathBuf>,
    pub(super) gate: Option<KeychainGate>,
    pub(super) installation_directory: Option<PathBuf>,
    pub(super) protected_data_available: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

/// What the user is asked for whenever a record is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeychainGate {
    /// Biometry or the passcode (`kSecAccessControlUserPresence`).
    UserPresence,
    /// Biometry (`kSecAccessControlBiometryAny`). Fingers and faces that are added later count as well: were the item
    /// bound to those of today, the system would destroy it when they change.
    Biometry,
}

impl KeychainConfig {
    /// The settings as they are at first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the records in this access group, such as `TEAMID.com.example.shared`, which the entitlement
    /// `keychain-access-groups` of everybody who uses it must name. Default: the app's own, the first of its groups.
    /// Records do not move when this changes.
    pub fn access_group(mut self, group: impl Into<String>) -> Self {
        self.access_group = Some(group.into());
        self
    }

    /// Several processes, such as the app and an extension, use the records: they keep their locks in this directory,
    /// which must be in the container of an app group that they share, and must all name it. Without it one process
    /// at a time may use the access group. The system kills an app that is suspended while it holds such a lock: see
    /// the guide, `docs/keychain.md`.
    pub fn shared_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.shared_directory = Some(directory.into());
        self
    }

    /// Asks the user whenever a record is read or written: at the start of the app **and at each refresh**, so that
    /// nothing can be refreshed in the background. Default: nobody is asked. A change takes effect with the next
    /// write.
    pub fn gate(mut self, gate: KeychainGate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Tells whether protected data can be read, as `UIApplication.isProtectedDataAvailable` does. While it says no,
    /// "not found" means "locked", and nothing is purged. It is called on a thread of the store and must not block:
    /// keep the last answer of the main thread and the two notifications. Default: the Keychain alone is asked.
    pub fn protected_data_available(mut self, hook: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.protected_data_available = Some(Arc::new(hook));
        self
    }

    /// Deletes the records of an installation before this one, which the Keychain keeps: whoever installs the app anew
    /// is signed out. **Turn it on in the first version of the app that uses this store**: an update that turns it on
    /// later cannot tell itself from a new installation, and signs everybody out once. A file in this directory, one for each namespace, says that this has been done, so it must be
    /// one that goes with the app and only with it, in Application Support and not in Caches; the file may be backed
    /// up. Not with an [access group](Self::access_group) or a [shared directory](Self::shared_directory), because the
    /// others have not been reinstalled, and only with [`protected_data_available`](Self::protected_data_available):
    /// until that says yes, a new installation is `Locked`. Default: records survive.
    ///
    /// All items whose service is the namespace and that the app may see are deleted, those in its access groups too:
    /// not for apps whose entitlements name a group that they share.
    pub fn purge_after_reinstall(mut self, directory: impl Into<PathBuf>) -> Self {
        self.installation_directory = Some(directory.into());
        self
    }

    pub(super) fn validate(self) -> Result<Self, Error> {
        if self.access_group.as_deref() == Some("") {
            return invalid("access_group", "a name that is not empty");
        }
        if self.gate.is_some() && self.shared_directory.is_some() {
            // Whoever dismisses the question would keep the lock of the others.
            return invalid("gate", "a store that is shared with nobody");
        }
        if self.installation_directory.is_some() {
            if self.access_group.is_some() || self.shared_directory.is_some() {
                return invalid("purge_after_reinstall", "a store that is shared with nobody");
            }
            if self.protected_data_available.is_none() {
                return invalid("purge_after_reinstall", "the hook protected_data_available beside it");
            }
        }
        Ok(self)
    }
}

impl fmt::Debug for KeychainConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeychainConfig")
            .field("access_group", &self.access_group)
            .field("shared_directory", &self.shared_directory)
            .field("gate", &self.gate)
            .field("installation_directory", &self.installation_directory)
            .finish_non_exhaustive()
    }
}

fn invalid<T>(field: &'static str, expected: &str) -> Result<T, Error> {
    Err(Error::InvalidConfiguration { field, expected: expected.into() })
}
