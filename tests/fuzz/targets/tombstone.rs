//! What is left when a session has ended: read in every store, holding no secret, and never taken for a session.

#![no_main]

use auth_session::fuzzing::{reason, sealed, slot, with_checksum};
use auth_session::{Entry, Generation, SignOutReason};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

// `whole`: the bytes are what the store holds. Else they are the body of a tombstone.
fuzz_target!(|input: (bool, u64, u16, u8, &[u8])| {
    let (whole, generation, place, bit, body) = input;
    let made_up = with_checksum(&format!("authsession-record 1 ended {generation}"), body);
    let bytes = if whole { body } else { &made_up };
    let Ok((entry, written)) = Entry::decode(&slot(), bytes) else { return };
    let Entry::Ended(tombstone) = &entry else {
        assert!(whole, "a tombstone was taken for a session");
        return;
    };
    // What serde passes over may be no text at all, which is no JSON to others.
    if let Some(json) = serde_json::from_slice::<Value>(body).ok().filter(|_| !whole) {
        let name = json.get("reason").or_else(|| json.get(0)).and_then(Value::as_str);
        let known = SignOutReason::ALL.into_iter().find(|reason| Some(reason.name()) == name);
        // A reason of a later version is still the end of the session.
        assert_eq!(reason(tombstone), known.unwrap_or(SignOutReason::Elsewhere));
    }
    // What is written of it says why, and nothing that stood beside it.
    let encoded = entry.encode(&slot(), written);
    let bodies = SignOutReason::ALL.map(|reason| format!("{{\"reason\":\"{}\"}}", reason.name()));
    let (_, rest) = fuzz::line(&encoded);
    assert!(bodies.iter().any(|body| body.as_bytes() == rest));
    assert_eq!(Entry::decode(&slot(), &encoded), Ok((entry.clone(), written)));
    // The store of Android's Keystore reads it without a key.
    assert_eq!(sealed(bytes), Ok((written, Ok(tombstone.clone()))));
    let mut changed = bytes.to_vec();
    changed[usize::from(place) % bytes.len()] ^= 1 << (bit % 8);
    assert!(Entry::decode(&slot(), &changed).is_err() && sealed(&changed).is_err());
    assert!(whole || written == Generation(generation));
});
