//! What every store promises, as tests that each store runs.

use crate::event::SignOutReason;
use crate::lifecycle::machine::Times;
use crate::lifecycle::record::{AttemptId, MAX_ENCODED_BYTES, Record, Tombstone};
use crate::secret::Secret;
use crate::store::{Expected, Generation, Load, SecretStore, Slot, StoreError};

/// A store with nothing in it, and what keeps it alive.
pub(super) trait Fixture {
    fn store(&self) -> &dyn SecretStore;
}

/// One whose store keeps encoded entries, which a test may replace behind its back.
pub(super) trait Bytes: Fixture {
    fn put(&self, slot: &Slot, bytes: &[u8]);
    fn get(&self, slot: &Slot) -> Vec<u8>;
}

pub(super) fn slot() -> Slot {
    Slot { namespace: "app".into(), account: "main".into() }
}

pub(super) fn record(refresh_token: &str) -> Record {
    let id = AttemptId::random().expect("random bytes");
    Record {
        refresh_token: Some(Secret::new(refresh_token)),
        access_token: None,
        expires_at: None,
        lifetime: None,
        attempt: id.clone(),
        lineage: id,
        subject: None,
        device: None,
        times: Times::default(),
    }
}

pub(super) fn tombstone() -> Tombstone {
    Tombstone { reason: SignOutReason::User }
}

/// The refresh token that the store holds.
pub(super) fn held(store: &dyn SecretStore, slot: &Slot) -> Option<Secret> {
    match store.load(slot) {
        Load::Found(record, _) => record.refresh_token,
        _ => None,
    }
}

pub(super) fn a_save_counts_only_on_the_generation_that_it_expects(fixture: &impl Fixture) {
    let store = fixture.store();
    assert_eq!(store.load(&slot()), Load::Absent);
    let first = store.save(&slot(), &record("1"), Expected::Any).expect("a store");
    let second = store.save(&slot(), &record("2"), Expected::Generation(first)).expect("as expected");
    let late = store.save(&slot(), &record("late"), Expected::Generation(first));
    assert_eq!(late, Err(StoreError::Conflict));
    assert!(matches!(store.load(&slot()), Load::Found(found, generation)
        if found.refresh_token == Some(Secret::new("2")) && generation == second));
}

pub(super) fn after_a_tombstone_a_late_save_does_not_bring_the_session_back(fixture: &impl Fixture) {
    let store = fixture.store();
    let first = store.save(&slot(), &record("1"), Expected::Any).expect("a store");
    store.erase(&slot(), &tombstone(), Expected::Any).expect("erased");
    let late = store.save(&slot(), &record("late"), Expected::Generation(first));
    assert_eq!(late, Err(StoreError::Conflict));
    assert!(matches!(store.load(&slot()), Load::Tombstone(found, _) if found == tombstone()));
    store.save(&slot(), &record("next"), Expected::Any).expect("the user signs in again");
    assert_eq!(held(store, &slot()), Some(Secret::new("next")));
}

pub(super) fn an_erasure_that_expects_an_older_generation_erases_nothing(fixture: &impl Fixture) {
    let store = fixture.store();
    let first = store.save(&slot(), &record("1"), Expected::Any).expect("a store");
    store.save(&slot(), &record("2"), Expected::Generation(first)).expect("as expected");
    assert_eq!(store.erase(&slot(), &tombstone(), Expected::Generation(first)), Err(StoreError::Conflict));
    assert_eq!(held(store, &slot()), Some(Secret::new("2")));
}

pub(super) fn where_nothing_is_expected_nothing_is_replaced_and_the_count_goes_on(fixture: &impl Fixture) {
    let store = fixture.store();
    let nothing = Expected::Nothing { after: Generation(7) };
    assert_eq!(store.save(&slot(), &record("1"), nothing), Ok(Generation(8)));
    assert_eq!(store.save(&slot(), &record("2"), nothing), Err(StoreError::Conflict));
    store.erase(&slot(), &tombstone(), Expected::Any).expect("erased");
    assert_eq!(store.save(&slot(), &record("2"), nothing), Err(StoreError::Conflict));
}

pub(super) fn accounts_and_namespaces_do_not_touch_each_other(fixture: &impl Fixture) {
    let store = fixture.store();
    let slots = [("app", "main"), ("ap", "pmain"), ("app", "other"), ("other", "main"), ("main", "app")]
        .map(|(namespace, account)| Slot { namespace: namespace.into(), account: account.into() });
    for (number, slot) in slots.iter().enumerate() {
        assert_eq!(store.load(slot), Load::Absent);
        store.save(slot, &record(&number.to_string()), Expected::Any).expect("a store");
    }
    store.erase(&slots[0], &tombstone(), Expected::Any).expect("erased");
    for (number, slot) in slots.iter().enumerate().skip(1) {
        assert_eq!(held(store, slot), Some(Secret::new(number.to_string())));
    }
}

pub(super) fn a_record_of_a_later_version_is_kept_by_a_save_and_replaced_by_a_sign_out(fixture: &impl Bytes) {
    let store = fixture.store();
    let first = store.save(&slot(), &record("1"), Expected::Any).expect("a store");
    let later = b"authsession-record 2 live 9 00\n{}";
    fixture.put(&slot(), later);
    assert_eq!(store.load(&slot()), Load::UnknownVersion);
    for expected in [Expected::Any, Expected::Generation(first)] {
        assert!(store.save(&slot(), &record("2"), expected).is_err());
        assert_eq!(fixture.get(&slot()), later);
    }
    let unasked = store.erase(&slot(), &tombstone(), Expected::Generation(first));
    assert_eq!((unasked, fixture.get(&slot())), (Err(StoreError::Conflict), later.to_vec()));
    store.erase(&slot(), &tombstone(), Expected::Any).expect("the user decided");
    assert!(matches!(store.load(&slot()), Load::Tombstone(..)));
}

pub(super) fn a_damaged_record_is_reported_and_kept_until_the_next_save_replaces_it(fixture: &impl Bytes) {
    let store = fixture.store();
    let first = store.save(&slot(), &record("1"), Expected::Any).expect("a store");
    let mut flipped = fixture.get(&slot());
    *flipped.last_mut().expect("a record is not empty") ^= 1;
    let too_long = [&fixture.get(&slot()), &vec![b' '; MAX_ENCODED_BYTES][..]].concat();
    for damage in [&b""[..], b"authsession-record 1 live 1", &flipped, &too_long] {
        fixture.put(&slot(), damage);
        assert!(matches!(store.load(&slot()), Load::Corrupt(_)));
        assert_eq!(fixture.get(&slot()), damage);
        store.save(&slot(), &record("2"), Expected::Generation(first)).expect("it is replaced");
        assert_eq!(held(store, &slot()), Some(Secret::new("2")));
    }
}

pub(super) fn a_record_that_was_put_into_another_account_s_place_is_not_read_there(fixture: &impl Bytes) {
    let store = fixture.store();
    let other = Slot { namespace: "app".into(), account: "other".into() };
    for slot in [&slot(), &other] {
        store.save(slot, &record("1"), Expected::Any).expect("a store");
    }
    fixture.put(&other, &fixture.get(&slot()));
    assert!(matches!(store.load(&other), Load::Corrupt(_)));
}

pub(super) fn what_a_sign_out_leaves_behind_holds_nothing_of_the_session(fixture: &impl Bytes) {
    let id = AttemptId::named("canary");
    let whole = Record {
        access_token: Some(Secret::new("canary")),
        subject: Some("canary".into()),
        device: Some("canary".into()),
        attempt: id.clone(),
        lineage: id,
        ..record("canary")
    };
    let store = fixture.store();
    store.save(&slot(), &whole, Expected::Any).expect("a store");
    let holds_some = || String::from_utf8_lossy(&fixture.get(&slot())).contains("canary");
    assert!(holds_some());
    store.erase(&slot(), &tombstone(), Expected::Any).expect("erased");
    assert!(!holds_some());
}

/// Runs the promises of every store on what `$fresh` makes, one test for each.
macro_rules! every_store {
    ($fresh:expr) => {
        $crate::store::contract::promises! { $fresh =>
            a_save_counts_only_on_the_generation_that_it_expects,
            after_a_tombstone_a_late_save_does_not_bring_the_session_back,
            an_erasure_that_expects_an_older_generation_erases_nothing,
            where_nothing_is_expected_nothing_is_replaced_and_the_count_goes_on,
            accounts_and_namespaces_do_not_touch_each_other,
        }
    };
}

/// The same for those of stores of encoded entries.
macro_rules! every_store_of_bytes {
    ($fresh:expr) => {
        $crate::store::contract::promises! { $fresh =>
            a_record_of_a_later_version_is_kept_by_a_save_and_replaced_by_a_sign_out,
            a_damaged_record_is_reported_and_kept_until_the_next_save_replaces_it,
            a_record_that_was_put_into_another_account_s_place_is_not_read_there,
            what_a_sign_out_leaves_behind_holds_nothing_of_the_session,
        }
    };
}

macro_rules! promises {
    ($fresh:expr => $($promise:ident,)*) => {
        $(
            #[test]
            fn $promise() {
                $crate::store::contract::$promise(&$fresh);
            }
        )*
    };
}

pub(super) use {every_store, every_store_of_bytes, promises};
