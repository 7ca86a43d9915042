//! An app that is suspended in the middle of a refresh holds no lock, and has asked for time before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use auth_session::{
    AuthSession, BackgroundActivity, FileStore, SecretStore, SessionConfig, Slot, StoreError,
};
use serde_json::json;
use test_authority::{Realm, RealmOptions};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
/// Whoever gets the lease gets it at once.
const AT_ONCE: Duration = Duration::from_millis(1);

/// A system that gives time, or does not, and counts what it is asked.
#[derive(Clone, Debug, Default)]
struct System(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    refuses: AtomicBool,
    begun: AtomicU32,
    ended: AtomicU32,
}

impl System {
    fn counts(&self) -> (u32, u32) {
        (self.0.begun.load(Ordering::SeqCst), self.0.ended.load(Ordering::SeqCst))
    }
}

impl BackgroundActivity for System {
    fn begin(&self) -> bool {
        let gives = !self.0.refuses.load(Ordering::SeqCst);
        self.0.begun.fetch_add(gives.into(), Ordering::SeqCst);
        gives
    }

    fn end(&self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

struct Scene {
    realm: Realm,
    system: System,
    session: AuthSession,
    store: FileStore,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
        let folder = tempfile::tempdir().expect("a folder");
        let (store, system) = (FileStore::new(folder.path()), System::default());
        let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
        let config = config.store(store.clone()).background_activity(system.clone());
        let session = AuthSession::open(config).await.expect("a session");
        let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
        session.sign_in(credentials).await.expect("the credentials are right");
        let scene = Self { realm, system, session, store, _folder: folder };
        scene.tell("expire_access_tokens", json!({})).await;
        scene
    }

    async fn tell(&self, command: &str, arguments: serde_json::Value) {
        self.realm.command(command, arguments).await.expect("the command is carried out");
    }

    /// What another process gets that wants to refresh.
    fn lease(&self) -> Result<(), StoreError> {
        let slot = Slot { namespace: "auth-session".into(), account: "default".into() };
        self.store.lease(&slot, AT_ONCE).map(drop)
    }

    /// Everything that has begun ends.
    async fn ended(self) -> (u32, u32) {
        let Self { system, session, .. } = self;
        timeout(PATIENCE, session.close()).await.expect("nothing is owed for ever");
        system.counts()
    }
}

#[tokio::test]
async fn a_suspended_session_holds_no_lock_and_its_refresh_is_finished_when_it_goes_on() {
    let scene = Scene::new().await;
    scene.tell("hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let request = tokio::spawn(scene.session.get("/me").send());
    scene.tell("await_held", json!({"endpoint": "refresh", "count": 1})).await;
    assert_eq!(scene.system.counts(), (1, 0));
    assert!(scene.lease().is_err(), "whoever refreshes has it");
    scene.session.suspend();
    assert_eq!((scene.lease(), scene.system.counts()), (Ok(()), (1, 1)));
    scene.tell("release", json!({"endpoint": "refresh"})).await;
    scene.session.resume();
    let answer = request.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 200);
    let counters = scene.realm.counters();
    assert_eq!((counters.refreshes, counters.reuse_detected), (1, 0));
    assert_eq!(scene.ended().await, (1, 1));
}

#[tokio::test]
async fn every_refresh_is_done_in_time_that_was_asked_for() {
    let scene = Scene::new().await;
    for round in 1..=3 {
        assert_eq!(scene.session.get("/me").send().await.expect("an answer").status(), 200);
        assert_eq!(scene.system.counts().0, round);
        scene.tell("expire_access_tokens", json!({})).await;
    }
    assert_eq!(scene.ended().await, (3, 3));
}

#[tokio::test]
async fn where_the_system_gives_no_time_no_refresh_begins_and_the_session_is_kept() {
    let scene = Scene::new().await;
    scene.system.0.refuses.store(true, Ordering::SeqCst);
    let answer = scene.session.get("/me").send().await.expect("the server's refusal");
    assert_eq!((answer.status().as_u16(), answer.disposition().name()), (401, "refresh_failed"));
    let error = scene.session.authorization("/me").await.expect("the token is not known to be refused");
    let refused = scene.session.refused(&error, answer.status(), answer.headers(), b"").await;
    let explanation = refused.expect_err("no other token").to_string();
    assert!(explanation.contains("gives the app no time in the background"), "{explanation}");
    assert_eq!(scene.realm.counters().refresh_requests, 0);
    scene.system.0.refuses.store(false, Ordering::SeqCst);
    scene.session.network_changed();
    assert_eq!(scene.session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(scene.ended().await, (1, 1));
}
