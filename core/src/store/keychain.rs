//! The store in the Apple Keychain. The rules are here, above the seam in `item`, and need no device to be tested.

#[cfg(target_vendor = "apple")]
mod apple;
mod config;
#[cfg(test)]
mod fake;
mod installation;
mod item;
mod status;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use config::{KeychainConfig, KeychainGate};
use installation::Installation;
use item::{Attribute, Data, SecItem};
use status::Status;
use zeroize::Zeroizing;

use super::files::Directory;
use super::{
    Expected, Generation, Lease, Load, Refusal, SecretStore, Slot, StoreError, StoreIdentity, decode,
    encoded, next_generation,
};
use crate::error::Error;
use crate::lifecycle::record::{Entry, Record, Tombstone};

/// What the service of a namespace's marker has behind the namespace.
const MARKER_SERVICE: &str = ".auth-session-marker";
const MARKER_ACCOUNT: &str = "after-first-unlock";

/// Keeps each record as a generic password in the Keychain of iOS, macOS and their relatives: the namespace is its
/// service, the account its account. It can be read from the first unlock after a restart on, by this device only, and
/// is not synchronised. It survives an uninstallation of the app, unless [`KeychainConfig::purge_after_reinstall`].
///
/// Needs an app with an application identifier, which every signed app for a device or simulator has; on macOS, the
/// data protection keychain wants one as well. Without it everything is [`Refusal::Misconfigured`].
///
/// [`Refusal::Misconfigured`]: crate::Refusal::Misconfigured
#[cfg(target_vendor = "apple")]
pub struct KeychainStore(Keychain<apple::SecItems>);

#[cfg(target_vendor = "apple")]
impl KeychainStore {
    /// A store with these settings.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] if they contradict each other.
    pub fn new(config: KeychainConfig) -> Result<Self, Error> {
        Keychain::new(apple::SecItems, config).map(Self)
    }
}

#[cfg(target_vendor = "apple")]
impl SecretStore for KeychainStore {
    fn load(&self, slot: &Slot) -> Load {
        self.0.load(slot)
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        self.0.save(slot, record, expected)
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        self.0.erase(slot, tombstone, expected)
    }

    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        self.0.lease(slot, patience)
    }

    fn identity(&self) -> StoreIdentity {
        self.0.identity()
    }

    fn settings(&self) -> String {
        self.0.settings()
    }
}

#[cfg(target_vendor = "apple")]
impl fmt::Debug for KeychainStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The store over whatever carries the calls out.
struct Keychain<I> {
    items: I,
    access_group: Option<String>,
    gate: Option<KeychainGate>,
    shared: Option<Directory>,
    installation: Option<Installation>,
    protected_data_available: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// Other processes are kept out by a lock in the shared directory; without one there are none.
    writing: Mutex<()>,
}

impl<I: SecItem> Keychain<I> {
    fn new(items: I, config: KeychainConfig) -> Result<Self, Error> {
        let config = config.validate()?;
        Ok(Self {
            items,
            access_group: config.access_group,
            gate: config.gate,
            shared: config.shared_directory.map(Directory::new),
            installation: config.installation_directory.map(Installation::new),
            protected_data_available: config.protected_data_available,
            writing: Mutex::default(),
        })
    }

    /// What makes an item this one: with anything more in a query, such as its accessibility, an item that differs in
    /// that would not be found and yet be in the way ("duplicate").
    fn identity_of(&self, service: &str, account: Option<&str>) -> Vec<Attribute> {
        let mut identity = vec![
            Attribute::Service(service.to_owned()),
            Attribute::Synchronizable(false),
            Attribute::DataProtection(true),
        ];
        identity.extend(account.map(|account| Attribute::Account(account.to_owned())));
        identity.extend(self.access_group.clone().map(Attribute::AccessGroup));
        identity
    }

    /// The slot's bytes, `None` only if it is certain that there are none.
    ///
    /// Since iOS 15 the system may start an app ahead of time ("prewarming"), before the first unlock, and then
    /// everything is "not found". So that answer counts only when an item of the same accessibility can be read, and
    /// is then asked for again: the unlock may have come in between, and it lasts until the next restart.
    fn read(&self, slot: &Slot, unlocked: bool) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let query = self.identity_of(&slot.namespace, Some(&slot.account));
        if let Some(bytes) = self.copy(&query)? {
            return Ok(Some(bytes));
        }
        self.prove_unlocked(&slot.namespace, unlocked)?;
        self.copy(&query)
    }

    fn copy(&self, query: &[Attribute]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match self.items.copy_matching(query) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Status::ITEM_NOT_FOUND) => Ok(None),
            Err(status) => Err(status.error()),
        }
    }

    /// Succeeds only if the items that are accessible after the first unlock can be read: the marker is one of them.
    ///
    /// When the app runs for the first time there is no marker yet, and it is added. That proves as much: before the
    /// first unlock the key that would protect it is not there, and the Keychain refuses (-25308); and where a marker
    /// is there and cannot be seen, it is a duplicate. Nobody deletes a marker, and no slot is written before its
    /// namespace has one.
    fn prove_unlocked(&self, namespace: &str, unlocked: bool) -> Result<(), StoreError> {
        if !unlocked {
            return Err(StoreError::Locked);
        }
        let identity = self.identity_of(&format!("{namespace}{MARKER_SERVICE}"), Some(MARKER_ACCOUNT));
        if self.copy(&identity)?.is_some() {
            return Ok(());
        }
        let content = Attribute::Data(Data(Arc::new(Zeroizing::new(MARKER_ACCOUNT.into()))));
        let marker = [&identity[..], &[content, Attribute::AccessibleAfterFirstUnlock]].concat();
        match self.items.add(&marker) {
            Status::SUCCESS => Ok(()),
            // Hidden; or an app extension has added it at the same time, and then it can be read.
            Status::DUPLICATE_ITEM => self.copy(&identity)?.map(drop).ok_or(StoreError::Locked),
            status => Err(status.error()),
        }
    }

    /// Replaces what the slot holds, or adds it. Nothing is deleted to be added anew: a crash in between would lose
    /// the session. How the item is protected is written with each change of its content, so that other settings
    /// reach an item that an earlier version of the app has left.
    ///
    /// A tombstone holds no secret: nobody is asked for it.
    fn put(&self, slot: &Slot, bytes: Zeroizing<Vec<u8>>, secret: bool) -> Result<(), StoreError> {
        let identity = self.identity_of(&slot.namespace, Some(&slot.account));
        let gate = self.gate.filter(|_| secret);
        let protection = gate.map_or(Attribute::AccessibleAfterFirstUnlock, Attribute::AccessControl);
        let content = [Attribute::Data(Data(Arc::new(bytes))), protection];
        match self.items.update(&identity, &content) {
            Status::SUCCESS => return Ok(()),
            Status::ITEM_NOT_FOUND => {}
            status => return Err(status.error()),
        }
        match self.items.add(&[&identity[..], &content].concat()) {
            Status::SUCCESS => return Ok(()),
            // Another process has added it since.
            Status::DUPLICATE_ITEM => {}
            status => return Err(status.error()),
        }
        match self.items.update(&identity, &content) {
            Status::SUCCESS => Ok(()),
            // It is there and cannot be seen, as before the first unlock.
            Status::ITEM_NOT_FOUND => Err(StoreError::Locked),
            status => Err(status.error()),
        }
    }

    fn write(&self, slot: &Slot, entry: &Entry, expected: Expected) -> Result<Generation, StoreError> {
        // The app is asked before anything is locked.
        let unlocked = self.may_be_unlocked();
        self.purge_former_installation(&slot.namespace, unlocked)?;
        // What is compared and what is written are two calls. A panic in between leaves the slot whole.
        let _threads = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _processes = self.shared.as_ref().map(|directory| directory.write(slot)).transpose()?;
        let present = match self.read(slot, unlocked) {
            // Who signs in or out need not unlock what that replaces. It cannot be changed where it is, because that
            // unlocks it as well; a crash between here and there loses what the user has given up.
            Err(StoreError::Refused(Refusal::UnlockCancelled | Refusal::UnlockFailed))
                if expected == Expected::Any =>
            {
                let identity = self.identity_of(&slot.namespace, Some(&slot.account));
                match self.items.delete(&identity) {
                    Status::SUCCESS | Status::ITEM_NOT_FOUND => None,
                    status => return Err(status.error()),
                }
            }
            read => read?.map(|bytes| decode(slot, &bytes).map(|(_, generation)| generation)),
        };
        let next = next_generation(present, entry, expected)?;
        self.put(slot, encoded(entry, slot, next)?, matches!(entry, Entry::Live(_)))?;
        Ok(next)
    }

    /// Deletes what an installation before this one has left behind, if the app wants that.
    fn purge_former_installation(&self, namespace: &str, unlocked: bool) -> Result<(), StoreError> {
        let Some(installation) = &self.installation else { return Ok(()) };
        let begun = installation.begin(namespace, || {
            // What cannot be seen now would survive, and be found later as if it were this installation's.
            self.prove_unlocked(namespace, unlocked)?;
            match self.items.delete(&self.identity_of(namespace, None)) {
                Status::SUCCESS | Status::ITEM_NOT_FOUND => Ok(()),
                status => Err(status.error()),
            }
        });
        match begun {
            // The app's files are not readable before the first unlock either.
            Err(StoreError::Transient(_)) if !unlocked => Err(StoreError::Locked),
            begun => begun,
        }
    }

    fn may_be_unlocked(&self) -> bool {
        self.protected_data_available.as_ref().is_none_or(|available| available())
    }
}

impl<I: SecItem> SecretStore for Keychain<I> {
    fn load(&self, slot: &Slot) -> Load {
        let unlocked = self.may_be_unlocked();
        let purged = self.purge_former_installation(&slot.namespace, unlocked);
        match purged.and_then(|()| self.read(slot, unlocked)) {
            Ok(Some(bytes)) => decode(slot, &bytes).into(),
            Ok(None) => Load::Absent,
            Err(StoreError::Locked) => Load::Locked,
            Err(StoreError::Refused(refusal)) => Load::Refused(refusal),
            Err(error) => Load::Transient(error.to_string()),
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
            // So that the record is read before a refresh: where it cannot be unlocked, what the refresh brings could
            // not be saved either.
            None if self.gate.is_some() => Ok(Lease::held(())),
            None => Ok(Lease::unshared()),
        }
    }

    fn identity(&self) -> StoreIdentity {
        StoreIdentity::named(format!("keychain:{}", self.access_group.as_deref().unwrap_or_default()))
    }

    fn settings(&self) -> String {
        let asks = self.protected_data_available.is_some();
        let purges = self.installation.as_ref().map(Installation::directory);
        format!("{:?} {:?} {purges:?} {asks}", self.gate, self.shared)
    }
}

impl<I> fmt::Debug for Keychain<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeychainStore")
            .field("access_group", &self.access_group)
            .field("gate", &self.gate)
            .field("shared_directory", &self.shared)
            .finish_non_exhaustive()
    }
}
