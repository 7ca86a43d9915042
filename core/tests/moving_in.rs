//! An app hands over the sign-in that it has kept elsewhere so far, at every launch until its old place is empty: what
//! becomes of it when the process is killed at any point of that, and when somebody has signed in or out meanwhile.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auth_session::{
    AuthSession, Error, FaultyStore, FileStore, InMemoryStore, SessionConfig, SessionState, SignOutReason,
    StoreFault, StoreOperation, Tokens,
};
use process::{SessionProcess, answered, command, program, refreshes, signed_in, signed_out, start};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::process::Command;

/// Nothing here takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Several blocks of a file, in bytes.
const LONG: usize = 4096;
/// What the system sends to a process that writes more to a file than it may (signal(7)).
const SIGXFSZ: i32 = 25;
/// App, extensions and widgets that start at once.
const MANY: usize = 8;

/// The command that imports what the app's old place holds.
async fn old_sign_in(realm: &Realm) -> Value {
    let mut tokens = realm.command("issue_tokens", json!({})).await.expect("tokens");
    json!({"do": "import", "access_token": tokens["access_token"].take(),
        "refresh_token": tokens["refresh_token"].take()})
}

fn imported(effective: bool) -> Value {
    json!({"imported": effective})
}

/// A realm, and a process on a store of its own, on which nobody has ever signed in.
struct Scene {
    realm: Realm,
    folder: tempfile::TempDir,
    process: SessionProcess,
    /// Stays where it is: the app was killed before it could delete it.
    old: Value,
}

impl Scene {
    async fn new() -> Self {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let process = SessionProcess::open(&realm, folder.path()).await;
        assert_eq!(process.opened, signed_out("never_signed_in"));
        let old = old_sign_in(&realm).await;
        Self { realm, folder, process, old }
    }

    async fn import(&mut self) -> Value {
        self.process.ask(self.old.clone()).await
    }

    /// Kills the process and opens the session in another one.
    async fn restart(&mut self) -> Value {
        self.process.kill().await;
        self.process = SessionProcess::open(&self.realm, self.folder.path()).await;
        self.process.opened.clone()
    }

    async fn expire(&self) {
        command(&self.realm, "expire_access_tokens", json!({})).await;
    }
}

/// The store's one file with this extension.
fn stored(folder: &Path, extension: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).expect("the store");
    entries.find_map(|entry| {
        let path = entry.expect("an entry").path();
        path.extension().is_some_and(|found| found == extension).then_some(path)
    })
}

#[tokio::test]
async fn killed_before_the_import_is_saved_the_next_process_imports_the_same() {
    let mut scene = Scene::new().await;
    for operation in ["load", "save"] {
        let hanging = scene.process.hang(operation, false).await;
        scene.process.tell(scene.old.clone()).await;
        scene.process.answer(hanging).await;
        assert_eq!(scene.restart().await, signed_out("never_signed_in"), "{operation}");
    }
    assert_eq!(scene.import().await, imported(true));
    assert_eq!(scene.process.get().await, answered());
    assert_eq!(refreshes(&scene.realm), (0, 0, 0));
}

#[tokio::test]
async fn killed_in_the_middle_of_the_write_the_next_process_imports_the_same() {
    let mut scene = Scene::new().await;
    scene.process.kill().await;
    // The system kills a process that writes more than its limit, here one block, to a file.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -c 0; ulimit -f 1; exec \"$0\" \"$@\""]).arg(program());
    scene.process = SessionProcess::spawn(limited, &scene.realm, scene.folder.path(), PATIENCE).await;
    let long = json!({"do": "import", "access_token": "x".repeat(LONG), "refresh_token": "r"});
    scene.process.tell(long).await;
    assert_eq!(scene.process.wait().await.signal(), Some(SIGXFSZ));
    assert!(stored(scene.folder.path(), "new").is_some(), "a part has been written");
    assert_eq!(stored(scene.folder.path(), "session"), None);
    assert_eq!(scene.restart().await, signed_out("never_signed_in"));
    assert_eq!(scene.import().await, imported(true));
    assert_eq!(scene.process.get().await, answered());
}

#[tokio::test]
async fn killed_after_the_import_is_saved_the_next_process_is_signed_in_and_imports_nothing() {
    let mut scene = Scene::new().await;
    let hanging = scene.process.hang("save", true).await;
    scene.process.tell(scene.old.clone()).await;
    scene.process.answer(hanging).await;
    assert_eq!(scene.restart().await, signed_in());
    assert_eq!(scene.import().await, imported(false));
    assert_eq!(scene.process.get().await, answered());
    assert_eq!(refreshes(&scene.realm), (0, 0, 0));
}

#[tokio::test]
async fn an_old_token_that_has_been_rotated_since_its_import_is_never_sent_again() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.import().await, imported(true));
    for round in 1..=3 {
        scene.expire().await;
        assert_eq!(scene.process.get().await, answered());
        assert_eq!(scene.import().await, imported(false), "in the same process");
        assert_eq!(scene.restart().await, signed_in());
        assert_eq!(scene.import().await, imported(false), "in the next");
        assert_eq!(scene.process.get().await, answered());
        assert_eq!(refreshes(&scene.realm), (round, round, 0));
    }
}

#[tokio::test]
async fn a_user_who_has_signed_out_is_not_signed_in_by_the_old_place_wherever_the_process_is_killed() {
    for returned in [false, true] {
        let mut scene = Scene::new().await;
        assert_eq!(scene.import().await, imported(true));
        if returned {
            assert_eq!(scene.process.ask(json!({"do": "sign_out"})).await, json!({}));
        } else {
            let hanging = scene.process.hang("erase", true).await;
            scene.process.tell(json!({"do": "sign_out"})).await;
            scene.process.answer(hanging).await;
        }
        let before = scene.realm.counters().resource_requests;
        for _ in 0..2 {
            assert_eq!(scene.restart().await, signed_out("user"));
            assert_eq!(scene.import().await, imported(false));
            assert_eq!(scene.process.ask(json!({"do": "state"})).await, signed_out("user"));
            assert_eq!(scene.process.get().await, json!({"error": "signed_out"}));
        }
        assert_eq!(scene.realm.counters().resource_requests, before);
    }
}

#[tokio::test]
async fn a_session_that_the_server_has_ended_is_not_begun_again_by_the_old_place() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.import().await, imported(true));
    command(&scene.realm, "revoke_refresh_tokens", json!({})).await;
    scene.expire().await;
    assert_eq!(scene.process.get().await, json!({"status": 401, "disposition": "session_ended"}));
    // It returns when the tombstone is durable.
    assert_eq!(scene.process.ask(json!({"do": "sign_out"})).await, json!({}));
    assert_eq!(scene.import().await, imported(false));
    assert_eq!(scene.restart().await, signed_out("rejected"));
    assert_eq!(scene.import().await, imported(false));
    assert_eq!(scene.process.ask(json!({"do": "state"})).await, signed_out("rejected"));
}

#[tokio::test]
async fn processes_that_import_at_once_take_over_one_sign_in_and_refresh_it_once() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let old = old_sign_in(&realm).await;
    let mut processes = Vec::new();
    for _ in 0..MANY {
        processes.push(SessionProcess::open(&realm, folder.path()).await);
    }
    let mut imports = Vec::new();
    for process in &mut processes {
        imports.push(process.tell(old.clone()).await);
    }
    let mut effective = 0;
    for (process, import) in processes.iter_mut().zip(imports) {
        effective += usize::from(process.answer(import).await == imported(true));
        assert_eq!(process.ask(json!({"do": "state"})).await, signed_in());
        assert_eq!(process.get().await, answered());
    }
    assert_eq!(effective, 1);
    command(&realm, "expire_access_tokens", json!({})).await;
    for process in &mut processes {
        assert_eq!(process.get().await, answered());
    }
    assert_eq!(refreshes(&realm), (1, 1, 0));
}

type Store = Arc<FaultyStore<FileStore>>;

/// A session in this process on a store whose faults are scripted.
async fn faulty(realm: &Realm, folder: &Path) -> (Store, AuthSession) {
    let store = Arc::new(FaultyStore::new(FileStore::new(folder)));
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let session = AuthSession::open(config.store(Arc::clone(&store))).await.expect("a session");
    (store, session)
}

/// Begins an import and returns when the store has been read and is about to be written.
async fn begun(store: &Store, session: &AuthSession) -> tokio::task::JoinHandle<Result<bool, Error>> {
    store.script(StoreOperation::Save, StoreFault::Hang, 1);
    let importing = session.clone();
    let import = tokio::spawn(async move { importing.import(Tokens::new("old").refresh_token("old")).await });
    let waiting = Arc::clone(store);
    let hangs =
        tokio::task::spawn_blocking(move || waiting.await_hanging(StoreOperation::Save, PATIENCE)).await;
    assert!(hangs.expect("no panic"), "it writes");
    import
}

#[tokio::test]
async fn what_another_process_writes_during_an_import_wins() {
    for signs_out in [false, true] {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let (store, session) = faulty(&realm, folder.path()).await;
        let import = begun(&store, &session).await;
        let mut other = SessionProcess::open(&realm, folder.path()).await;
        assert_eq!(other.ask(json!({"do": "sign_in"})).await, json!({}));
        if signs_out {
            assert_eq!(other.ask(json!({"do": "sign_out"})).await, json!({}));
        }
        let record = stored(folder.path(), "session").expect("a record");
        let written = fs::read(&record).expect("a record");
        store.release();
        assert_eq!(import.await.expect("no panic"), Ok(false));
        assert!(fs::read(&record).expect("a record") == written, "it is as the other process left it");
        if signs_out {
            assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
        } else {
            assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
        }
    }
}

#[tokio::test]
async fn a_sign_out_during_an_import_wins() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (store, session) = faulty(&realm, folder.path()).await;
    let import = begun(&store, &session).await;
    let leaving = session.clone();
    let leave = tokio::spawn(async move { leaving.sign_out().await });
    let mut states = session.states();
    while !matches!(states.next().await, SessionState::SignedOut { .. }) {}
    store.release();
    assert_eq!(leave.await.expect("no panic"), Ok(()));
    assert_eq!(import.await.expect("no panic"), Ok(false));
    assert_eq!(session.import(Tokens::new("old")).await, Ok(false));
    let next = SessionProcess::open(&realm, folder.path()).await;
    assert_eq!(next.opened, signed_out("user"));
}

#[tokio::test]
async fn an_import_whose_caller_has_gone_away_takes_effect_and_is_not_repeated() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (store, session) = faulty(&realm, folder.path()).await;
    let import = begun(&store, &session).await;
    import.abort();
    assert!(import.await.is_err_and(|end| end.is_cancelled()));
    let mut states = session.states();
    store.release();
    while !matches!(states.next().await, SessionState::SignedIn { .. }) {}
    assert_eq!(session.import(Tokens::new("old")).await, Ok(false));
}

#[tokio::test]
async fn an_import_that_could_not_be_saved_is_an_error_and_may_be_repeated() {
    // Nothing has been written, or everything and the store says otherwise: the app cannot know and asks again.
    for (fault, effective) in
        [(StoreFault::Fail, true), (StoreFault::Locked, true), (StoreFault::FailAfter, false)]
    {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let (store, session) = faulty(&realm, folder.path()).await;
        store.script(StoreOperation::Save, fault, 1);
        let failed = session.import(Tokens::new("old").refresh_token("old")).await;
        let code = if fault == StoreFault::Locked { "locked" } else { "store_unavailable" };
        assert_eq!(failed.expect_err("not saved").code(), code, "{fault:?}");
        assert_eq!(session.state(), SessionState::Locked, "{fault:?}: nobody is signed out by it");
        let again = session.import(Tokens::new("old").refresh_token("old")).await;
        assert_eq!(again, Ok(effective), "{fault:?}");
        assert!(matches!(session.state(), SessionState::SignedIn { .. }), "{fault:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_not_replaced_by_an_import() {
    for fault in [StoreFault::Locked, StoreFault::Fail, StoreFault::Corrupt, StoreFault::Unrecoverable] {
        let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
        let config =
            || SessionConfig::new("https://api.example.com").expect("a URL").store(Arc::clone(&store));
        let session = AuthSession::open(config()).await.expect("a session");
        session.adopt(Tokens::new("present")).await.expect("the store is fine");
        session.close().await;
        // The device is unlocked between the start of the app and the import, which reads the store once more.
        store.script(StoreOperation::Load, StoreFault::Locked, 1);
        let session = AuthSession::open(config()).await.expect("a session");
        store.script(StoreOperation::Load, fault, 1);
        let import = session.import(Tokens::new("old")).await;
        if fault == StoreFault::Unrecoverable {
            assert_eq!(import, Ok(false), "somebody had signed in");
            assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::SecretsLost });
        } else {
            import.expect_err("nobody can say whether somebody has signed in");
            assert_eq!(session.state(), SessionState::Locked, "{fault:?}");
        }
        session.close().await;
        let session = AuthSession::open(config()).await.expect("a session");
        assert!(matches!(session.state(), SessionState::SignedIn { .. }), "{fault:?}: it is still there");
        assert_eq!(session.import(Tokens::new("old")).await, Ok(false), "{fault:?}");
    }
}

#[tokio::test]
async fn a_tombstone_wins_also_where_the_store_was_locked_when_the_app_started() {
    let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
    let config = || SessionConfig::new("https://api.example.com").expect("a URL").store(Arc::clone(&store));
    let session = AuthSession::open(config()).await.expect("a session");
    assert_eq!(session.import(Tokens::new("old")).await, Ok(true));
    session.sign_out().await.expect("the store is fine");
    session.close().await;
    store.script(StoreOperation::Load, StoreFault::Locked, 1);
    let session = AuthSession::open(config()).await.expect("a session");
    assert_eq!(session.state(), SessionState::Locked);
    assert_eq!(session.import(Tokens::new("old")).await, Ok(false));
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
}
