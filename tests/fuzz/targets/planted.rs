//! A fault that only coverage leads to: the tier fuzzes this target first, and fails if it is not found.

#![no_main]

use std::time::{Duration, SystemTime};

use auth_session::fuzzing::retry_after;
use libfuzzer_sys::fuzz_target;

/// 64 bits that no luck brings together within seconds.
const MAGIC: u64 = u64::from_be_bytes(*b"planted!");

fuzz_target!(|input: &[u8]| {
    let Some((magic, rest)) = input.split_first_chunk() else { return };
    if u64::from_be_bytes(*magic) == MAGIC {
        let pause = std::str::from_utf8(rest).ok().and_then(|text| retry_after(text, SystemTime::UNIX_EPOCH));
        assert!(pause.is_none_or(|pause| pause > Duration::from_secs(60)), "the planted fault");
    }
});
