//! A process that is about to be suspended lets go of what any of its sessions holds. A binary of its own, because it
//! suspends the sessions of every test in it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use auth_session::{
    AuthSession, FaultyStore, FileStore, InMemoryStore, SecretStore, SessionConfig, Slot, StoreError,
    StoreFault, StoreOperation, suspend_sessions,
};
use serde_json::json;
use test_authority::{Realm, RealmOptions};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
/// Whoever gets the lease gets it at once.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Whose writes do not end.
const HANGING: usize = 4;
/// One suspension waits for a second; one after the other they would take [`HANGING`].
const TOGETHER: Duration = Duration::from_millis(2500);

/// Whoever suspends all does it alone.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn slot() -> Slot {
    Slot { namespace: "auth-session".into(), account: "default".into() }
}

async fn signed_in(realm: &Realm, store: impl SecretStore + 'static) -> AuthSession {
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let session = AuthSession::open(config.store(store)).await.expect("a session");
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.expect("the credentials are right");
    session
}

async fn suspension() -> Duration {
    let suspension = spawn_blocking(|| {
        let began = Instant::now();
        suspend_sessions();
        began.elapsed()
    });
    timeout(PATIENCE, suspension).await.expect("it ends").expect("no panic")
}

#[tokio::test]
async fn a_refresh_of_a_session_that_nobody_holds_any_more_gives_its_lease_back() {
    let _alone = ALONE.lock().await;
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::new(folder.path());
    let session = signed_in(&realm, store.clone()).await;
    let command =
        async |name, arguments| drop(realm.command(name, arguments).await.expect("it is carried out"));
    command("expire_access_tokens", json!({})).await;
    command("hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let request = tokio::spawn(session.get("/me").send());
    command("await_held", json!({"endpoint": "refresh", "count": 1})).await;
    request.abort();
    drop((request.await, session));
    let lease = || store.lease(&slot(), AT_ONCE).map(drop);
    assert!(matches!(lease(), Err(StoreError::Transient(_))), "whoever refreshes has it");
    suspension().await;
    assert_eq!(lease(), Ok(()));
    command("release", json!({"endpoint": "refresh"})).await;
}

#[tokio::test]
async fn writes_of_several_sessions_are_waited_for_together_and_hold_up_no_lease() {
    let _alone = ALONE.lock().await;
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let folder = tempfile::tempdir().expect("a folder");
    let shared = FileStore::new(folder.path());
    let leasing = signed_in(&realm, shared.clone()).await;
    let stores: Vec<_> = (0..HANGING).map(|_| Arc::new(FaultyStore::new(InMemoryStore::new()))).collect();
    let mut writing = Vec::new();
    for store in &stores {
        let session = signed_in(&realm, Arc::clone(store)).await;
        store.script(StoreOperation::Erase, StoreFault::HangAfter, 1);
        writing.push(tokio::spawn(async move { drop(session.sign_out().await) }));
        let watched = Arc::clone(store);
        let hangs = spawn_blocking(move || watched.await_hanging(StoreOperation::Erase, PATIENCE));
        assert!(hangs.await.expect("no panic"));
    }
    realm.command("expire_access_tokens", json!({})).await.expect("it is carried out");
    realm.command("hold", json!({"endpoint": "refresh", "when": "before"})).await.expect("it is carried out");
    let request = tokio::spawn(leasing.get("/me").send());
    realm.command("await_held", json!({"endpoint": "refresh", "count": 1})).await.expect("it is carried out");
    let given_back = Arc::new(Mutex::new(None));
    let (noted, began) = (Arc::clone(&given_back), Instant::now());
    let waiting = spawn_blocking(move || {
        let lease = shared.lease(&slot(), PATIENCE).map(drop);
        *noted.lock().expect("no panic") = Some(began.elapsed());
        lease
    });
    let took = suspension().await;
    assert_eq!(timeout(PATIENCE, waiting).await.expect("it ends").expect("no panic"), Ok(()));
    let given_back = given_back.lock().expect("no panic").expect("it was gained");
    assert!(given_back < took, "{given_back:?}, and all took {took:?}");
    assert!(took < TOGETHER, "{took:?}");
    for store in &stores {
        store.release();
    }
    realm.command("release", json!({"endpoint": "refresh"})).await.expect("it is carried out");
    for task in writing {
        timeout(PATIENCE, task).await.expect("it ends").expect("no panic");
    }
    drop(timeout(PATIENCE, request).await.expect("it ends"));
}
