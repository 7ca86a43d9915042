//! One session for an account of a store in this process, however often it is opened: two would refresh
//! behind each other's back.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;

use crate::error::Error;
use crate::lifecycle::driver::{Lifecycle, WeakLifecycle};
use crate::store::{Slot, StoreIdentity};

type Key = (StoreIdentity, Slot);

static OPEN: Lazy<Mutex<HashMap<Key, (WeakLifecycle, Fingerprint)>>> = Lazy::new(Mutex::default);

/// What a session was opened with, so that a second opening can be told from a mistake. Hashes, because
/// settings may hold secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<(&'static str, u64)>);

impl Fingerprint {
    pub(crate) fn add(&mut self, field: &'static str, value: impl Hash) {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        self.0.push((field, hasher.finish()));
    }

    fn first_difference(&self, other: &Self) -> Option<&'static str> {
        self.0.iter().zip(&other.0).find(|(one, another)| one != another).map(|((field, _), _)| *field)
    }
}

/// Every lifecycle that is open, also those whose sessions were dropped while they still had something to finish.
pub(crate) fn all() -> Vec<Lifecycle> {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known: Vec<WeakLifecycle> = open.values().map(|(lifecycle, _)| lifecycle.clone()).collect();
    // Before a handle may go, which may be the last one of a store or an authority of the app.
    drop(open);
    known.iter().filter_map(WeakLifecycle::upgrade).collect()
}

/// The lifecycle that is open with this key, or a new one. Also one whose session was dropped while it still had
/// something to finish is open.
pub(crate) fn open(
    key: Key,
    fingerprint: Fingerprint,
    start: impl FnOnce() -> Result<Lifecycle, Error>,
) -> Result<Lifecycle, Error> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((lifecycle, opened_with)) = open.get(&key)
        && let Some(lifecycle) = lifecycle.upgrade()
    {
        let difference = fingerprint.first_difference(opened_with);
        // Before the handle may go, which may be the last one of a store or an authority of the app.
        drop(open);
        return match difference {
            Some(field) => Err(Error::AlreadyOpen { field }),
            None => Ok(lifecycle),
        };
    }
    open.retain(|_, (lifecycle, _)| lifecycle.is_open());
    let lifecycle = start()?;
    open.insert(key, (lifecycle.downgrade(), fingerprint));
    Ok(lifecycle)
}
