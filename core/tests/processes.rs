//! Processes that share one store: they refresh once for all, and one that stops or dies holds the others up
//! no longer than it must.

// Whether a process has stopped is read from /proc.
#![cfg(target_os = "linux")]

#[path = "support/process.rs"]
mod process;

use std::path::Path;
use std::time::Duration;

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
async fn nobody_takes_the_lease_from_a_stopped_process_and_all_go_on_when_it_does() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut processes = sharing(&realm, folder.path(), 1).await;
    let mut impatient = SessionProcess::open_for(&realm, folder.path(), IMPATIENCE).await;
    command(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
    let [holder, patient] = processes.as_mut_slice() else { panic!("two processes") };
    let first = holder.tell(get()).await;
    command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    holder.stop().await;
    command(&realm, "release", json!({"endpoint": "refresh"})).await;
    let second = patient.tell(get()).await;
    assert_eq!(impatient.get().await, json!({"error": "timeout"}));
    assert_eq!(realm.counters().refresh_requests, 1, "nobody else sends the token");
    holder.go_on().await;
    assert_eq!(holder.answer(first).await, answered());
    assert_eq!(patient.answer(second).await, answered());
    assert_eq!(impatient.get().await, answered());
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

#[tokio::test]
async fn when_the_holder_of_the_lease_is_killed_the_next_one_takes_over() {
    for sent in [false, true] {
        // What the server got from the dead one it may act upon; then it must recognise the same request.
        let realm = start(RealmOptions { idempotent_replay: sent, ..RealmOptions::default() }).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut processes = sharing(&realm, folder.path(), 2).await;
        let (holder, others) = processes.split_first_mut().expect("three processes");
        if sent {
            command(&realm, "hold", json!({"endpoint": "refresh", "when": "after"})).await;
            holder.tell(get()).await;
            command(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
        } else {
            let hanging = holder.hang("lease", true).await;
            holder.tell(get()).await;
            holder.answer(hanging).await;
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
            assert_eq!(process.answer(request).await, answered());
        }
        assert_eq!(refreshes(&realm), (1 + u64::from(sent), 1, 0));
    }
}
