//! Where the secrets rest, and a store that the app implements.

use std::fmt;
use std::sync::Arc;

use auth_session::{
    FileStore, HostBytes, HostLoad, HostStore, InMemoryStore, SessionConfig, Slot, StoreError,
};
use zeroize::Zeroizing;

use crate::callback::AppFailure;

/// Where the secrets rest.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum StoreKind {
    /// In memory only: a new store for each opening.
    Memory,
    /// In files of this directory, protected by file permissions alone.
    File { path: String },
    /// In a place of the app's own. Two of the same name are the same place. Processes that share the place name a
    /// directory that they share, for their locks.
    App { name: String, store: Arc<dyn StoreCallbacks>, shared_directory: Option<String> },
}

impl StoreKind {
    pub(crate) fn configure(self, config: SessionConfig) -> SessionConfig {
        match self {
            Self::Memory => config.store(InMemoryStore::new()),
            Self::File { path } => config.store(FileStore::new(path)),
            Self::App { name, store, shared_directory } => {
                let store = HostStore::new(&name, AppBytes(store));
                match shared_directory {
                    Some(path) => config.store(store.shared_directory(path)),
                    None => config.store(store),
                }
            }
        }
    }
}

/// A place for secrets that the app implements. Its calls may block; they come from threads of the library, one at a
/// time for one account.
#[uniffi::export(foreign)]
pub trait StoreCallbacks: Send + Sync {
    /// What was written last for this account; `None` if nothing ever was. Changes nothing.
    fn load(&self, namespace: String, account: String) -> Result<Option<Arc<StoredContent>>, AppFailure>;

    /// Replaces what is stored for this account: durable and whole when it returns, unchanged where it throws.
    fn replace(
        &self,
        namespace: String,
        account: String,
        content: Arc<StoredContent>,
    ) -> Result<(), AppFailure>;
}

/// What is stored for an account: bytes that hold tokens. Its text form shows none of them.
#[derive(uniffi::Object)]
#[uniffi::export(Debug, Display)]
pub struct StoredContent(Zeroizing<Vec<u8>>);

#[uniffi::export]
impl StoredContent {
    /// What the app has read from its place.
    #[uniffi::constructor]
    pub fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self(Zeroizing::new(bytes)))
    }

    /// The bytes to keep. Whoever calls this keeps them out of logs and errors.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Debug for StoredContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StoredContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredContent({} bytes)", self.0.len())
    }
}

/// The app's place as the core sees it.
struct AppBytes(Arc<dyn StoreCallbacks>);

impl fmt::Debug for AppBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppBytes")
    }
}

impl HostBytes for AppBytes {
    fn load(&self, slot: &Slot) -> HostLoad {
        match self.0.load(slot.namespace.clone(), slot.account.clone()) {
            Ok(Some(content)) => HostLoad::Found(content.0.clone()),
            Ok(None) => HostLoad::Absent,
            Err(AppFailure::Locked) => HostLoad::Locked,
            Err(AppFailure::Unrecoverable) => HostLoad::Unrecoverable,
            Err(AppFailure::Failed { reason }) => HostLoad::Transient(reason),
        }
    }

    fn replace(&self, slot: &Slot, content: &[u8]) -> Result<(), StoreError> {
        let content = StoredContent::new(content.to_vec());
        self.0.replace(slot.namespace.clone(), slot.account.clone(), content).map_err(|failure| match failure
        {
            AppFailure::Locked => StoreError::Locked,
            failure => StoreError::Transient(failure.to_string()),
        })
    }
}
