//! Does one thing with a store in a process of its own, for tests that kill and restart it. Arguments: where the
//! Keystore keeps its keys, the directory of the store, what to do, and with what.

use std::io::Write;
use std::path::Path;

use auth_session::{Expected, KeystoreStore, Load, SecretStore, StoreError};
use keystore_tests::{initialize, record, slot, tell};

/// Several blocks of a file, in bytes.
const LONG: usize = 4096;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("an argument");
    let (keys, directory, act) = (next(), next(), next());
    initialize();
    tell("reset");
    tell(&format!("keep {keys}"));
    let store = KeystoreStore::new().expect("it is initialised").directory(Path::new(&directory));
    let slot = slot("main");
    let token = record("token");
    let save = {
        let (store, slot) = (store.clone(), slot.clone());
        move |record| store.save(&slot, &record, Expected::Any)
    };
    match act.as_str() {
        "load" => say(name(&store.load(&slot))),
        "save" => say(outcome(save(token))),
        // More than the limit that the test has set for the length of a file.
        "save_long" => say(outcome(save(record(&"x".repeat(LONG))))),
        "save_for_ever" => loop {
            say(outcome(save(token.clone())));
        },
        // Something that the Keystore is asked for takes for ever.
        "save_hanging" => {
            tell(&format!("hold {}", next()));
            let saving = std::thread::spawn(move || save(token));
            tell("await");
            say("held");
            saving.join().expect("no panic").expect("it was not released");
        }
        _ => panic!("there is no {act}"),
    }
}

fn outcome<T>(result: Result<T, StoreError>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(StoreError::Transient(_)) => "transient",
        Err(StoreError::Locked) => "locked",
        Err(StoreError::Conflict) => "conflict",
        Err(StoreError::Refused(_)) => "refused",
    }
}

fn name(load: &Load) -> &'static str {
    match load {
        Load::Found(..) => "found",
        Load::Tombstone(..) => "tombstone",
        Load::Absent => "absent",
        Load::Locked => "locked",
        Load::Transient(_) => "transient",
        Load::Refused(_) => "refused",
        Load::Corrupt(_) => "corrupt",
        Load::UnknownVersion => "unknown_version",
        Load::Unrecoverable => "unrecoverable",
    }
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).expect("the test reads");
}
