//! The seam to the Keychain: the four calls of Apple's SecItem API, and what is put into their dictionaries.
//! Everything above it is tested without a device; what is below only translates.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::status::Status;
use crate::store::keychain::KeychainGate;

/// An entry of a dictionary for one of the calls. All are about generic passwords (`kSecClassGenericPassword`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// `kSecAttrService`
    Service(String),
    /// `kSecAttrAccount`
    Account(String),
    /// `kSecAttrAccessGroup`
    AccessGroup(String),
    /// `kSecAttrSynchronizable`: whether the item goes to the user's other devices through iCloud.
    Synchronizable(bool),
    /// `kSecUseDataProtectionKeychain`: without it macOS uses the file-based keychain, which knows neither
    /// accessibility nor access groups. It says nothing elsewhere.
    DataProtection(bool),
    /// `kSecAttrAccessible` with `kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly`.
    AccessibleAfterFirstUnlock,
    /// `kSecAttrAccessControl`, of the same accessibility; it takes the place of `kSecAttrAccessible`.
    AccessControl(KeychainGate),
    /// `kSecValueData`
    Data(Data),
}

/// Bytes to keep, overwritten when nobody holds them any more.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Data(pub(super) Arc<Zeroizing<Vec<u8>>>);

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The calls. Each may block: for the security daemon, and for a user who is asked to unlock an item.
pub(super) trait SecItem: Send + Sync + 'static {
    /// `SecItemCopyMatching`: the data of one item that matches.
    fn copy_matching(&self, query: &[Attribute]) -> Result<Zeroizing<Vec<u8>>, Status>;

    /// `SecItemAdd`
    fn add(&self, attributes: &[Attribute]) -> Status;

    /// `SecItemUpdate`: of all items that match.
    fn update(&self, query: &[Attribute], changes: &[Attribute]) -> Status;

    /// `SecItemDelete`: of all items that match.
    fn delete(&self, query: &[Attribute]) -> Status;
}
