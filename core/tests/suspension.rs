//! An app that is suspended in the middle of a refresh or a write holds no lock, and has asked for time before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use auth_session::{
    AuthSession, BackgroundActivity, FaultyStore, FileStore, InMemoryStore, Load, SecretStore, SessionConfig,
    SessionState, Slot, StoreError, StoreFault, StoreOperation,
};
use serde_json::json;
use test_authority::{Realm, RealmOptions};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
/// A suspension that waits for nothing takes less, one that waits for a write that does not end more.
const NOTICEABLE: Duration = Duration::from_millis(500);
/// The lease is waited for longer.
const BEFORE_THE_LEASE_IS_GIVEN_UP: Duration = Duration::from_secs(10);
/// Whoever gets the lease gets it at once.
const AT_ONCE: Duration = Duration::from_millis(1);

/// A system that gives time, or does not, and counts what it is asked.
#[derive(Clone, Debug, Default)]
struct System(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    refuses: AtomicBool,
    /// Whoever asks is kept waiting, and how many are.
    hesitates: AtomicBool,
    asking: AtomicU32,
    begun: AtomicU32,
    ended: AtomicU32,
}

impl System {
    fn counts(&self) -> (u32, u32) {
        (self.0.begun.load(Ordering::SeqCst), self.0.ended.load(Ordering::SeqCst))
    }

    fn forget(&self) {
        self.0.begun.store(0, Ordering::SeqCst);
        self.0.ended.store(0, Ordering::SeqCst);
    }
}

impl BackgroundActivity for System {
    fn begin(&self) -> bool {
        self.0.asking.fetch_add(1, Ordering::SeqCst);
        while self.0.hesitates.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        self.0.asking.fetch_sub(1, Ordering::SeqCst);
        let gives = !self.0.refuses.load(Ordering::SeqCst);
        self.0.begun.fetch_add(gives.into(), Ordering::SeqCst);
        gives
    }

    fn end(&self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

fn slot() -> Slot {
    Slot { namespace: "auth-session".into(), account: "default".into() }
}

async fn sign_in(session: &AuthSession) {
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.expect("the credentials are right");
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
        sign_in(&session).await;
        let scene = Self { realm, system, session, store, _folder: folder };
        scene.tell("expire_access_tokens", json!({})).await;
        scene.system.forget();
        scene
    }

    async fn tell(&self, command: &str, arguments: serde_json::Value) {
        self.realm.command(command, arguments).await.expect("the command is carried out");
    }

    /// What another process gets that wants to refresh.
    fn lease(&self) -> Result<(), StoreError> {
        self.store.lease(&slot(), AT_ONCE).map(drop)
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
    assert_eq!(scene.ended().await, (2, 2), "the refresh and its save");
}

#[tokio::test]
async fn every_refresh_is_done_in_time_that_was_asked_for() {
    let scene = Scene::new().await;
    for round in 1..=3 {
        assert_eq!(scene.session.get("/me").send().await.expect("an answer").status(), 200);
        assert_eq!(scene.system.counts().0, 2 * round, "a refresh and its save");
        scene.tell("expire_access_tokens", json!({})).await;
    }
    assert_eq!(scene.ended().await, (6, 6));
}

#[tokio::test]
async fn what_a_sign_out_and_a_sign_in_write_is_written_in_time_that_was_asked_for() {
    let scene = Scene::new().await;
    scene.session.sign_out().await.expect("a tombstone");
    assert_eq!(scene.system.counts(), (1, 1));
    sign_in(&scene.session).await;
    assert_eq!(scene.ended().await, (2, 2));
}

#[tokio::test]
async fn where_the_system_gives_no_time_what_would_be_lost_is_written_all_the_same() {
    let scene = Scene::new().await;
    scene.system.0.refuses.store(true, Ordering::SeqCst);
    scene.session.sign_out().await.expect("a tombstone");
    assert!(matches!(scene.store.load(&slot()), Load::Tombstone(..)));
    sign_in(&scene.session).await;
    assert!(matches!(scene.store.load(&slot()), Load::Found(..)));
    assert_eq!(scene.ended().await, (0, 0));
}

#[tokio::test]
async fn a_suspension_waits_for_whoever_may_hold_a_lock_but_not_for_ever() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let session = AuthSession::open(config.store(Arc::clone(&store))).await.expect("a session");
    sign_in(&session).await;
    for operation in [StoreOperation::Erase, StoreOperation::Save, StoreOperation::Lease] {
        realm.command("expire_access_tokens", json!({})).await.expect("the command is carried out");
        store.script(operation, StoreFault::HangAfter, 1);
        let user = session.clone();
        let working = tokio::spawn(async move {
            match operation {
                // Whoever waits for a write is let go after a while; the write goes on.
                StoreOperation::Erase => drop(user.sign_out().await),
                StoreOperation::Save => sign_in(&user).await,
                // Refused: what has been gained by then is given back.
                _ => drop(user.get("/me").send().await),
            }
        });
        let (watched, suspended) = (Arc::clone(&store), session.clone());
        let suspension = spawn_blocking(move || {
            assert!(watched.await_hanging(operation, PATIENCE), "{operation:?}");
            let began = Instant::now();
            suspended.suspend();
            began.elapsed()
        });
        let waited = timeout(PATIENCE, suspension).await.expect("it ends").expect("no panic");
        assert!(waited > NOTICEABLE, "{operation:?}: {waited:?}");
        store.release();
        timeout(PATIENCE, working).await.expect("it ends").expect("no panic");
    }
}

/// How long a suspension takes.
async fn suspension(session: &AuthSession) -> Duration {
    let session = session.clone();
    let suspension = spawn_blocking(move || {
        let began = Instant::now();
        session.suspend();
        began.elapsed()
    });
    timeout(PATIENCE, suspension).await.expect("it ends").expect("no panic")
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_suspension_waits_for_a_write_that_still_asks_for_time() {
    let scene = Scene::new().await;
    scene.system.0.hesitates.store(true, Ordering::SeqCst);
    let user = scene.session.clone();
    let working = tokio::spawn(async move { user.sign_out().await });
    until("it asks", || scene.system.0.asking.load(Ordering::SeqCst) == 1).await;
    assert!(suspension(&scene.session).await > NOTICEABLE);
    scene.system.0.hesitates.store(false, Ordering::SeqCst);
    drop(timeout(PATIENCE, working).await.expect("it ends").expect("no panic"));
    assert_eq!(scene.ended().await, (1, 1));
}

#[tokio::test]
async fn a_suspension_waits_for_a_write_that_is_queued() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let session = AuthSession::open(config.store(Arc::clone(&store))).await.expect("a session");
    sign_in(&session).await;
    store.script(StoreOperation::Load, StoreFault::Hang, 1);
    session.resume();
    let watched = Arc::clone(&store);
    let hangs = spawn_blocking(move || watched.await_hanging(StoreOperation::Load, PATIENCE));
    assert!(hangs.await.expect("no panic"));
    let user = session.clone();
    let working = tokio::spawn(async move { user.sign_out().await });
    until("the tombstone is to be written", || !matches!(session.state(), SessionState::SignedIn { .. }))
        .await;
    assert!(suspension(&session).await > NOTICEABLE);
    store.release();
    drop(timeout(PATIENCE, working).await.expect("it ends").expect("no panic"));
}

#[tokio::test]
async fn who_waits_for_the_lease_is_told_of_a_suspension_and_a_later_request_needs_no_resume() {
    let scene = Scene::new().await;
    let elsewhere = scene.store.lease(&slot(), AT_ONCE).expect("nobody has it");
    let request = tokio::spawn(scene.session.get("/me").send());
    until("the lease is wanted", || scene.system.counts() == (1, 0)).await;
    scene.session.suspend();
    let ended = until("it is waited for no more", || scene.system.counts() == (1, 1));
    timeout(BEFORE_THE_LEASE_IS_GIVEN_UP, ended).await.expect("soon");
    drop(elsewhere);
    let answer = timeout(BEFORE_THE_LEASE_IS_GIVEN_UP, request)
        .await
        .expect("at once")
        .expect("no panic")
        .expect("a refusal");
    assert_eq!((answer.status().as_u16(), answer.disposition().name()), (401, "refresh_failed"));
    assert_eq!(scene.lease(), Ok(()), "it is not taken any more");
    assert_eq!(scene.realm.counters().refresh_requests, 0);
    assert_eq!(scene.session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(scene.ended().await, (3, 3), "the wait, the refresh and its save");
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
    assert_eq!(scene.ended().await, (2, 2), "the refresh and its save");
}
