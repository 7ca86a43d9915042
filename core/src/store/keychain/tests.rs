use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::fake::{Accessible, Call, Death, Device, FakeKeychain, Item, User};
use super::*;
use crate::config::SessionConfig;
use crate::event::SessionState;
use crate::lifecycle::record::MAX_ENCODED_BYTES;
use crate::secret::Secret;
use crate::session::AuthSession;
use crate::store::Refusal;
use crate::store::contract::{self, Bytes, Fixture, held, record, slot, tombstone};

/// What the store does, by its kinds of writes.
#[derive(Clone, Copy, Debug)]
enum Write {
    Save,
    Erase,
}

impl Write {
    fn of(self, store: &impl SecretStore, expected: Expected) -> Result<Generation, StoreError> {
        match self {
            Self::Save => store.save(&slot(), &record("new"), expected),
            Self::Erase => store.erase(&slot(), &tombstone(), expected),
        }
    }
}

fn store_with(device: &FakeKeychain, config: KeychainConfig) -> Keychain<FakeKeychain> {
    Keychain::new(device.clone(), config).expect("settings that agree")
}

fn store_on(device: &FakeKeychain) -> Keychain<FakeKeychain> {
    store_with(device, KeychainConfig::new())
}

/// A device on which somebody has signed in.
fn signed_in() -> FakeKeychain {
    let device = FakeKeychain::new();
    store_on(&device).save(&slot(), &record("1"), Expected::Any).expect("saved");
    device.state().count_from_here();
    device
}

fn item(device: &FakeKeychain) -> Item {
    device.state().item("app", "main").cloned().expect("it is there")
}

impl Fixture for (FakeKeychain, Keychain<FakeKeychain>) {
    fn store(&self) -> &dyn SecretStore {
        &self.1
    }
}

impl Bytes for (FakeKeychain, Keychain<FakeKeychain>) {
    fn put(&self, slot: &Slot, bytes: &[u8]) {
        let mut state = self.0.state();
        let fits = |item: &&mut Item| item.service == slot.namespace && item.account == slot.account;
        state.items.iter_mut().find(fits).expect("it is there").data = bytes.to_vec();
    }

    fn get(&self, slot: &Slot) -> Vec<u8> {
        self.0.state().item(&slot.namespace, &slot.account).expect("it is there").data.clone()
    }
}

fn fresh() -> (FakeKeychain, Keychain<FakeKeychain>) {
    let device = FakeKeychain::new();
    (device.clone(), store_on(&device))
}

contract::every_store!(fresh());
contract::every_store_of_bytes!(fresh());

// Not found.

#[test]
fn before_the_first_unlock_a_session_is_locked_and_afterwards_it_is_there() {
    for state in [Device::Restarted, Device::Prewarming] {
        let device = signed_in();
        device.device(state);
        assert_eq!(store_on(&device).load(&slot()), Load::Locked, "{state:?}");
        device.device(Device::Unlocked);
        assert_eq!(held(&store_on(&device), &slot()), Some(Secret::new("1")));
    }
}

#[test]
fn before_the_first_unlock_nothing_is_absent_not_even_when_the_app_never_ran() {
    for state in [Device::Restarted, Device::Prewarming] {
        let device = FakeKeychain::new();
        device.device(state);
        assert_eq!(store_on(&device).load(&slot()), Load::Locked, "{state:?}");
        device.device(Device::Unlocked);
        assert_eq!(store_on(&device).load(&slot()), Load::Absent);
    }
}

#[test]
fn where_nothing_was_ever_saved_the_slot_is_absent_while_the_screen_is_locked_too() {
    let device = FakeKeychain::new();
    device.device(Device::Locked);
    assert_eq!(store_on(&device).load(&slot()), Load::Absent);
    assert!(device.state().item("app", "main").is_none(), "a load writes nothing into a slot");
}

#[test]
fn an_unlock_between_two_calls_makes_no_session_absent() {
    for at in 0..4 {
        let device = signed_in();
        device.device(Device::Prewarming);
        device.state().interruption = Some((at, Box::new(|state| state.device = Device::Unlocked)));
        let loaded = store_on(&device).load(&slot());
        assert!(matches!(loaded, Load::Found(..) | Load::Locked), "at call {at}: {loaded:?}");
    }
}

#[test]
fn a_marker_that_an_extension_adds_at_the_same_moment_proves_as_much() {
    let device = FakeKeychain::new();
    let other = FakeKeychain::new();
    assert_eq!(store_on(&other).load(&slot()), Load::Absent);
    let marker = other.state().items.clone();
    device.state().interruption = Some((2, Box::new(|state| state.items = marker)));
    assert_eq!(store_on(&device).load(&slot()), Load::Absent);
    assert_eq!(device.state().items.len(), 1);
}

#[test]
fn while_the_hook_says_that_protected_data_is_not_available_not_found_is_locked() {
    let available = Arc::new(AtomicBool::new(false));
    let hook = Arc::clone(&available);
    let config = KeychainConfig::new().protected_data_available(move || hook.load(Ordering::SeqCst));
    let device = FakeKeychain::new();
    let store = store_with(&device, config.clone());
    assert_eq!(store.load(&slot()), Load::Locked);
    assert!(device.state().items.is_empty());
    available.store(true, Ordering::SeqCst);
    assert_eq!(store.load(&slot()), Load::Absent);
    let device = signed_in();
    available.store(false, Ordering::SeqCst);
    assert_eq!(held(&store_with(&device, config), &slot()), Some(Secret::new("1")));
}

#[test]
fn before_the_first_unlock_nothing_is_written() {
    for state in [Device::Restarted, Device::Prewarming] {
        for write in [Write::Save, Write::Erase] {
            for expected in [Expected::Any, Expected::Generation(Generation(1))] {
                let device = signed_in();
                let before = device.state().items.clone();
                device.device(state);
                assert_eq!(write.of(&store_on(&device), expected), Err(StoreError::Locked), "{state:?}");
                assert_eq!(device.state().items, before);
            }
        }
    }
}

#[test]
fn a_slot_is_not_written_before_its_namespace_has_a_marker() {
    let device = FakeKeychain::new();
    store_on(&device).save(&slot(), &record("1"), Expected::Any).expect("saved");
    let state = device.state();
    let accounts: Vec<_> = state.items.iter().map(|item| item.account.as_str()).collect();
    assert_eq!(accounts, [MARKER_ACCOUNT, "main"]);
}

#[test]
fn the_marker_is_protected_like_the_records_and_asks_nobody() {
    let device = FakeKeychain::new();
    let store = store_with(&device, KeychainConfig::new().gate(KeychainGate::UserPresence));
    assert_eq!(store.load(&slot()), Load::Absent);
    let state = device.state();
    assert_eq!((state.items[0].accessible, state.items[0].control), (Accessible::AfterFirstUnlock, None));
    assert_eq!(state.questions, 0);
}

// Writing.

#[test]
fn a_record_is_updated_where_it_is_and_nothing_is_deleted() {
    for write in [Write::Save, Write::Erase] {
        let device = signed_in();
        write.of(&store_on(&device), Expected::Any).expect("written");
        assert_eq!(device.state().calls, [Call::Copy, Call::Update], "{write:?}");
    }
}

#[test]
fn a_record_is_for_this_device_after_its_first_unlock_and_nowhere_else() {
    let device = signed_in();
    let Item { accessible, control, synchronizable, data_protection, group, .. } = item(&device);
    assert_eq!((accessible, control), (Accessible::AfterFirstUnlock, None));
    assert_eq!((synchronizable, data_protection, group.as_str()), (false, true, "TEAM.app"));
}

#[test]
fn while_the_screen_is_locked_a_refreshed_session_is_saved_and_read() {
    let device = signed_in();
    device.device(Device::Locked);
    let store = store_on(&device);
    store.save(&slot(), &record("2"), Expected::Generation(Generation(1))).expect("saved");
    assert_eq!(held(&store, &slot()), Some(Secret::new("2")));
}

#[test]
fn another_accessibility_reaches_an_item_that_is_there() {
    let device = signed_in();
    device.state().items.iter_mut().for_each(|item| item.accessible = Accessible::WhenUnlocked);
    store_on(&device).save(&slot(), &record("2"), Expected::Any).expect("saved");
    assert_eq!(item(&device).accessible, Accessible::AfterFirstUnlock);
    assert_eq!(device.state().calls, [Call::Copy, Call::Update], "it is found whatever its accessibility is");
}

#[test]
fn a_gate_reaches_an_item_that_is_there_and_so_does_its_absence() {
    let device = signed_in();
    let gated = store_with(&device, KeychainConfig::new().gate(KeychainGate::Biometry));
    for (store, control) in [(&gated, Some(KeychainGate::Biometry)), (&store_on(&device), None)] {
        assert!(matches!(store.load(&slot()), Load::Found(..)));
        store.save(&slot(), &record("2"), Expected::Any).expect("saved");
        assert_eq!((item(&device).control, device.state().items.len()), (control, 2));
    }
}

#[test]
fn an_item_that_somebody_adds_in_between_is_replaced() {
    let device = signed_in();
    let theirs = item(&device);
    device.state().items.retain(|item| item.account != "main");
    // Read, marker, read again, update: the next call adds.
    device.state().interruption = Some((4, Box::new(|state| state.items.push(theirs))));
    store_on(&device).save(&slot(), &record("2"), Expected::Any).expect("saved");
    assert_eq!(
        device.state().calls[3..],
        [Call::Update, Call::Add, Call::Update],
        "the test interrupts at the right call"
    );
    assert_eq!(held(&store_on(&device), &slot()), Some(Secret::new("2")));
    assert_eq!(device.state().items.len(), 2);
}

#[test]
fn an_item_that_is_a_duplicate_and_cannot_be_found_is_locked() {
    let device = signed_in();
    device.state().injected.extend([
        (Call::Update, Status::ITEM_NOT_FOUND),
        (Call::Add, Status::DUPLICATE_ITEM),
        (Call::Update, Status::ITEM_NOT_FOUND),
    ]);
    let saved = store_on(&device).save(&slot(), &record("2"), Expected::Any);
    assert_eq!(saved, Err(StoreError::Locked));
    assert_eq!(held(&store_on(&device), &slot()), Some(Secret::new("1")));
}

#[test]
fn items_of_the_same_name_in_icloud_and_in_the_keychain_of_files_are_left_alone() {
    for change in
        [|item: &mut Item| item.synchronizable = true, |item: &mut Item| item.data_protection = false]
    {
        let device = signed_in();
        let mut theirs = item(&device);
        change(&mut theirs);
        theirs.data = b"theirs".to_vec();
        device.state().items = vec![theirs.clone()];
        let store = store_on(&device);
        assert_eq!(store.load(&slot()), Load::Absent);
        store.save(&slot(), &record("2"), Expected::Any).expect("saved");
        store.erase(&slot(), &tombstone(), Expected::Any).expect("erased");
        assert_eq!(device.state().items[0], theirs);
    }
}

#[test]
fn a_record_that_is_too_large_to_be_read_again_is_not_written() {
    let device = signed_in();
    let large = record(&"x".repeat(MAX_ENCODED_BYTES));
    let saved = store_on(&device).save(&slot(), &large, Expected::Any);
    assert!(matches!(saved, Err(StoreError::Transient(_))));
    assert_eq!(held(&store_on(&device), &slot()), Some(Secret::new("1")));
}

#[test]
fn a_process_that_dies_at_any_call_leaves_the_old_record_or_the_new_one() {
    for (start, begun) in [(fresh().0, false), (signed_in(), true)] {
        for write in [Write::Save, Write::Erase] {
            for death in [Death::BeforeIt, Death::AfterIt] {
                let mut deaths = 0;
                loop {
                    let device = FakeKeychain::new();
                    device.state().items = start.state().items.clone();
                    device.state().death = Some((deaths, death));
                    let store = store_on(&device);
                    let written = catch_unwind(AssertUnwindSafe(|| write.of(&store, Expected::Any)));
                    device.state().death = None;
                    let (loaded, restarted) = (store.load(&slot()), store_on(&device).load(&slot()));
                    assert_eq!(loaded, restarted);
                    let old = match &loaded {
                        Load::Found(record, _) => record.refresh_token == Some(Secret::new("1")),
                        Load::Absent => !begun,
                        _ => false,
                    };
                    let new = match write {
                        Write::Save => held(&store, &slot()) == Some(Secret::new("new")),
                        Write::Erase => matches!(loaded, Load::Tombstone(..)),
                    };
                    match written {
                        Err(_) => assert!(old || new, "{write:?}, {death:?} {deaths}: {loaded:?}"),
                        Ok(written) => {
                            assert!(new && written.is_ok());
                            break;
                        }
                    }
                    deaths += 1;
                }
                assert_eq!(deaths, if begun { 2 } else { 6 }, "the test dies at each call");
            }
        }
    }
}

// The error map.

/// All calls of a load where nothing is there and of a write to a slot that is there or not.
fn with_status(status: Status) -> Vec<(Call, Option<Load>, Result<Generation, StoreError>)> {
    let mut outcomes = Vec::new();
    for (device, call) in [(signed_in(), Call::Copy), (signed_in(), Call::Update), (fresh().0, Call::Add)] {
        let store = store_on(&device);
        let before = device.state().items.clone();
        device.state().injected.push_back((call, status));
        let loaded = (call != Call::Update).then(|| store.load(&slot()));
        let expected = Expected::Generation(Generation(u64::from(call != Call::Add)));
        device.state().injected = [(call, status)].into();
        outcomes.push((call, loaded, store.save(&slot(), &record("2"), expected)));
        device.state().injected = [(call, status)].into();
        assert_eq!(store.erase(&slot(), &tombstone(), expected), outcomes.last().expect("one").2);
        assert_eq!(device.state().items, before, "an error changes nothing");
        assert!(!device.state().calls.contains(&Call::Delete), "an error deletes nothing");
        // It has passed, and everything is as it was.
        if call != Call::Add {
            assert_eq!(held(&store, &slot()), Some(Secret::new("1")));
        }
    }
    outcomes
}

fn each_is(status: Status, expected_load: &Load, expected: &StoreError) {
    for (call, loaded, written) in with_status(status) {
        assert!(loaded.is_none_or(|loaded| loaded == *expected_load), "{call:?}");
        assert_eq!(written, Err(expected.clone()), "{call:?}");
    }
}

#[test]
fn interaction_not_allowed_is_locked_in_each_call() {
    each_is(Status(-25308), &Load::Locked, &StoreError::Locked);
}

#[test]
fn a_missing_entitlement_is_a_misconfiguration_in_each_call() {
    let error = Status(-34018).error();
    let StoreError::Refused(refusal @ Refusal::Misconfigured(_)) = &error else { panic!("{error}") };
    each_is(Status(-34018), &Load::Refused(refusal.clone()), &error);
}

#[test]
fn a_cancelled_question_is_refused_as_such_in_each_call() {
    let refusal = Refusal::UnlockCancelled;
    each_is(Status(-128), &Load::Refused(refusal.clone()), &StoreError::Refused(refusal));
}

#[test]
fn a_failed_question_is_refused_as_such_in_each_call() {
    let refusal = Refusal::UnlockFailed;
    each_is(Status(-25293), &Load::Refused(refusal.clone()), &StoreError::Refused(refusal));
}

#[test]
fn any_other_status_is_transient_with_its_number_in_each_call() {
    for code in [-25291, -26275, -50, -4, -25243, -61, 12345] {
        let cause = format!("the Keychain answered with status {code}");
        each_is(Status(code), &Load::Transient(cause.clone()), &StoreError::Transient(cause));
    }
}

#[test]
fn an_app_without_entitlements_is_told_so_and_not_that_nothing_is_there() {
    let device = FakeKeychain::new();
    device.state().groups.clear();
    assert!(matches!(store_on(&device).load(&slot()), Load::Refused(Refusal::Misconfigured(_))));
}

#[test]
fn an_access_group_that_the_app_may_not_use_is_not_an_empty_one() {
    let device = signed_in();
    let store = store_with(&device, KeychainConfig::new().access_group("TEAM.other"));
    assert!(matches!(store.load(&slot()), Load::Refused(Refusal::Misconfigured(_))));
}

#[tokio::test]
async fn a_session_on_a_keychain_that_refuses_is_kept_and_says_who_can_act() {
    type Refuse = fn(&FakeKeychain);
    let refusals: [(&str, Refuse); 3] = [
        ("store_misconfigured", |device| device.state().groups.clear()),
        ("unlock_cancelled", |device| device.state().user = User::Cancels),
        ("unlock_failed", |device| device.state().user = User::IsSomebodyElse),
    ];
    for (code, refuse) in refusals {
        let device = FakeKeychain::new();
        let gated = KeychainConfig::new().gate(KeychainGate::UserPresence);
        let store = store_with(&device, gated);
        store.save(&slot(), &record("1"), Expected::Any).expect("saved");
        refuse(&device);
        let config = SessionConfig::new("https://api.example.com").expect("a URL");
        let config = config.namespace("app").account("main").store(Arc::new(store));
        let session = AuthSession::open(config).await.expect("a session");
        assert_eq!(session.state(), SessionState::Locked);
        let error = session.get("/me").send().await.expect_err("no token");
        assert_eq!((error.code(), error.is_retryable(), error.is_sign_in_required()), (code, false, false));
        assert_eq!(session.state(), SessionState::Locked);
        assert_eq!(device.state().items.len(), 2, "nothing is deleted");
    }
}

// The gate.

#[test]
fn nobody_is_asked_unless_the_app_wants_it() {
    let device = signed_in();
    let store = store_on(&device);
    store.save(&slot(), &record("2"), Expected::Any).expect("saved");
    assert!(matches!(store.load(&slot()), Load::Found(..)));
    assert_eq!(device.state().questions, 0);
}

#[test]
fn a_gated_record_is_shown_to_who_unlocks_it_and_kept_from_everybody_else() {
    for gate in [KeychainGate::UserPresence, KeychainGate::Biometry] {
        let device = FakeKeychain::new();
        let store = store_with(&device, KeychainConfig::new().gate(gate));
        store.save(&slot(), &record("1"), Expected::Any).expect("saved");
        assert_eq!(item(&device).control, Some(gate));
        assert!(matches!(store.load(&slot()), Load::Found(..)));
        assert_eq!(device.state().questions, 1);
        device.state().user = User::Cancels;
        assert_eq!(store.load(&slot()), Load::Refused(Refusal::UnlockCancelled));
        device.state().user = User::IsSomebodyElse;
        assert_eq!(store.load(&slot()), Load::Refused(Refusal::UnlockFailed));
        device.device(Device::Locked);
        assert_eq!(store.load(&slot()), Load::Locked, "in the background nobody can be asked");
        (device.state().user, device.state().device) = (User::Confirms, Device::Unlocked);
        assert!(matches!(store.load(&slot()), Load::Found(..)));
    }
}

#[test]
fn who_signs_in_or_out_need_not_unlock_what_that_replaces_and_nobody_is_asked_for_a_tombstone() {
    let gated = KeychainConfig::new().gate(KeychainGate::UserPresence);
    for user in [User::Cancels, User::IsSomebodyElse] {
        let device = FakeKeychain::new();
        let store = store_with(&device, gated.clone());
        let first = store.save(&slot(), &record("1"), Expected::Any).expect("saved");
        device.state().user = user;
        let refresh = store.save(&slot(), &record("2"), Expected::Generation(first));
        assert!(matches!(refresh, Err(StoreError::Refused(_))));
        store.erase(&slot(), &tombstone(), Expected::Any).expect("the user signs out");
        let asked = device.state().questions;
        assert!(matches!(store.load(&slot()), Load::Tombstone(..)));
        store.save(&slot(), &record("3"), Expected::Any).expect("the user signs in");
        assert_eq!(device.state().questions, asked);
        assert_eq!(item(&device).control, Some(KeychainGate::UserPresence));
    }
}

#[test]
fn a_gated_record_is_read_before_a_refresh_and_is_shared_with_nobody() {
    let gated = KeychainConfig::new().gate(KeychainGate::UserPresence);
    let store = store_with(&FakeKeychain::new(), gated.clone());
    assert!(store.lease(&slot(), Duration::ZERO).expect("nobody else").is_shared());
    let shared = gated.shared_directory("locks");
    assert!(Keychain::new(FakeKeychain::new(), shared).is_err());
}

// Sharing.

#[test]
fn an_access_group_has_records_of_its_own() {
    let device = signed_in();
    let shared = store_with(&device, KeychainConfig::new().access_group("TEAM.shared"));
    assert_eq!(shared.load(&slot()), Load::Absent);
    shared.save(&slot(), &record("shared"), Expected::Any).expect("saved");
    shared.erase(&slot(), &tombstone(), Expected::Any).expect("erased");
    let own = store_with(&device, KeychainConfig::new().access_group("TEAM.app"));
    assert_eq!(held(&own, &slot()), Some(Secret::new("1")));
    let groups: BTreeSet<_> = device.state().items.iter().map(|item| item.group.clone()).collect();
    assert_eq!(groups.len(), 2);
}

#[test]
fn stores_with_the_same_access_group_are_one_place() {
    let device = FakeKeychain::new();
    let shared = || KeychainConfig::new().access_group("TEAM.shared");
    let of = |config| store_with(&device, config).identity();
    assert_eq!(of(shared()), of(shared().shared_directory("somewhere")));
    assert_ne!(of(shared()), of(KeychainConfig::new()));
}

#[test]
fn each_setting_besides_the_group_tells_a_store_from_another_of_its_place() {
    let device = FakeKeychain::new();
    let hook = || KeychainConfig::new().protected_data_available(|| true);
    let of = |config| store_with(&device, config).settings();
    let all = [
        of(KeychainConfig::new()),
        of(KeychainConfig::new().gate(KeychainGate::UserPresence)),
        of(KeychainConfig::new().gate(KeychainGate::Biometry)),
        of(KeychainConfig::new().shared_directory("somewhere")),
        of(hook()),
        of(hook().purge_after_reinstall("somewhere")),
        of(hook().purge_after_reinstall("elsewhere")),
    ];
    assert_eq!(BTreeSet::from_iter(&all).len(), all.len(), "{all:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_with(&device, hook().purge_after_reinstall(folder.path()));
    let unused = store.settings();
    store.load(&slot());
    assert_eq!(store.settings(), unused, "it is used meanwhile, and the same");
}

/// Saves as often as each thread may, on what it has read, and counts.
fn race(stores: &[Keychain<FakeKeychain>]) {
    const EACH: u64 = 50;
    std::thread::scope(|scope| {
        for store in stores.iter().cycle().take(4) {
            scope.spawn(move || {
                let mut saved = 0;
                while saved < EACH {
                    let present = match store.load(&slot()) {
                        Load::Found(_, generation) => generation,
                        Load::Absent => Generation::default(),
                        other => panic!("{other:?}"),
                    };
                    match store.save(&slot(), &record("1"), Expected::Generation(present)) {
                        Ok(_) => saved += 1,
                        Err(StoreError::Conflict) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert!(matches!(stores[0].load(&slot()), Load::Found(_, Generation(count)) if count == 4 * EACH));
}

#[test]
fn of_several_processes_with_one_directory_one_writes_at_a_time() {
    let (device, folder) = (FakeKeychain::new(), tempfile::tempdir().expect("a folder"));
    let process = || {
        let config = KeychainConfig::new().access_group("TEAM.shared");
        store_with(&device, config.shared_directory(folder.path().join("locks")))
    };
    race(&[process(), process(), process(), process()]);
}

#[test]
fn of_several_threads_with_one_store_one_writes_at_a_time() {
    race(&[fresh().1]);
}

#[test]
fn only_a_store_with_a_shared_directory_has_a_lease_that_others_wait_for() {
    let (device, folder) = (FakeKeychain::new(), tempfile::tempdir().expect("a folder"));
    let brief = Duration::from_millis(1);
    assert!(!store_on(&device).lease(&slot(), brief).expect("nothing to do").is_shared());
    let process = || store_with(&device, KeychainConfig::new().shared_directory(folder.path()));
    let lease = process().lease(&slot(), brief).expect("nobody has it");
    assert!(lease.is_shared());
    assert!(process().lease(&slot(), brief).is_err());
    process().save(&slot(), &record("1"), Expected::Any).expect("whoever has the lease can write");
    drop(lease);
    process().lease(&slot(), brief).expect("it was given back");
}

#[test]
fn a_tombstone_of_another_process_stops_a_save_of_this_one() {
    let (device, folder) = (signed_in(), tempfile::tempdir().expect("a folder"));
    let process = || store_with(&device, KeychainConfig::new().shared_directory(folder.path()));
    let (app, extension) = (process(), process());
    let Load::Found(_, read) = extension.load(&slot()) else { panic!("it is there") };
    app.erase(&slot(), &tombstone(), Expected::Any).expect("erased");
    let saved = extension.save(&slot(), &record("2"), Expected::Generation(read));
    assert_eq!(saved, Err(StoreError::Conflict));
    assert!(matches!(extension.load(&slot()), Load::Tombstone(..)));
}

// After a reinstallation.

struct Installation {
    device: FakeKeychain,
    folder: tempfile::TempDir,
    available: Arc<AtomicBool>,
}

impl Installation {
    /// The app is installed anew on a device where somebody has signed in.
    fn anew() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { device: signed_in(), folder, available: Arc::new(AtomicBool::new(true)) }
    }

    fn started(&self) -> Keychain<FakeKeychain> {
        self.started_in(&self.folder.path().join("support"))
    }

    fn started_in(&self, directory: &Path) -> Keychain<FakeKeychain> {
        let available = Arc::clone(&self.available);
        let config = KeychainConfig::new()
            .purge_after_reinstall(directory)
            .protected_data_available(move || available.load(Ordering::SeqCst));
        store_with(&self.device, config)
    }

    fn available(&self, yes: bool) {
        self.available.store(yes, Ordering::SeqCst);
    }

    fn has_a_record(&self) -> bool {
        self.device.state().item("app", "main").is_some()
    }
}

#[test]
fn a_reinstallation_keeps_records_unless_the_app_wants_them_purged() {
    let installation = Installation::anew();
    assert_eq!(held(&store_on(&installation.device), &slot()), Some(Secret::new("1")));
    assert_eq!(installation.started().load(&slot()), Load::Absent);
    assert!(!installation.has_a_record());
}

#[test]
fn a_purge_is_done_once_for_each_namespace_and_spares_the_others() {
    let installation = Installation::anew();
    let others = [("app", "second"), ("other", "main"), ("applet", "main")]
        .map(|(namespace, account)| Slot { namespace: namespace.into(), account: account.into() });
    for slot in &others {
        store_on(&installation.device).save(slot, &record("2"), Expected::Any).expect("saved");
    }
    let store = installation.started();
    store.save(&slot(), &record("new"), Expected::Any).expect("signed in anew");
    let state = installation.device.state();
    assert!(state.item("app", "second").is_none(), "all accounts of the namespace are purged");
    assert!(state.item("other", "main").is_some() && state.item("applet", "main").is_some());
    drop(state);
    for store in [&store, &installation.started()] {
        assert_eq!(held(store, &slot()), Some(Secret::new("new")), "what was saved since is kept");
    }
    assert_eq!(store.load(&others[1]), Load::Absent, "another namespace is purged when it is used");
}

#[test]
fn nothing_is_purged_or_written_while_protected_data_is_not_available() {
    let installation = Installation::anew();
    installation.available(false);
    let store = installation.started();
    assert_eq!(store.load(&slot()), Load::Locked);
    for write in [Write::Save, Write::Erase] {
        assert_eq!(write.of(&store, Expected::Any), Err(StoreError::Locked));
    }
    assert!(installation.has_a_record());
    installation.available(true);
    assert_eq!(store.load(&slot()), Load::Absent);
}

#[test]
fn nothing_is_purged_before_the_first_unlock_whatever_the_hook_says() {
    for state in [Device::Restarted, Device::Prewarming] {
        let installation = Installation::anew();
        installation.device.device(state);
        assert_eq!(installation.started().load(&slot()), Load::Locked);
        installation.device.device(Device::Unlocked);
        assert!(installation.has_a_record());
        assert_eq!(installation.started().load(&slot()), Load::Absent, "it is purged later");
        assert!(!installation.has_a_record());
    }
}

#[test]
fn an_installation_that_has_begun_is_read_while_protected_data_is_not_available() {
    let installation = Installation::anew();
    installation.started().save(&slot(), &record("new"), Expected::Any).expect("saved");
    installation.available(false);
    assert_eq!(held(&installation.started(), &slot()), Some(Secret::new("new")));
}

#[test]
fn a_purge_that_fails_is_no_purge_and_is_done_again() {
    let installation = Installation::anew();
    installation.device.state().injected = [(Call::Delete, Status(-25291))].into();
    let store = installation.started();
    assert!(matches!(store.load(&slot()), Load::Transient(_)));
    assert_eq!(store.load(&slot()), Load::Absent);
    assert!(!installation.has_a_record());
}

#[test]
fn what_is_no_file_proves_no_reinstallation() {
    let installation = Installation::anew();
    installation.started().save(&slot(), &record("new"), Expected::Any).expect("saved");
    for entry in std::fs::read_dir(installation.folder.path().join("support")).expect("the directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "session") {
            std::fs::remove_file(&path).expect("removed");
            std::fs::create_dir(&path).expect("made");
        }
    }
    assert_eq!(held(&installation.started(), &slot()), Some(Secret::new("new")));
}

#[test]
fn a_directory_that_cannot_be_read_proves_no_reinstallation() {
    let installation = Installation::anew();
    let file = installation.folder.path().join("a file");
    std::fs::write(&file, "").expect("written");
    let store = installation.started_in(&file);
    assert!(matches!(store.load(&slot()), Load::Transient(_)));
    assert!(matches!(Write::Save.of(&store, Expected::Any), Err(StoreError::Transient(_))));
    installation.available(false);
    assert_eq!(store.load(&slot()), Load::Locked, "files are not readable either before the first unlock");
    assert!(installation.has_a_record());
}

#[test]
fn a_process_that_dies_during_a_purge_purges_no_record_of_this_installation() {
    for death in [Death::BeforeIt, Death::AfterIt] {
        for at in 0.. {
            let installation = Installation::anew();
            installation.device.state().death = Some((at, death));
            let store = installation.started();
            let first = catch_unwind(AssertUnwindSafe(|| store.load(&slot())));
            installation.device.state().death = None;
            installation.started().save(&slot(), &record("new"), Expected::Any).expect("signed in anew");
            assert_eq!(held(&installation.started(), &slot()), Some(Secret::new("new")), "{death:?} {at}");
            if first.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn a_purge_needs_a_store_that_is_shared_with_nobody_and_the_hook() {
    let purging = || KeychainConfig::new().purge_after_reinstall("support");
    let hooked = || purging().protected_data_available(|| true);
    let code = |config| Keychain::new(FakeKeychain::new(), config).map(drop).map_err(|error| error.code());
    for config in [purging(), hooked().access_group("TEAM.shared"), hooked().shared_directory("locks")] {
        assert_eq!(code(config), Err("invalid_configuration"));
    }
    assert_eq!(code(hooked()), Ok(()));
    assert_eq!(code(KeychainConfig::new().access_group("")), Err("invalid_configuration"));
}

// What is shown.

#[test]
fn neither_the_store_nor_what_it_hands_on_shows_a_record() {
    let data = Attribute::Data(Data(Arc::new(Zeroizing::new(b"canary".to_vec()))));
    assert_eq!(format!("{data:?}"), "Data([redacted])");
    let (_, store) = fresh();
    store.save(&slot(), &record("canary"), Expected::Any).expect("saved");
    assert!(!format!("{store:?}").contains("canary"));
}
