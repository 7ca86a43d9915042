//! What the file of a slot holds in the store of Android's Keystore, as far as it is read without the key. The first
//! line is the header of a sealed session without its digest; or the input is the whole file.

#![no_main]

use auth_session::Entry;
use auth_session::fuzzing::{sealed, sealed_with_checksum, slot};
use fuzz::line;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, u16, u8, &[u8])| {
    let (whole, place, bit, bytes) = input;
    let (header, body) = line(bytes);
    let header = format!("authsession-sealed 1 {}", String::from_utf8_lossy(header));
    let made_up = sealed_with_checksum(&header, body);
    let bytes = if whole { bytes } else { &made_up };
    let Ok((generation, content)) = sealed(bytes) else { return };
    match content {
        Ok(tombstone) => {
            assert_eq!(Entry::decode(&slot(), bytes), Ok((Entry::Ended(tombstone), generation)));
        }
        Err(encoded) => {
            assert!(Entry::decode(&slot(), bytes).is_err(), "it is no record in the clear");
            assert_eq!(sealed(&encoded), Ok((generation, Err(encoded.clone()))), "what is written is read");
        }
    }
    let at = usize::from(place) % bytes.len();
    let mut changed = bytes.to_vec();
    changed[at] ^= 1 << (bit % 8);
    assert!(sealed(&changed).is_err(), "a changed bit went unnoticed");
    assert!(sealed(&bytes[..at]).is_err(), "so did a cut");
});
