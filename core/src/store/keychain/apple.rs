//! The calls as Apple's Security framework has them. No rule is here: this cannot be run without a device.

use core_foundation::base::{CFType, CFTypeRef, TCFType};
use core_foundation::boolean::CFBoolean;
use core_foundation::data::CFData;
use core_foundation::dictionary::CFDictionary;
use core_foundation::string::{CFString, CFStringRef};
use security_framework::access_control::{ProtectionMode, SecAccessControl};
use security_framework_sys::access_control as accessibility;
use security_framework_sys::item as keys;
use security_framework_sys::keychain_item::{SecItemAdd, SecItemCopyMatching, SecItemDelete, SecItemUpdate};
use zeroize::Zeroizing;

use super::KeychainGate;
use super::item::{Attribute, SecItem};
use super::status::Status;

type Dictionary = CFDictionary<CFString, CFType>;

#[allow(unsafe_code)]
mod missing {
    use super::CFStringRef;

    // SAFETY: declared in SecItem.h as `extern const CFStringRef`; the Security framework, which
    // security-framework-sys links, defines it on all of Apple's systems.
    unsafe extern "C" {
        pub(super) static kSecAttrAccessible: CFStringRef;
    }
}

/// The Keychain of this device.
pub(super) struct SecItems;

impl SecItem for SecItems {
    fn copy_matching(&self, query: &[Attribute]) -> Result<Zeroizing<Vec<u8>>, Status> {
        // Without a limit one item is returned, which is all that an identity matches.
        let mut query = entries(query)?;
        query.push((key(Key::ReturnData), CFBoolean::true_value().into_CFType()));
        copy(&Dictionary::from_CFType_pairs(&query))
    }

    fn add(&self, attributes: &[Attribute]) -> Status {
        dictionary(attributes).map_or_else(|status| status, |attributes| add(&attributes))
    }

    fn update(&self, query: &[Attribute], changes: &[Attribute]) -> Status {
        // The class says which items are meant; it is no attribute that could be changed.
        let changes = changes.iter().map(entry).collect::<Result<Vec<_>, _>>();
        match (dictionary(query), changes) {
            (Ok(query), Ok(changes)) => update(&query, &Dictionary::from_CFType_pairs(&changes)),
            (Err(status), _) | (_, Err(status)) => status,
        }
    }

    fn delete(&self, query: &[Attribute]) -> Status {
        dictionary(query).map_or_else(|status| status, |query| delete(&query))
    }
}

fn dictionary(attributes: &[Attribute]) -> Result<Dictionary, Status> {
    Ok(Dictionary::from_CFType_pairs(&entries(attributes)?))
}

fn entries(attributes: &[Attribute]) -> Result<Vec<(CFString, CFType)>, Status> {
    let mut entries = vec![(key(Key::Class), key(Key::GenericPassword).into_CFType())];
    for attribute in attributes {
        entries.push(entry(attribute)?);
    }
    Ok(entries)
}

fn entry(attribute: &Attribute) -> Result<(CFString, CFType), Status> {
    let text = |text: &String| CFString::new(text).into_CFType();
    let flag = |flag: &bool| CFBoolean::from(*flag).into_CFType();
    Ok(match attribute {
        Attribute::Service(service) => (key(Key::Service), text(service)),
        Attribute::Account(account) => (key(Key::Account), text(account)),
        Attribute::AccessGroup(group) => (key(Key::AccessGroup), text(group)),
        Attribute::Synchronizable(yes) => (key(Key::Synchronizable), flag(yes)),
        Attribute::DataProtection(yes) => (key(Key::DataProtection), flag(yes)),
        Attribute::AccessibleAfterFirstUnlock => {
            (key(Key::Accessible), key(Key::AfterFirstUnlockThisDeviceOnly).into_CFType())
        }
        Attribute::AccessControl(gate) => (key(Key::AccessControl), access_control(*gate)?.into_CFType()),
        // Not a copy: the bytes are overwritten when Core Foundation gives them back.
        Attribute::Data(data) => (key(Key::Data), CFData::from_arc(data.0.clone()).into_CFType()),
    })
}

fn access_control(gate: KeychainGate) -> Result<SecAccessControl, Status> {
    let flags = match gate {
        KeychainGate::UserPresence => accessibility::kSecAccessControlUserPresence,
        KeychainGate::Biometry => accessibility::kSecAccessControlBiometryAny,
    };
    let accessible = ProtectionMode::AccessibleAfterFirstUnlockThisDeviceOnly;
    SecAccessControl::create_with_protection(Some(accessible), flags).map_err(|error| Status(error.code()))
}

#[derive(Clone, Copy)]
enum Key {
    Class,
    GenericPassword,
    Service,
    Account,
    AccessGroup,
    Synchronizable,
    DataProtection,
    Accessible,
    AfterFirstUnlockThisDeviceOnly,
    AccessControl,
    Data,
    ReturnData,
}

#[allow(unsafe_code)]
fn key(key: Key) -> CFString {
    // SAFETY: these are constant strings of the Security framework: never null, never freed, and never written to.
    unsafe {
        CFString::wrap_under_get_rule(match key {
            Key::Class => keys::kSecClass,
            Key::GenericPassword => keys::kSecClassGenericPassword,
            Key::Service => keys::kSecAttrService,
            Key::Account => keys::kSecAttrAccount,
            Key::AccessGroup => keys::kSecAttrAccessGroup,
            Key::Synchronizable => keys::kSecAttrSynchronizable,
            Key::DataProtection => keys::kSecUseDataProtectionKeychain,
            Key::Accessible => missing::kSecAttrAccessible,
            Key::AfterFirstUnlockThisDeviceOnly => {
                accessibility::kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
            }
            Key::AccessControl => keys::kSecAttrAccessControl,
            Key::Data => keys::kSecValueData,
            Key::ReturnData => keys::kSecReturnData,
        })
    }
}

#[allow(unsafe_code)]
fn copy(query: &Dictionary) -> Result<Zeroizing<Vec<u8>>, Status> {
    let mut found: CFTypeRef = std::ptr::null();
    // SAFETY: the dictionary lives until the call returns, and `found` is a place for one reference.
    let status = Status(unsafe { SecItemCopyMatching(query.as_concrete_TypeRef(), &mut found) });
    // SAFETY: what a function with "Copy" in its name returns is the caller's to release, and it is not null.
    let found = (!found.is_null()).then(|| unsafe { CFType::wrap_under_create_rule(found) });
    if status != Status::SUCCESS {
        return Err(status);
    }
    // An item without data is there, and holds no record.
    let data = found.and_then(|found| found.downcast::<CFData>());
    // The system's own copy is immutable and out of reach; this one is ours.
    Ok(Zeroizing::new(data.map(|data| data.bytes().to_vec()).unwrap_or_default()))
}

#[allow(unsafe_code)]
fn add(attributes: &Dictionary) -> Status {
    // SAFETY: the dictionary lives until the call returns; a null result asks for none.
    Status(unsafe { SecItemAdd(attributes.as_concrete_TypeRef(), std::ptr::null_mut()) })
}

#[allow(unsafe_code)]
fn update(query: &Dictionary, changes: &Dictionary) -> Status {
    // SAFETY: both dictionaries live until the call returns.
    Status(unsafe { SecItemUpdate(query.as_concrete_TypeRef(), changes.as_concrete_TypeRef()) })
}

#[allow(unsafe_code)]
fn delete(query: &Dictionary) -> Status {
    // SAFETY: the dictionary lives until the call returns.
    Status(unsafe { SecItemDelete(query.as_concrete_TypeRef()) })
}
