//! What a store holds: bytes of any kind, and bytes whose digest is right. And the session that comes of it.

#![no_main]

use std::time::Duration;

use auth_session::fuzzing::{Answer, Authority, Session, slot, with_checksum};
use auth_session::{Entry, Generation, HeaderMap, JsonDialect, Load, StatusCode};
use fuzz::{at, is_header_safe};
use libfuzzer_sys::fuzz_target;

const ANSWER: &[u8] = br#"{"access_token":"next","refresh_token":"other","expires_in":60}"#;

// `whole`: the bytes are what the store holds. Else they are the body of a record.
fuzz_target!(|input: (bool, u64, u64, u16, u8, &[u8])| {
    let (whole, generation, wall, place, bit, bytes) = input;
    let bytes = if whole {
        bytes.to_vec()
    } else {
        with_checksum(&format!("authsession-record 1 live {generation}"), bytes)
    };
    let Ok((entry, written)) = Entry::decode(&slot(), &bytes) else { return };
    assert!(whole || written == Generation(generation));

    let encoded = entry.encode(&slot(), written);
    assert_eq!(Entry::decode(&slot(), &encoded), Ok((entry.clone(), written)), "what is written is read");
    for bytes in [&bytes[..], &encoded] {
        let mut changed = bytes.to_vec();
        changed[usize::from(place) % bytes.len()] ^= 1 << (bit % 8);
        assert!(Entry::decode(&slot(), &changed).is_err(), "a changed bit went unnoticed");
        assert!(Entry::decode(&slot(), &bytes[..usize::from(place) % bytes.len()]).is_err(), "so did a cut");
    }

    let Entry::Live(record) = entry else { return };
    let mut session = Session::restore(Load::Found(record, written), at(wall), None, None);
    assert!(session.is_signed_in());
    let authority = Authority::new(JsonDialect::default()).expect("no mistake");
    for _ in 0..3 {
        match session.token() {
            Ok(Some(token)) => {
                assert!(is_header_safe(&token), "a token that no header can hold was handed out")
            }
            // What names it goes into headers.
            Ok(None) => assert!(session.refreshes().is_some_and(|[attempt, _]| !attempt.is_empty())),
            Err(error) => assert_ne!(error.code(), "internal"),
        }
        session.answered(
            &authority,
            &Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: ANSWER.to_vec() },
        );
        session.pass(Duration::from_secs(u64::from(place) * 60));
        assert!(session.is_signed_in(), "nothing of that ends a session");
    }
    let saved = session.encoded().expect("a record");
    assert!(matches!(Entry::decode(&slot(), &saved), Ok((Entry::Live(_), _))), "what is saved can be read");
    session.sign_out();
    let left = session.encoded().expect("a tombstone");
    assert!(matches!(Entry::decode(&slot(), &left), Ok((Entry::Ended(_), _))));
    assert!(left.len() < 200, "a tombstone holds a reason and nothing else");
});
