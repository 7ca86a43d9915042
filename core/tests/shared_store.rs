//! Two sessions on one directory, which each knows by a name of its own, as two processes do: what becomes of them
//! when the record between them is emptied, damaged, or written in an unlucky moment.

#![cfg(target_os = "linux")]

#[path = "support/process.rs"]
mod process;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth_session::{
    AuthSession, Event, FaultyStore, FileStore, SecretStore, SessionConfig, SessionState, SignOutReason,
    StoreFault, StoreOperation, Tokens,
};
use process::{command, start};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

fn credentials() -> Value {
    json!({"email": "ada@example.com", "password": "correct horse"})
}

fn answered() -> (u16, &'static str) {
    (200, "answered")
}

/// A directory and a realm.
struct Scene {
    realm: Realm,
    folder: tempfile::TempDir,
    names: std::cell::Cell<usize>,
}

impl Scene {
    async fn new() -> Self {
        let (realm, folder) = (start(RealmOptions::default()).await, tempfile::tempdir().expect("a folder"));
        fs::create_dir(folder.path().join("sessions")).expect("a directory");
        Self { realm, folder, names: 0.into() }
    }

    /// The directory under another name: a session of its own.
    fn store(&self) -> FileStore {
        let name = self.folder.path().join(self.names.replace(self.names.get() + 1).to_string());
        symlink(self.folder.path().join("sessions"), &name).expect("a link");
        FileStore::new(name)
    }

    async fn open_on(&self, store: impl SecretStore) -> AuthSession {
        let config = SessionConfig::new(&self.realm.api_url()).expect("a URL").allow_loopback(true);
        AuthSession::open(config.store(store)).await.expect("a session")
    }

    async fn open(&self) -> AuthSession {
        self.open_on(self.store()).await
    }

    /// Two sessions, of which one has signed in.
    async fn two(&self) -> (AuthSession, AuthSession) {
        let first = self.open().await;
        first.sign_in(credentials()).await.expect("the credentials are right");
        (first, self.open().await)
    }

    async fn tell(&self, name: &str, arguments: Value) {
        command(&self.realm, name, arguments).await;
    }

    fn record(&self) -> PathBuf {
        let entries = fs::read_dir(self.folder.path().join("sessions")).expect("the directory");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.extension().is_some_and(|it| it == "session")).expect("a record")
    }
}

async fn get(session: &AuthSession) -> (u16, &'static str) {
    let answer = session.get("/me").send().await.expect("an answer");
    (answer.status().as_u16(), answer.disposition().name())
}

fn signed_out(reason: SignOutReason) -> SessionState {
    SessionState::SignedOut { reason }
}

#[tokio::test]
async fn what_is_saved_where_the_record_was_lost_is_newer_than_what_others_knew() {
    let scene = Scene::new().await;
    let (one, other) = scene.two().await;
    fs::remove_file(scene.record()).expect("removed");
    scene.tell("expire_access_tokens", json!({})).await;
    assert_eq!(get(&other).await, answered());
    scene.tell("expire_access_tokens", json!({})).await;
    assert_eq!((get(&one).await, get(&other).await), (answered(), answered()));
    let counters = scene.realm.counters();
    assert_eq!((counters.refreshes, counters.reuse_detected), (2, 0));
}

#[tokio::test]
async fn a_refresh_over_a_lost_record_does_not_undo_a_sign_out() {
    let scene = Scene::new().await;
    let (one, other) = scene.two().await;
    fs::remove_file(scene.record()).expect("removed");
    scene.tell("expire_access_tokens", json!({})).await;
    scene.tell("hold", json!({"endpoint": "refresh", "when": "before"})).await;
    scene.tell("fault", json!({"endpoint": "logout", "status": 503})).await;
    let request = tokio::spawn({
        let one = one.clone();
        async move { get(&one).await }
    });
    scene.tell("await_held", json!({"endpoint": "refresh", "count": 1})).await;
    other.sign_out().await.expect("the tombstone is written");
    scene.tell("release", json!({"endpoint": "refresh"})).await;
    assert_eq!(request.await.expect("no panic"), (401, "session_ended"));
    assert_eq!(one.state(), signed_out(SignOutReason::Elsewhere));
    assert_eq!(scene.open().await.state(), signed_out(SignOutReason::User));
}

#[tokio::test]
async fn a_sign_in_that_was_saved_and_reported_as_failed_does_not_come_back_after_a_sign_out() {
    let scene = Scene::new().await;
    let store = Arc::new(FaultyStore::new(scene.store()));
    // The first save is made and fails, and so does what would repeat it, until the other one has signed out.
    store.script(StoreOperation::Save, StoreFault::FailAfter, 1);
    let one = scene.open_on(Arc::clone(&store)).await;
    let mut events = one.events();
    one.sign_in(credentials()).await.expect("the tokens are in use");
    assert_eq!(next(&mut events).await, Event::PersistenceDegraded);
    assert_eq!(next(&mut events).await, Event::SignedIn);
    let other = scene.open().await;
    other.sign_out().await.expect("the tombstone is written");
    let ended = Event::SignedOut { reason: SignOutReason::Elsewhere };
    loop {
        match next(&mut events).await {
            Event::PersistenceRestored => {
                // It was saved again before the sign-out.
                one.resume();
            }
            event => break assert_eq!(event, ended),
        }
    }
    assert_eq!(scene.open().await.state(), signed_out(SignOutReason::User));
}

async fn next(events: &mut auth_session::Events) -> Event {
    timeout(PATIENCE, events.next()).await.expect("an event in time").expect("the session is there")
}

#[tokio::test]
async fn a_certain_rejection_is_believed_although_the_record_is_damaged() {
    let scene = Scene::new().await;
    let session = scene.open().await;
    session.sign_in(credentials()).await.expect("the credentials are right");
    scene.tell("revoke_refresh_tokens", json!({})).await;
    scene.tell("expire_access_tokens", json!({})).await;
    let record = scene.record();
    let bytes = fs::read(&record).expect("a record");
    fs::write(&record, &bytes[..bytes.len() / 2]).expect("cut off");
    assert_eq!(get(&session).await, (401, "session_ended"));
    assert_eq!(session.state(), signed_out(SignOutReason::Rejected));
}

#[tokio::test]
async fn what_could_not_be_read_again_is_not_saved_and_the_app_is_told() {
    let scene = Scene::new().await;
    let session = scene.open().await;
    let mut events = session.events();
    let tokens = Tokens::new("access").refresh_token("r".repeat(2 << 20));
    session.adopt(tokens).await.expect("the tokens are in use");
    assert_eq!(next(&mut events).await, Event::PersistenceDegraded);
    assert_eq!(scene.open().await.state(), signed_out(SignOutReason::NeverSignedIn));
}
