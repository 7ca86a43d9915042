//! Where the secrets rest, and a store that the app implements.

use std::fmt;
use std::sync::Arc;

use auth_session::{
    Error, FileStore, HostBytes, HostLoad, HostStore, InMemoryStore, SessionConfig, Slot, StoreError,
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
    /// In the Apple Keychain; nowhere else.
    Keychain { options: KeychainOptions },
    /// Under a key of the Android Keystore; nowhere else.
    Keystore { options: KeystoreOptions },
    /// In a place of the app's own. Two of the same name are the same place. Processes that share the place name a
    /// directory that they share, for their locks.
    App { name: String, store: Arc<dyn StoreCallbacks>, shared_directory: Option<String> },
}

impl StoreKind {
    pub(crate) fn configure(self, config: SessionConfig) -> Result<SessionConfig, Error> {
        Ok(match self {
            Self::Memory => config.store(InMemoryStore::new()),
            Self::File { path } => config.store(FileStore::new(path)),
            Self::Keychain { options } => options.configure(config)?,
            Self::Keystore { options } => options.configure(config)?,
            Self::App { name, store, shared_directory } => {
                let store = HostStore::new(&name, AppBytes(store));
                match shared_directory {
                    Some(path) => config.store(store.shared_directory(path)),
                    None => config.store(store),
                }
            }
        })
    }
}

/// How the Android Keystore is used.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct KeystoreOptions {
    /// Where the files are, instead of the directory of files that are not backed up.
    #[uniffi(default = None)]
    pub directory: Option<String>,
    #[uniffi(default = false)]
    pub strong_box: bool,
    #[uniffi(default = false)]
    pub unlocked_device_required: bool,
    /// How long ago the user may have authenticated.
    #[uniffi(default = None)]
    pub user_authentication_ms: Option<u64>,
}

impl KeystoreOptions {
    #[cfg(any(target_os = "android", feature = "keystore"))]
    fn configure(self, config: SessionConfig) -> Result<SessionConfig, Error> {
        let mut store = auth_session::KeystoreStore::new()?;
        if let Some(directory) = self.directory {
            store = store.directory(directory);
        }
        if self.strong_box {
            store = store.strong_box();
        }
        if self.unlocked_device_required {
            store = store.unlocked_device_required();
        }
        if let Some(milliseconds) = self.user_authentication_ms {
            store = store.user_authentication(std::time::Duration::from_millis(milliseconds));
        }
        Ok(config.store(store))
    }

    #[cfg(not(any(target_os = "android", feature = "keystore")))]
    fn configure(self, _: SessionConfig) -> Result<SessionConfig, Error> {
        let expected = "a store that this system has: the Keystore is Android's".to_owned();
        Err(Error::InvalidConfiguration { field: "store", expected })
    }
}

/// How the Apple Keychain is used.
#[derive(uniffi::Record)]
#[allow(missing_docs)]
pub struct KeychainOptions {
    #[uniffi(default = None)]
    pub access_group: Option<String>,
    /// Where the processes that share the access group keep their locks.
    #[uniffi(default = None)]
    pub shared_directory: Option<String>,
    /// What the user is asked for at each reading and writing.
    #[uniffi(default = None)]
    pub gate: Option<UserGate>,
    /// Deletes what an installation before this one left behind; the directory goes with the app.
    #[uniffi(default = None)]
    pub purge_after_reinstall: Option<String>,
    /// Tells whether protected data can be read.
    #[uniffi(default = None)]
    pub protected_data: Option<Arc<dyn ProtectedDataCallbacks>>,
}

/// What a user is asked for.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum UserGate {
    /// Biometry or the passcode.
    UserPresence,
    Biometry,
}

/// Tells whether protected data can be read. Called on threads of the library; it must not block.
#[uniffi::export(foreign)]
pub trait ProtectedDataCallbacks: Send + Sync {
    /// What `UIApplication.isProtectedDataAvailable` said last. An exception counts as no.
    fn is_available(&self) -> Result<bool, AppFailure>;
}

impl KeychainOptions {
    #[cfg(target_vendor = "apple")]
    fn configure(self, config: SessionConfig) -> Result<SessionConfig, Error> {
        use auth_session::{KeychainConfig, KeychainGate, KeychainStore};

        let mut keychain = KeychainConfig::new();
        if let Some(group) = self.access_group {
            keychain = keychain.access_group(group);
        }
        if let Some(directory) = self.shared_directory {
            keychain = keychain.shared_directory(directory);
        }
        if let Some(gate) = self.gate {
            keychain = keychain.gate(match gate {
                UserGate::UserPresence => KeychainGate::UserPresence,
                UserGate::Biometry => KeychainGate::Biometry,
            });
        }
        if let Some(directory) = self.purge_after_reinstall {
            keychain = keychain.purge_after_reinstall(directory);
        }
        if let Some(protected) = self.protected_data {
            keychain = keychain.protected_data_available(move || protected.is_available().unwrap_or(false));
        }
        Ok(config.store(KeychainStore::new(keychain)?))
    }

    #[cfg(not(target_vendor = "apple"))]
    fn configure(self, _: SessionConfig) -> Result<SessionConfig, Error> {
        let expected = "a store that this system has: the Keychain is Apple's".to_owned();
        Err(Error::InvalidConfiguration { field: "store", expected })
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
