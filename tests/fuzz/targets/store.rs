//! A store of bytes that finds anything in its place, as files, the Keychain and a store of the app's do: what it reads,
//! and what it writes over it. All three read and write by the same functions.

#![no_main]

use std::sync::Mutex;

use auth_session::fuzzing::{record, slot, with_checksum};
use auth_session::{
    Entry, Expected, Generation, HostBytes, HostLoad, HostStore, Load, SecretStore, Slot, StoreError,
};
use fuzz::line;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default)]
struct Place(Mutex<Vec<u8>>);

impl HostBytes for Place {
    fn load(&self, _: &Slot) -> HostLoad {
        HostLoad::Found(self.0.lock().expect("no panic").clone().into())
    }

    fn replace(&self, _: &Slot, content: &[u8]) -> Result<(), StoreError> {
        *self.0.lock().expect("no panic") = content.to_vec();
        Ok(())
    }
}

// The first line is the header without its digest; `whole`: the bytes are what the place holds.
fuzz_target!(|input: (bool, u64, u8, &[u8])| {
    let (whole, expected, how, bytes) = input;
    let bytes = if whole {
        bytes.to_vec()
    } else {
        let (header, body) = line(bytes);
        with_checksum(&format!("authsession-record {}", String::from_utf8_lossy(header)), body)
    };
    let expected = match how % 3 {
        0 => Expected::Any,
        1 => Expected::Generation(Generation(expected)),
        _ => Expected::Nothing { after: Generation(expected) },
    };
    let store = HostStore::new("fuzz", Place(Mutex::new(bytes.clone())));
    let before = store.load(&slot());
    let present = match &before {
        Load::Found(_, generation) | Load::Tombstone(_, generation) => Some(*generation),
        Load::Corrupt(_) => None,
        Load::UnknownVersion => {
            assert!(
                bytes.starts_with(b"authsession-record "),
                "nobody's bytes were taken for another version's"
            );
            None
        }
        other => panic!("{other:?}"),
    };
    let saved = store.save(&slot(), &record(Some("a"), Some("r")), expected);
    let now = store.load(&slot());
    match &saved {
        Ok(generation) => {
            assert_ne!(before, Load::UnknownVersion, "a later version's session was overwritten");
            let allowed = match (expected, present) {
                (Expected::Any, _) | (_, None) => true,
                (Expected::Generation(expected), Some(present)) => expected == present,
                (Expected::Nothing { .. }, Some(_)) => false,
            };
            assert!(allowed, "a save that was not expected");
            assert!(matches!(now, Load::Found(_, written) if written == *generation));
            assert!(present.is_none_or(|present| *generation > present || present.0 == u64::MAX));
        }
        Err(_) => assert_eq!(now, before, "a save that failed has changed something"),
    }
    // The user's own sign-out replaces whatever is there.
    let tombstone = Entry::decode(&slot(), &ended()).map(|(entry, _)| entry);
    let Ok(Entry::Ended(tombstone)) = tombstone else { panic!("a tombstone") };
    let erased = store.erase(&slot(), &tombstone, Expected::Any).expect("it is what the user wants");
    assert_eq!(store.load(&slot()), Load::Tombstone(tombstone, erased));
});

fn ended() -> Vec<u8> {
    with_checksum("authsession-record 1 ended 1", br#"{"reason":"user"}"#)
}
