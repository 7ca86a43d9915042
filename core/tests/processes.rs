//! Processes that share one store: they refresh once for all, and one that stops or dies holds the others up
//! no longer than it must.

// Whether a process has stopped is read from /proc.
#![cfg(target_os = "linux")]

#[path = "support/process.rs"]
mod process;

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime};

use process::{SessionProcess, answered, command, refreshes, signed_in, signed_out, start};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};

/// Shorter than anybody waits for the lease, so that a test sees a caller give up.
const IMPATIENCE: Duration = Duration::from_millis(500);

fn get() -> Value {
    json!({"do": "get", "path": "/me"})
}

/// A process that signs in, and so many others that find the session in the store; its token has expired.
async fn sharing(realm: &Realm, directory: &Path, others: usize) -> Vec<SessionProcess> {
    let mut processes = vec![SessionProcess::open(realm, directory).await];
    assert_eq!(processes[0].ask(json!({"do": "sign_in"})).await, json!({}));
    for _ in 0..others {
        let process = SessionProcess::open(realm, directory).await;
        assert_eq!(process.opened, signed_in());
        processes.push(process);
    }
    command(realm, "expire_access_tokens", json!({})).await;
    processes
}

#[tokio::test]
async fn processes_that_share_a_store_refresh_an_expired_token_once() {
    for others in [1, 7] {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut processes = sharing(&realm, folder.path(), others).await;
        command(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
        let mut requests = Vec::new();
        for process in &mut processes {
            requests.push(process.tell(get()).await);
        }
        let refused = json!({"counter": "resource_unauthorized", "at_least": others + 1});
        command(&realm, "await_counter", refused).await;
        command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
        command(&realm, "release", json!({"endpoint": "refresh"})).await;
        for (process, request) in processes.iter_mut().zip(requests) {
            assert_eq!(process.answer(request).await, answered());
        }
        assert_eq!(refreshes(&realm), (1, 1, 0));
    }
}

/// Where each refresh made the access token before it worthless, processes that did not take each other's would go on
/// refreshing by turns for ever.
#[tokio::test]
async fn processes_that_share_a_store_refresh_once_also_where_the_refresh_token_stays_the_same() {
    let realm = start(RealmOptions { rotation: false, ..RealmOptions::default() }).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 2).await;
    for process in &mut processes {
        assert_eq!(process.get().await, answered());
    }
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

#[tokio::test]
async fn a_process_that_resumes_goes_on_with_what_another_one_got_with_the_same_refresh_token() {
    let realm = start(RealmOptions { rotation: false, ..RealmOptions::default() }).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    assert_eq!(processes[0].get().await, answered());
    let resumed = processes[1].ask(json!({"do": "resume"})).await;
    assert_eq!(resumed, json!({"event": "refreshed", "state": signed_in()}));
    let refused = realm.counters().resource_unauthorized;
    assert_eq!(processes[1].get().await, answered());
    assert_eq!(realm.counters().resource_unauthorized, refused, "the newer token was sent at once");
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

#[tokio::test]
async fn eight_processes_with_fifty_requests_each_refresh_an_expired_token_once() {
    const PROCESSES: usize = 8;
    const REQUESTS: usize = 50;
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), PROCESSES - 1).await;
    command(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
    let mut bursts = Vec::new();
    for process in &mut processes {
        bursts.push(process.tell(json!({"do": "get", "path": "/me", "times": REQUESTS})).await);
    }
    // All of them have found the token expired before anybody gets another.
    let refused = json!({"counter": "resource_unauthorized", "at_least": PROCESSES * REQUESTS});
    command(&realm, "await_counter", refused).await;
    command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    command(&realm, "release", json!({"endpoint": "refresh"})).await;
    for (process, burst) in processes.iter_mut().zip(bursts) {
        assert_eq!(process.answer(burst).await, json!({"answers": [answered()], "counts": [REQUESTS]}));
    }
    assert_eq!(refreshes(&realm), (1, 1, 0));
    let counters = realm.counters();
    let requests = (PROCESSES * REQUESTS) as u64;
    assert_eq!((counters.resource_unauthorized, counters.resource_ok), (requests, requests));
}

#[tokio::test]
async fn processes_that_refresh_in_turn_go_on_with_each_other_s_tokens() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 2).await;
    for round in 1..=6 {
        for process in &mut processes {
            assert_eq!(process.get().await, answered());
        }
        assert_eq!(refreshes(&realm), (round, round, 0));
        command(&realm, "expire_access_tokens", json!({})).await;
        processes.rotate_left(1);
    }
}

#[tokio::test]
async fn a_sign_out_in_one_process_ends_the_session_in_the_other_when_it_resumes() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    assert_eq!(processes[0].ask(json!({"do": "sign_out"})).await, json!({}));
    let resumed = processes[1].ask(json!({"do": "resume"})).await;
    assert_eq!(resumed, json!({"event": "signed_out", "state": signed_out("elsewhere")}));
    assert_eq!(processes[1].get().await, json!({"error": "signed_out"}));
    assert_eq!(SessionProcess::open(&realm, folder.path()).await.opened, signed_out("user"));
    assert_eq!(refreshes(&realm), (0, 0, 0));
}

#[tokio::test]
async fn a_sign_out_in_one_process_ends_the_session_in_the_other_before_it_refreshes() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    assert_eq!(processes[0].ask(json!({"do": "sign_out"})).await, json!({}));
    let ended = json!({"status": 401, "disposition": "session_ended"});
    assert_eq!(processes[1].get().await, ended);
    assert_eq!(processes[1].ask(json!({"do": "state"})).await, signed_out("elsewhere"));
    assert_eq!(refreshes(&realm), (0, 0, 0));
}

#[tokio::test]
async fn whoever_signs_in_elsewhere_does_not_take_over_the_requests_of_who_was_signed_in() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    assert_eq!(processes[0].ask(json!({"do": "sign_out"})).await, json!({}));
    assert_eq!(processes[0].ask(json!({"do": "sign_in", "email": "bob@example.com"})).await, json!({}));
    let ended = json!({"status": 401, "disposition": "session_ended"});
    assert_eq!(processes[1].get().await, ended);
    assert_eq!(processes[1].ask(json!({"do": "state"})).await, signed_out("elsewhere"));
    assert_eq!(processes[0].get().await, answered());
}

#[tokio::test]
async fn a_process_that_is_stopped_in_the_middle_of_a_refresh_goes_on_with_it_when_it_is_let() {
    for server_has_acted in [false, true] {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut processes = sharing(&realm, folder.path(), 1).await;
        let mut impatient = SessionProcess::open_for(&realm, folder.path(), IMPATIENCE).await;
        let when = if server_has_acted { "after" } else { "before" };
        command(&realm, "hold", json!({"endpoint": "refresh", "when": when})).await;
        let [holder, patient] = processes.as_mut_slice() else { panic!("two processes") };
        let first = holder.tell(get()).await;
        command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
        holder.stop().await;
        command(&realm, "release", json!({"endpoint": "refresh"})).await;
        let second = patient.tell(get()).await;
        // Nobody takes the lease from it: whoever has less time than it is told so.
        assert_eq!(impatient.get().await, json!({"error": "timeout"}));
        assert_eq!(realm.counters().refresh_requests, 1, "nobody else sends the token");
        holder.go_on().await;
        assert_eq!(holder.answer(first).await, answered());
        assert_eq!(patient.answer(second).await, answered());
        assert_eq!(impatient.get().await, answered());
        assert_eq!(refreshes(&realm), (1, 1, 0));
    }
}

#[tokio::test]
async fn who_waits_for_the_lease_of_a_stopped_process_for_too_long_is_told_so_and_keeps_the_session() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    let [holder, other] = processes.as_mut_slice() else { panic!("two processes") };
    let hanging = holder.hang("lease", true).await;
    let first = holder.tell(get()).await;
    holder.answer(hanging).await;
    holder.stop().await;
    // Its request has more time than the lease is waited for.
    let refused = json!({"status": 401, "disposition": "refresh_failed"});
    assert_eq!(other.get().await, refused);
    assert_eq!(other.ask(json!({"do": "state"})).await, signed_in());
    assert_eq!(refreshes(&realm), (0, 0, 0));
    holder.go_on().await;
    holder.ask(json!({"do": "release"})).await;
    assert_eq!(holder.answer(first).await, answered());
    // The other one need not wait for the end of its backoff.
    let resumed = other.ask(json!({"do": "resume"})).await;
    assert_eq!(resumed, json!({"event": "refreshed", "state": {"state": "signed_in"}}));
    assert_eq!(other.get().await, answered());
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

#[tokio::test]
async fn a_process_that_is_stopped_while_it_waits_for_the_lease_goes_on_with_the_token_of_the_holder() {
    for before_the_wait in [false, true] {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut processes = sharing(&realm, folder.path(), 1).await;
        let [holder, waiting] = processes.as_mut_slice() else { panic!("two processes") };
        command(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
        let first = holder.tell(get()).await;
        command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
        let second = if before_the_wait {
            let hanging = waiting.hang("lease", false).await;
            let second = waiting.tell(get()).await;
            waiting.answer(hanging).await;
            second
        } else {
            // Somewhere between its refusal and the lease.
            let second = waiting.tell(get()).await;
            command(&realm, "await_counter", json!({"counter": "resource_unauthorized", "at_least": 2}))
                .await;
            second
        };
        waiting.stop().await;
        command(&realm, "release", json!({"endpoint": "refresh"})).await;
        assert_eq!(holder.answer(first).await, answered());
        waiting.go_on().await;
        waiting.ask(json!({"do": "release"})).await;
        assert_eq!(waiting.answer(second).await, answered());
        assert_eq!(refreshes(&realm), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_process_that_slept_through_a_rotation_goes_on_with_the_new_token_when_it_resumes() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    let [awake, asleep] = processes.as_mut_slice() else { panic!("two processes") };
    asleep.stop().await;
    for round in 1..=3 {
        assert_eq!(awake.get().await, answered());
        assert_eq!(refreshes(&realm), (round, round, 0));
        if round < 3 {
            command(&realm, "expire_access_tokens", json!({})).await;
        }
    }
    asleep.go_on().await;
    let resumed = asleep.ask(json!({"do": "resume"})).await;
    assert_eq!(resumed, json!({"event": "refreshed", "state": {"state": "signed_in"}}));
    let refused = realm.counters().resource_unauthorized;
    assert_eq!(asleep.get().await, answered());
    assert_eq!(realm.counters().resource_unauthorized, refused, "the old token is not tried");
    assert_eq!(refreshes(&realm), (3, 3, 0));
}

/// Where in its refresh the holder of the lease dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    BeforeSending,
    /// The server has the request, and may act on it or not.
    BeforeTheServerActs,
    AfterTheServerActed,
    BeforeTheSave,
    AfterTheSave,
}

#[tokio::test]
async fn when_the_holder_of_the_lease_is_killed_the_next_one_takes_over() {
    use Death::{AfterTheSave, AfterTheServerActed, BeforeSending, BeforeTheSave, BeforeTheServerActs};
    for death in [BeforeSending, BeforeTheServerActs, AfterTheServerActed, BeforeTheSave, AfterTheSave] {
        // What the server got from the dead one it may act upon; then it must recognise the same request.
        let sent = !matches!(death, BeforeSending | AfterTheSave);
        let realm = start(RealmOptions { idempotent_replay: sent, ..RealmOptions::default() }).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut processes = sharing(&realm, folder.path(), 2).await;
        let (holder, others) = processes.split_first_mut().expect("three processes");
        match death {
            BeforeTheServerActs | AfterTheServerActed => {
                let when = if death == AfterTheServerActed { "after" } else { "before" };
                command(&realm, "hold", json!({"endpoint": "refresh", "when": when})).await;
                holder.tell(get()).await;
                command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
            }
            BeforeSending | BeforeTheSave | AfterTheSave => {
                let operation = if death == BeforeSending { "lease" } else { "save" };
                let hanging = holder.hang(operation, death != BeforeTheSave).await;
                holder.tell(get()).await;
                holder.answer(hanging).await;
            }
        }
        let mut requests = Vec::new();
        for process in others.iter_mut() {
            requests.push(process.tell(get()).await);
        }
        let refused = json!({"counter": "resource_unauthorized", "at_least": 3});
        command(&realm, "await_counter", refused).await;
        holder.kill().await;
        command(&realm, "release", json!({"endpoint": "refresh"})).await;
        for (process, request) in others.iter_mut().zip(requests) {
            assert_eq!(process.answer(request).await, answered(), "{death:?}");
        }
        assert_eq!(refreshes(&realm), (1 + u64::from(sent), 1, 0), "{death:?}");
    }
}

#[tokio::test]
async fn a_sign_out_in_one_process_wins_over_the_refresh_of_another() {
    for server_has_acted in [false, true] {
        for told_the_server in [false, true] {
            let case = format!("acted: {server_has_acted}, told: {told_the_server}");
            let realm = start(RealmOptions::default()).await;
            let folder = tempfile::tempdir().expect("a folder");
            let mut processes = sharing(&realm, folder.path(), 1).await;
            let [leaving, refreshing] = processes.as_mut_slice() else { panic!("two processes") };
            let when = if server_has_acted { "after" } else { "before" };
            command(&realm, "hold", json!({"endpoint": "refresh", "when": when})).await;
            let request = refreshing.tell(get()).await;
            command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
            if !told_the_server {
                command(&realm, "fault", json!({"endpoint": "logout", "status": 503})).await;
            }
            // The tombstone does not wait for the lease.
            assert_eq!(leaving.ask(json!({"do": "sign_out"})).await, json!({}));
            if told_the_server {
                command(&realm, "await_counter", json!({"counter": "logouts", "at_least": 1})).await;
            }
            command(&realm, "release", json!({"endpoint": "refresh"})).await;
            let answer = refreshing.answer(request).await;
            assert_eq!(refreshing.ask(json!({"do": "state"})).await, signed_out("elsewhere"), "{case}");
            assert_eq!(answer, json!({"status": 401, "disposition": "session_ended"}), "{case}");
            assert_eq!(refreshing.get().await, json!({"error": "signed_out"}), "{case}");
            assert_eq!(leaving.get().await, json!({"error": "signed_out"}), "{case}");
            // What the refresh brought is nowhere: it is in no store, and nobody uses it.
            let next = SessionProcess::open(&realm, folder.path()).await;
            assert_eq!(next.opened, signed_out("user"), "{case}");
            let counters = realm.counters();
            assert_eq!((counters.refresh_requests, counters.reuse_detected), (1, 0), "{case}");
            assert_eq!(counters.resource_ok, 0, "{case}: nobody is answered in the name of who signed out");
            assert_eq!(counters.active_families, u64::from(!told_the_server), "{case}");
        }
    }
}

/// Everything that the store has, and when it was written.
fn content(directory: &Path) -> Vec<(OsString, SystemTime, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).expect("the store");
    let mut content: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let written = entry.metadata().expect("it is there").modified().expect("a time");
            (entry.file_name(), written, std::fs::read(entry.path()).expect("a file"))
        })
        .collect();
    content.sort();
    content
}

#[tokio::test]
async fn a_process_that_only_reads_uses_the_owner_s_tokens_and_never_refreshes_or_writes() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut owners = sharing(&realm, folder.path(), 0).await;
    let owner = &mut owners[0];
    let mut reader = SessionProcess::open_reader(&realm, folder.path()).await;
    assert_eq!(reader.opened, signed_in());
    let before = content(folder.path());
    // The token has expired, and nobody has refreshed.
    let refused = json!({"status": 401, "disposition": "refresh_failed"});
    assert_eq!(reader.get().await, refused);
    let burst = reader.ask(json!({"do": "get", "path": "/me", "times": 20})).await;
    assert_eq!(burst, json!({"answers": [refused], "counts": [20]}));
    let read_only = json!({"error": "read_only"});
    for forbidden in [
        json!({"do": "sign_in"}),
        json!({"do": "sign_out"}),
        json!({"do": "adopt"}),
        json!({"do": "import", "access_token": "imported-access", "refresh_token": "imported-refresh"}),
    ] {
        assert_eq!(reader.ask(forbidden.clone()).await, read_only, "{forbidden}");
    }
    assert_eq!(reader.ask(json!({"do": "state"})).await, signed_in());
    assert_eq!(content(folder.path()), before, "nothing was written");
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.logins, counters.logouts), (0, 1, 0));
    // The owner refreshes: the reader goes on without being told.
    assert_eq!(owner.get().await, answered());
    let before = content(folder.path());
    assert_eq!(reader.get().await, answered());
    assert_eq!(reader.ask(json!({"do": "sign_out"})).await, read_only);
    assert_eq!(content(folder.path()), before, "nothing was written");
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

#[tokio::test]
async fn a_process_that_only_reads_does_not_hold_up_the_owner_and_is_not_held_up_by_it() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut owners = sharing(&realm, folder.path(), 0).await;
    let owner = &mut owners[0];
    let mut reader = SessionProcess::open_reader(&realm, folder.path()).await;
    command(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
    let request = owner.tell(get()).await;
    command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    // The owner has the lease: the reader neither waits for it nor needs it.
    assert_eq!(reader.get().await, json!({"status": 401, "disposition": "refresh_failed"}));
    let looking = reader.hang("load", false).await;
    let read = reader.tell(get()).await;
    reader.answer(looking).await;
    reader.stop().await;
    command(&realm, "release", json!({"endpoint": "refresh"})).await;
    assert_eq!(owner.answer(request).await, answered());
    reader.go_on().await;
    reader.ask(json!({"do": "release"})).await;
    assert_eq!(reader.answer(read).await, answered());
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

#[tokio::test]
async fn a_process_that_only_reads_is_signed_out_and_in_with_the_owner() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut owners = sharing(&realm, folder.path(), 0).await;
    let owner = &mut owners[0];
    let mut reader = SessionProcess::open_reader(&realm, folder.path()).await;
    assert_eq!(owner.ask(json!({"do": "sign_out"})).await, json!({}));
    assert_eq!(reader.get().await, json!({"status": 401, "disposition": "session_ended"}));
    assert_eq!(reader.ask(json!({"do": "state"})).await, signed_out("elsewhere"));
    assert_eq!(reader.get().await, json!({"error": "signed_out"}));
    assert_eq!(owner.ask(json!({"do": "sign_in", "email": "bob@example.com"})).await, json!({}));
    let resumed = reader.ask(json!({"do": "resume"})).await;
    assert_eq!(resumed, json!({"event": "signed_in", "state": {"state": "signed_in"}}));
    assert_eq!(reader.get().await, answered());
    assert_eq!(refreshes(&realm), (0, 0, 0));
}
