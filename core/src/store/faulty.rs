//! A store that goes wrong when a test says so.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Expected, Generation, Lease, Load, SecretStore, Slot, StoreError, StoreIdentity};
use crate::lifecycle::record::{Record, Tombstone};

/// A test double: another store with faults that a test scripts, for the app's own tests as well. What the
/// script does not name goes to the inner store. Share it as an `Arc` to keep hold of it.
///
/// ```
/// use std::sync::Arc;
/// use auth_session::{FaultyStore, InMemoryStore, StoreFault, StoreOperation};
///
/// let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
/// store.script(StoreOperation::Save, StoreFault::Fail, 2);
/// // `SessionConfig::store(store.clone())`: the next two saves fail, the third succeeds.
/// ```
pub struct FaultyStore<S> {
    inner: S,
    script: Mutex<Script>,
    changed: Condvar,
}

/// What is done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum StoreOperation {
    Load,
    Save,
    Erase,
    Lease,
}

/// How an operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// As on a device that has not been unlocked yet: nothing is done.
    Locked,
    /// Fails in a way that may pass: nothing is done.
    Fail,
    /// It takes effect, and then fails all the same.
    FailAfter,
    /// Blocks before anything is done, until [`FaultyStore::release`].
    Hang,
    /// Takes effect and then blocks, until [`FaultyStore::release`].
    HangAfter,
    /// The slot counts as damaged. Writes and leases fail.
    Corrupt,
    /// The key that protected the slot is gone. Writes and leases fail.
    Unrecoverable,
    /// Somebody else seems to have written. Reads and leases fail.
    Conflict,
    /// A defect of the store: it panics.
    Panic,
}

#[derive(Debug, Default)]
struct Script {
    faults: HashMap<StoreOperation, (StoreFault, u32)>,
    /// Who hangs, and how often everybody was let go.
    hanging: HashMap<StoreOperation, usize>,
    releases: u64,
}

impl<S> FaultyStore<S> {
    /// Without faults at first.
    pub fn new(inner: S) -> Self {
        Self { inner, script: Mutex::default(), changed: Condvar::new() }
    }

    /// The next operations of this kind, so many of them, go wrong like this; it takes the place of what was
    /// scripted for them before.
    pub fn script(&self, operation: StoreOperation, fault: StoreFault, times: u32) {
        self.locked().faults.insert(operation, (fault, times));
    }

    /// Nothing goes wrong any more, and what hangs goes on.
    pub fn release(&self) {
        let mut script = self.locked();
        script.faults.clear();
        script.hanging.clear();
        script.releases += 1;
        self.changed.notify_all();
    }

    /// Blocks until an operation of this kind hangs; false if that takes longer than `patience`.
    pub fn await_hanging(&self, operation: StoreOperation, patience: Duration) -> bool {
        let nobody = |script: &mut Script| !script.hanging.contains_key(&operation);
        let (_script, waited) = self
            .changed
            .wait_timeout_while(self.locked(), patience, nobody)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn locked(&self) -> MutexGuard<'_, Script> {
        // Only a scripted panic could poison it, and that one comes after the lock is given back.
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of this operation, and how often everybody had been let go when it struck.
    fn next(&self, operation: StoreOperation) -> Option<(StoreFault, u64)> {
        let mut script = self.locked();
        let releases = script.releases;
        let (fault, left) = script.faults.get_mut(&operation).filter(|(_, left)| *left > 0)?;
        *left -= 1;
        Some((*fault, releases))
    }

    /// Until the first release since the fault struck, which may have come before this is called: nobody would
    /// let it go a second time.
    fn hang(&self, operation: StoreOperation, releases: u64) {
        let mut script = self.locked();
        if script.releases == releases {
            *script.hanging.entry(operation).or_default() += 1;
            self.changed.notify_all();
        }
        let held = |script: &mut Script| script.releases == releases;
        drop(self.changed.wait_while(script, held).unwrap_or_else(PoisonError::into_inner));
    }

    fn perform<T>(
        &self,
        operation: StoreOperation,
        act: impl FnOnce(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some((fault, releases)) = self.next(operation) else { return act(&self.inner) };
        match fault {
            StoreFault::Locked => Err(StoreError::Locked),
            StoreFault::Conflict if operation != StoreOperation::Lease => Err(StoreError::Conflict),
            StoreFault::Hang => {
                self.hang(operation, releases);
                act(&self.inner)
            }
            StoreFault::HangAfter => {
                let result = act(&self.inner);
                self.hang(operation, releases);
                result
            }
            StoreFault::FailAfter => act(&self.inner).and(Err(injected())),
            StoreFault::Panic => panic!("a scripted defect of the store"),
            StoreFault::Fail | StoreFault::Corrupt | StoreFault::Unrecoverable | StoreFault::Conflict => {
                Err(injected())
            }
        }
    }
}

const INJECTED: &str = "a scripted fault";

fn injected() -> StoreError {
    StoreError::Transient(INJECTED.into())
}

impl<S: SecretStore> SecretStore for FaultyStore<S> {
    fn load(&self, slot: &Slot) -> Load {
        let Some((fault, releases)) = self.next(StoreOperation::Load) else { return self.inner.load(slot) };
        match fault {
            StoreFault::Locked => Load::Locked,
            StoreFault::Hang => {
                self.hang(StoreOperation::Load, releases);
                self.inner.load(slot)
            }
            StoreFault::HangAfter => {
                let loaded = self.inner.load(slot);
                self.hang(StoreOperation::Load, releases);
                loaded
            }
            StoreFault::Corrupt => Load::Corrupt(INJECTED.into()),
            StoreFault::Unrecoverable => Load::Unrecoverable,
            StoreFault::Panic => panic!("a scripted defect of the store"),
            StoreFault::Fail | StoreFault::FailAfter | StoreFault::Conflict => {
                Load::Transient(INJECTED.into())
            }
        }
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        self.perform(StoreOperation::Save, |inner| inner.save(slot, record, expected))
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        self.perform(StoreOperation::Erase, |inner| inner.erase(slot, tombstone, expected))
    }

    fn lease(&self, slot: &Slot, patience: Duration) -> Result<Lease, StoreError> {
        self.perform(StoreOperation::Lease, |inner| inner.lease(slot, patience))
    }

    fn identity(&self) -> StoreIdentity {
        self.inner.identity()
    }

    fn settings(&self) -> String {
        self.inner.settings()
    }
}

impl<S: fmt::Debug> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::SignOutReason;
    use crate::store::InMemoryStore;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn slot() -> Slot {
        Slot { namespace: "app".into(), account: "main".into() }
    }

    fn erase<S: SecretStore>(store: &FaultyStore<S>) -> Result<Generation, StoreError> {
        store.erase(&slot(), &Tombstone { reason: SignOutReason::User }, Expected::Any)
    }

    #[test]
    fn a_fault_hits_as_often_as_scripted_and_only_what_it_names() {
        let store = FaultyStore::new(InMemoryStore::new());
        store.script(StoreOperation::Erase, StoreFault::Locked, 2);
        assert_eq!(store.load(&slot()), Load::Absent);
        assert_eq!((erase(&store), erase(&store)), (Err(StoreError::Locked), Err(StoreError::Locked)));
        assert!(erase(&store).is_ok());
    }

    #[test]
    fn a_failure_after_the_effect_leaves_the_effect() {
        let store = FaultyStore::new(InMemoryStore::new());
        store.script(StoreOperation::Erase, StoreFault::FailAfter, 1);
        assert!(matches!(erase(&store), Err(StoreError::Transient(_))));
        assert!(matches!(store.load(&slot()), Load::Tombstone(..)));
    }

    /// A store whose writes let everybody go while they are made.
    #[derive(Debug)]
    struct Releasing(Mutex<std::sync::Weak<FaultyStore<Releasing>>>);

    impl SecretStore for Releasing {
        fn load(&self, _: &Slot) -> Load {
            Load::Absent
        }

        fn save(&self, _: &Slot, _: &Record, _: Expected) -> Result<Generation, StoreError> {
            Ok(Generation(1))
        }

        fn erase(&self, _: &Slot, _: &Tombstone, _: Expected) -> Result<Generation, StoreError> {
            let store = self.0.lock().expect("no panic").upgrade().expect("it is being used");
            store.release();
            Ok(Generation(1))
        }

        fn identity(&self) -> StoreIdentity {
            StoreIdentity::unique()
        }
    }

    #[test]
    fn a_release_between_the_fault_and_the_hanging_is_not_missed() {
        let store = Arc::new(FaultyStore::new(Releasing(Mutex::default())));
        *store.inner.0.lock().expect("no panic") = Arc::downgrade(&store);
        store.script(StoreOperation::Erase, StoreFault::HangAfter, 1);
        assert!(erase(&store).is_ok());
        assert!(!store.await_hanging(StoreOperation::Erase, Duration::ZERO));
    }

    #[test]
    fn what_hangs_is_seen_and_goes_on_when_it_is_let_go() {
        for (fault, done_meanwhile) in [(StoreFault::Hang, false), (StoreFault::HangAfter, true)] {
            let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
            store.script(StoreOperation::Erase, fault, 1);
            let hanging = Arc::clone(&store);
            let erasing = std::thread::spawn(move || erase(&hanging));
            assert!(store.await_hanging(StoreOperation::Erase, PATIENCE));
            assert_eq!(matches!(store.load(&slot()), Load::Tombstone(..)), done_meanwhile);
            store.release();
            assert!(erasing.join().expect("no panic").is_ok());
            assert!(!store.await_hanging(StoreOperation::Erase, Duration::ZERO));
        }
    }
}
