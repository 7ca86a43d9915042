//! The session over real sockets, against the strict test authority.

use std::fmt;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use auth_session::{
    AuthSession, BackgroundActivity, BootTime, Clock, Disposition, Error, Event, Expected, FileStore,
    Generation, HostBytes, HostLoad, HostStore, InMemoryStore, Load, OAuth2Dialect, Record, SecretStore,
    SessionConfig, SessionState, SignOutReason, Slot, StoreError, StoreIdentity, SystemClock, Tokens,
    Tombstone,
};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::sync::oneshot;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

async fn realm() -> Realm {
    Realm::start(RealmOptions::default()).await.expect("a realm")
}

fn config(realm: &Realm) -> SessionConfig {
    SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true)
}

fn credentials() -> Value {
    json!({"email": "ada@example.com", "password": "correct horse"})
}

async fn signed_in(realm: &Realm) -> AuthSession {
    let session = AuthSession::open(config(realm)).await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    session
}

async fn tell(realm: &Realm, command: &str, arguments: Value) -> Value {
    realm.command(command, arguments).await.expect("the command is carried out")
}

async fn next_event(session: &mut auth_session::Events) -> Event {
    timeout(PATIENCE, session.next()).await.expect("an event in time").expect("the session is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_on_an_expired_token_cause_one_refresh_and_all_succeed() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    let requests: Vec<_> = (0..1000).map(|_| tokio::spawn(session.get("/me").send())).collect();
    for request in requests {
        let response = request.await.expect("no panic").expect("an answer");
        assert_eq!(response.status(), 200);
    }
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuse_detected), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_after_a_call_hears_nothing_of_what_it_did() {
    let realm = realm().await;
    let session = AuthSession::open(config(&realm)).await.expect("a session");
    for _ in 0..5000 {
        session.adopt(Tokens::new("access")).await.expect("a good token");
        let mut events = session.events();
        session.sign_out().await.expect("signed out");
        assert_eq!(next_event(&mut events).await, Event::SignedOut { reason: SignOutReason::User });
    }
}

#[tokio::test]
async fn a_request_that_waits_is_never_sent_with_the_token_of_who_signs_in_meanwhile() {
    let realm = realm().await;
    let session = AuthSession::open(config(&realm)).await.expect("a session");
    let tokens = tell(&realm, "issue_tokens", json!({})).await;
    let refresh = tokens["refresh_token"].as_str().expect("a token").to_owned();
    session.adopt(Tokens::from_refresh_token(refresh)).await.expect("a good token");
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let request = tokio::spawn(session.post("/echo").body("of the first user").send());
    tell(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    session.sign_in(credentials()).await.expect("somebody else signs in");
    let error = request.await.expect("no panic").expect_err("it belonged to the first session");
    assert_eq!(error.code(), "session_changed");
    assert_eq!(realm.counters().resource_requests, 0);
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_cancelled_caller_does_not_cut_the_refresh() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let leader = tokio::spawn(session.get("/me").send());
    tell(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    let follower = tokio::spawn(session.get("/me").send());
    leader.abort();
    assert!(leader.await.expect_err("it was aborted").is_cancelled());
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    let response = follower.await.expect("no panic").expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(realm.counters().refresh_requests, 1);
}

#[tokio::test]
async fn a_caller_s_dying_runtime_does_not_cut_the_refresh_or_the_connections() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let (other, started) = (session.clone(), realm.clone());
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            tokio::spawn(other.get("/me").send());
            tell(&started, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
        });
        // The runtime goes down here, with the request that leads the refresh.
    })
    .await
    .expect("no panic");
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(realm.counters().refresh_requests, 1);
}

#[tokio::test]
async fn what_a_refresh_brings_is_saved_even_if_the_session_is_dropped_meanwhile() {
    let realm = realm().await;
    let store = Arc::new(InMemoryStore::new());
    let session = AuthSession::open(config(&realm).store(store.clone())).await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let request = tokio::spawn(session.get("/me").send());
    tell(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    let mut events = session.events();
    request.abort();
    drop(request);
    let closing = tokio::spawn(session.close());
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    assert_eq!(next_event(&mut events).await, Event::Refreshed);
    timeout(PATIENCE, closing).await.expect("nothing is owed any more").expect("no panic");
    let session = AuthSession::open(config(&realm).store(store)).await.expect("a session");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    let counters = realm.counters();
    assert_eq!((counters.refreshes, counters.reuse_detected), (1, 0));
}

/// The system's clock; the other end of the channel learns when nobody has it any more.
#[derive(Debug)]
struct WatchedClock(#[expect(dead_code, reason = "it is dropped")] oneshot::Sender<()>);

impl Clock for WatchedClock {
    fn boot_time(&self) -> BootTime {
        SystemClock.boot_time()
    }

    fn wall_time(&self) -> SystemTime {
        SystemClock.wall_time()
    }
}

#[tokio::test]
async fn a_session_that_is_closed_leaves_no_timer_behind() {
    let realm = realm().await;
    let (watched, gone) = oneshot::channel();
    let session = AuthSession::open(config(&realm).clock(WatchedClock(watched))).await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    // Its token is to be renewed in some minutes, which is nobody's business once the session is closed.
    session.close().await;
    timeout(PATIENCE, gone).await.expect("nobody waits for that time").expect_err("the clock is gone");
}

#[tokio::test]
async fn a_sign_in_returns_the_rest_of_the_answer_and_a_wrong_password_is_told_as_such() {
    let realm = realm().await;
    let session = AuthSession::open(config(&realm)).await.expect("a session");
    let wrong = session.sign_in(json!({"email": "ada@example.com", "password": "canary"})).await;
    let error = wrong.expect_err("the password is wrong");
    assert_eq!((error.code(), error.status()), ("sign_in_rejected", Some(401)));
    assert!(!format!("{error} {error:?}").contains("canary"));
    let Error::SignInRejected { answer: Some(answer), .. } = error else { panic!("{error}") };
    assert_eq!(answer.0["error"], "invalid_credentials");
    let answer = session.sign_in(credentials()).await.expect("the credentials are right");
    assert!(answer.is_signed_in());
    assert_eq!(*answer, json!({"user": {"id": "u1", "name": "Ada", "email": "ada@example.com"}}));
    let SessionState::SignedIn { subject, claims, expires_at } = session.state() else { panic!("signed in") };
    assert_eq!(subject.as_deref(), Some("u1"));
    assert_eq!(claims.expect("a JWT")["name"], "Ada");
    assert!(expires_at.is_some());
}

#[tokio::test]
async fn a_wrong_password_leaves_whoever_is_signed_in_signed_in() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    session.sign_in(json!({"email": "eve@example.com", "password": "guess"})).await.expect_err("rejected");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn an_expired_token_is_renewed_before_it_is_sent() {
    let realm = realm().await;
    let session = AuthSession::open(config(&realm)).await.expect("a session");
    let tokens = tell(&realm, "issue_tokens", json!({})).await;
    let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let adopted = Tokens::new(text("access_token")).refresh_token(text("refresh_token"));
    session.adopt(adopted.expires_in(Duration::from_nanos(1))).await.expect("good tokens");
    // A token is used at least once, whatever its expiry says; the second request renews it.
    session.get("/me").send().await.expect("an answer");
    tell(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    let counters = realm.counters();
    assert_eq!((counters.refreshes, counters.resource_unauthorized), (1, 0));
}

#[tokio::test]
async fn an_oauth_2_session_refreshes_and_revokes_as_the_rfcs_say() {
    let realm = realm().await;
    let dialect = OAuth2Dialect::new(format!("{}/oauth/token", realm.auth_url()), "demo")
        .revocation_endpoint(format!("{}/oauth/revoke", realm.auth_url()));
    let session = AuthSession::open(config(&realm).dialect(dialect)).await.expect("a session");
    assert_eq!(
        session.sign_in(credentials()).await.expect_err("no password grant").code(),
        "invalid_request"
    );
    let tokens = tell(&realm, "issue_tokens", json!({})).await;
    let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let adopted = Tokens::new(text("access_token")).refresh_token(text("refresh_token"));
    session.adopt(adopted).await.expect("good tokens");
    tell(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    session.sign_out().await.expect("the store is fine");
    tell(&realm, "await_counter", json!({"counter": "logouts", "at_least": 1})).await;
    let counters = realm.counters();
    assert_eq!((counters.refreshes, counters.active_families), (1, 0));
}

#[tokio::test]
async fn a_session_survives_a_restart_without_a_refresh_and_its_end_survives_one_too() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let open = || AuthSession::open(config(&realm).store(FileStore::new(folder.path().join("sessions"))));
    let session = open().await.expect("a session");
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::NeverSignedIn });
    session.sign_in(credentials()).await.expect("the credentials are right");
    session.close().await;
    let session = open().await.expect("a session");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    session.sign_out().await.expect("the store is fine");
    session.close().await;
    let session = open().await.expect("a session");
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
    assert_eq!(realm.counters().refresh_requests, 0);
    let mut stored = String::new();
    for entry in std::fs::read_dir(folder.path().join("sessions")).expect("the folder") {
        stored += &std::fs::read_to_string(entry.expect("a file").path()).expect("text");
    }
    assert!(stored.contains("ended") && !stored.contains("token"), "no secret is left behind: {stored}");
}

#[tokio::test]
async fn whoever_watches_the_states_gets_the_present_one_first() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    let mut states = session.states();
    let mut next = async || timeout(PATIENCE, states.next()).await.expect("a state in time");
    assert!(matches!(next().await, SessionState::SignedIn { .. }));
    session.sign_out().await.expect("the store is fine");
    assert_eq!(next().await, SessionState::SignedOut { reason: SignOutReason::User });
    session.sign_in(credentials()).await.expect("the credentials are right");
    assert!(matches!(next().await, SessionState::SignedIn { .. }));
}

#[tokio::test]
async fn an_access_token_may_be_kept_out_of_the_store() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = || FileStore::new(folder.path());
    let open = || AuthSession::open(config(&realm).store(store()).access_token_in_memory_only(true));
    let session = open().await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    session.close().await;
    let stored: String = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| std::fs::read_to_string(entry.expect("a file").path()).expect("text"))
        .collect();
    assert!(stored.contains("refresh_token") && !stored.contains("access_token"));
    let session = open().await.expect("a session");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(realm.counters().refreshes, 1);
}

#[tokio::test]
async fn an_account_that_is_open_already_is_the_same_session() {
    let realm = realm().await;
    let store = Arc::new(InMemoryStore::new());
    let config = || config(&realm).store(store.clone());
    let session = AuthSession::open(config()).await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    let again = AuthSession::open(config()).await.expect("the same session");
    tell(&realm, "expire_access_tokens", json!({})).await;
    let (one, other) = tokio::join!(session.get("/me").send(), again.get("/me").send());
    assert!(one.expect("an answer").status().is_success() && other.expect("an answer").status().is_success());
    assert_eq!(realm.counters().refresh_requests, 1);
    session.sign_out().await.expect("the store is fine");
    assert!(matches!(again.state(), SessionState::SignedOut { .. }));
    let other_settings = AuthSession::open(config().idle_timeout(PATIENCE)).await;
    assert!(matches!(other_settings, Err(Error::AlreadyOpen { field: "idle_timeout" })));
    let other_account = AuthSession::open(config().account("other").idle_timeout(PATIENCE)).await;
    assert!(other_account.is_ok());
}

/// Holds nothing, and asks for no time.
#[derive(Debug)]
struct Nothing;

impl HostBytes for Nothing {
    fn load(&self, _: &Slot) -> HostLoad {
        HostLoad::Absent
    }

    fn replace(&self, _: &Slot, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
}

impl BackgroundActivity for Nothing {
    fn begin(&self) -> bool {
        true
    }

    fn end(&self) {}
}

#[tokio::test]
async fn an_account_that_is_open_is_opened_again_with_objects_of_the_same_kind_only() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let own = || HostStore::new("opened again", Nothing).shared_directory(folder.path());
    let open = |config: SessionConfig| AuthSession::open(config);
    let _session = open(config(&realm).store(own()).background_activity(Nothing)).await.expect("a session");

    open(config(&realm).store(own()).background_activity(Nothing)).await.expect("the same session");
    let unshared = config(&realm).store(HostStore::new("opened again", Nothing)).background_activity(Nothing);
    assert_eq!(open(unshared).await.expect_err("it has no locks"), Error::AlreadyOpen { field: "store" });
    let idle = config(&realm).store(own());
    let error = open(idle).await.expect_err("nobody asks for time");
    assert_eq!(error, Error::AlreadyOpen { field: "background_activity" });
}

#[tokio::test]
async fn a_session_that_is_opened_again_while_the_old_one_finishes_is_the_old_one() {
    let realm = realm().await;
    let store = Arc::new(InMemoryStore::new());
    let config = || config(&realm).store(store.clone());
    let session = AuthSession::open(config()).await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "after"})).await;
    let request = tokio::spawn(session.get("/me").send());
    tell(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;
    request.abort();
    drop((session, request));
    let session = AuthSession::open(config()).await.expect("a session");
    let request = tokio::spawn(session.get("/me").send());
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    assert_eq!(request.await.expect("no panic").expect("an answer").status(), 200);
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.reuse_detected), (1, 0));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_signs_nobody_out_and_says_why() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let open = || AuthSession::open(config(&realm).store(FileStore::new(folder.path())));
    let session = open().await.expect("a session");
    session.sign_in(credentials()).await.expect("the credentials are right");
    session.close().await;
    let path = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("a file").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "session"))
        .expect("the record");
    let whole = std::fs::read(&path).expect("the record");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("the record is damaged");
    let session = open().await.expect("a session");
    assert_eq!(session.state(), SessionState::Locked);
    assert_eq!(session.get("/me").send().await.expect_err("no token").code(), "store_corrupt");
    std::fs::write(&path, &whole).expect("the record is mended");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
}

/// A store whose writes wait until they are let through.
#[derive(Debug)]
struct StuckStore {
    inner: InMemoryStore,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl StuckStore {
    fn new() -> (Self, mpsc::Sender<()>) {
        let (open, gate) = mpsc::channel();
        (Self { inner: InMemoryStore::new(), gate: Mutex::new(gate) }, open)
    }

    fn wait(&self) {
        // A gate whose sender is gone is open.
        let _ = self.gate.lock().expect("no panic").recv();
    }
}

impl SecretStore for StuckStore {
    fn load(&self, slot: &Slot) -> Load {
        self.inner.load(slot)
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        self.wait();
        self.inner.save(slot, record, expected)
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        self.wait();
        self.inner.erase(slot, tombstone, expected)
    }

    fn identity(&self) -> StoreIdentity {
        self.inner.identity()
    }
}

#[tokio::test]
async fn a_stuck_store_holds_callers_up_for_its_budget_only_and_is_reported() {
    let realm = realm().await;
    let (store, gate) = StuckStore::new();
    let session = AuthSession::open(config(&realm).store(store)).await.expect("a session");
    let mut events = session.events();
    timeout(PATIENCE, session.sign_in(credentials())).await.expect("in time").expect("signed in");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(next_event(&mut events).await, Event::PersistenceDegraded);
    assert_eq!(next_event(&mut events).await, Event::SignedIn);
    gate.send(()).expect("the store waits");
    assert_eq!(next_event(&mut events).await, Event::PersistenceRestored);
    let signed_out = timeout(PATIENCE, session.sign_out()).await.expect("in time");
    assert_eq!(signed_out.expect_err("not erased yet").code(), "store_unavailable");
    assert!(matches!(session.state(), SessionState::SignedOut { .. }));
    drop(gate);
}

#[tokio::test]
async fn a_panicking_store_is_an_error_and_no_hang() {
    #[derive(Debug)]
    struct Panicking;
    impl SecretStore for Panicking {
        fn load(&self, _: &Slot) -> Load {
            panic!("a defect of the app's store")
        }
        fn save(&self, _: &Slot, _: &Record, _: Expected) -> Result<Generation, StoreError> {
            panic!("a defect of the app's store")
        }
        fn erase(&self, _: &Slot, _: &Tombstone, _: Expected) -> Result<Generation, StoreError> {
            panic!("a defect of the app's store")
        }
        fn identity(&self) -> StoreIdentity {
            StoreIdentity::unique()
        }
    }
    let realm = realm().await;
    let session = AuthSession::open(config(&realm).store(Panicking)).await.expect("a session");
    assert_eq!(session.get("/me").send().await.expect_err("no token").code(), "store_unavailable");
    session.sign_in(credentials()).await.expect("signed in all the same");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(session.sign_out().await.expect_err("not erased").code(), "store_unavailable");
}

#[tokio::test]
async fn a_token_goes_to_no_other_origin() {
    let (realm, other) = (realm().await, realm().await);
    let session = signed_in(&realm).await;
    let elsewhere = session.get(&format!("{}/me", other.api_url())).send().await;
    assert_eq!(elsewhere.expect_err("not allowed").code(), "origin_not_allowed");
    // Another HTTP stack sends it as it is, without a token, and is not told of a mistake.
    let with_user = session.authorization("https://user:canary@elsewhere.example/").await;
    assert_eq!(with_user.expect_err("not allowed").code(), "origin_not_allowed");
    let in_another_script = session.authorization("https://bücher.example/").await;
    assert_eq!(in_another_script.expect_err("not allowed").code(), "origin_not_allowed");
    let redirect = json!({"endpoint": "resource", "status": 307,
        "headers": {"location": format!("{}/me", other.api_url())}, "times": 1});
    tell(&realm, "fault", redirect).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 307);
    assert_eq!(other.counters().resource_requests, 0);
}

#[tokio::test]
async fn the_refresh_token_does_not_follow_a_redirect() {
    let (realm, other) = (realm().await, realm().await);
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    let redirect = json!({"endpoint": "refresh", "status": 307,
        "headers": {"location": format!("{}/auth/refresh", other.api_url())}});
    tell(&realm, "fault", redirect).await;
    let response = session.get("/me").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::RefreshFailed);
    assert_eq!(other.counters().refresh_requests, 0);
    assert!(matches!(session.state(), SessionState::SignedIn { .. }));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "fault", json!({"endpoint": "refresh", "reset": true, "times": 1})).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes), (2, 1));
}

#[tokio::test]
async fn without_grace_a_lost_rotation_is_told_as_such() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "fault", json!({"endpoint": "refresh", "reset": true, "when": "after", "times": 1})).await;
    let response = session.get("/me").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::SessionEnded);
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::RotationLost });
}

#[tokio::test]
async fn a_server_that_refuses_every_token_causes_one_refresh_for_a_request_and_no_loop() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    let refusal = json!({"endpoint": "resource", "status": 401, "headers": {"www-authenticate": "Bearer"}});
    tell(&realm, "fault", refusal).await;
    let response = session.get("/me").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (401, Disposition::Refused));
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.resource_requests), (1, 2));
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_token_does_not_refresh() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    let response = session.get("/forbidden").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::PermissionDenied);
    let basic =
        json!({"endpoint": "resource", "status": 401, "headers": {"www-authenticate": "Basic realm=x"}});
    tell(&realm, "fault", basic).await;
    let response = session.get("/me").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::Refused);
    assert_eq!(realm.counters().refresh_requests, 0);
}

#[tokio::test]
async fn a_request_carries_its_method_headers_and_body_and_a_retry_carries_them_again() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    let response = session.put("echo?a=b").json(&json!({"n": 1})).send().await.expect("an answer");
    assert_eq!(response.json::<Value>().expect("JSON"), json!({"method": "PUT", "body": "{\"n\":1}"}));
    assert_eq!(realm.counters().refresh_requests, 1);
}

#[tokio::test]
async fn a_deadline_covers_the_wait_for_a_refresh() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh"})).await;
    let late = session.get("/me").timeout(Duration::from_millis(100)).send().await;
    assert_eq!(late.expect_err("too late").code(), "timeout");
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    assert_eq!(realm.counters().refreshes, 1);
}

#[tokio::test]
async fn an_import_keeps_the_access_token_out_of_the_store_on_demand_too() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&realm).store(FileStore::new(folder.path())).access_token_in_memory_only(true);
    let session = AuthSession::open(config).await.expect("a session");
    let tokens = Tokens::new("canary-access").refresh_token("a refresh token");
    assert!(session.import(tokens).await.expect("the store is empty"));
    for entry in std::fs::read_dir(folder.path()).expect("the folder") {
        let stored = std::fs::read_to_string(entry.expect("a file").path()).expect("text");
        assert!(!stored.contains("canary"));
    }
}

#[tokio::test]
async fn a_redirect_s_answer_is_not_lost_for_want_of_a_token() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    let created = json!({"endpoint": "resource", "path": "/echo", "when": "after", "status": 303,
        "headers": {"location": "/me"}});
    tell(&realm, "fault", created).await;
    tell(&realm, "hold", json!({"endpoint": "resource", "path": "/echo", "when": "after"})).await;
    let order = tokio::spawn(session.post("/echo").body("an order").send());
    tell(&realm, "await_held", json!({"endpoint": "resource", "count": 1})).await;
    session.sign_out().await.expect("the store is fine");
    tell(&realm, "release", json!({"endpoint": "resource"})).await;
    let response = order.await.expect("no panic").expect("the server has answered");
    assert_eq!((response.status().as_u16(), response.disposition()), (303, Disposition::SessionChanged));
}

#[tokio::test]
async fn another_stack_that_asks_for_the_token_is_answered_within_the_request_timeout() {
    let realm = realm().await;
    let config = config(&realm).request_timeout(Duration::from_millis(200));
    let session = AuthSession::open(config).await.expect("a session");
    let tokens = tell(&realm, "issue_tokens", json!({})).await;
    let refresh = tokens["refresh_token"].as_str().expect("a token").to_owned();
    session.adopt(Tokens::from_refresh_token(refresh)).await.expect("a good token");
    tell(&realm, "hold", json!({"endpoint": "refresh"})).await;
    assert_eq!(session.authorization("/me").await.expect_err("too late").code(), "timeout");
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    let refreshed = async { while session.authorization("/me").await.is_err() {} };
    timeout(PATIENCE, refreshed).await.expect("the refresh has gone on");
    assert_eq!(realm.counters().refreshes, 1);
}

#[tokio::test]
async fn mistakes_in_a_request_are_told_before_anything_is_sent() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    for (request, said) in [
        (session.get("/me").header("authorization", "Bearer canary"), "Authorization"),
        (session.get("/me").header("x-note", "line\r\nbreak canary"), "x-note"),
        (session.get("/me").header("no name", "canary"), "name"),
        (session.get("/me").header("Content-Length", "7"), "content-length"),
        (session.get("/m e"), "white space"),
        (session.get("javascript:1"), "javascript:"),
        (session.get("mailto:ada@example.com"), "mailto:"),
        (session.get("file:///etc/passwd"), "file:"),
        (session.get("https:elsewhere.example/me"), "https:"),
        (session.get("https://"), "URL"),
    ] {
        let error = request.send().await.expect_err("a mistake");
        assert_eq!(error.code(), "invalid_request");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert_eq!(realm.counters().resource_requests, 0);
}

#[tokio::test]
async fn a_body_is_decoded_only_from_a_successful_answer() {
    let realm = realm().await;
    let session = signed_in(&realm).await;
    let forbidden = session.get("/forbidden").send().await.expect("an answer");
    assert_eq!(forbidden.json::<Value>().expect_err("403").code(), "unsuccessful");
    let me = session.get("/me").send().await.expect("an answer");
    assert_eq!(me.json::<Vec<u8>>().expect_err("an object").code(), "undecodable");
}

#[tokio::test]
async fn wrong_settings_are_refused_and_named() {
    let base = || SessionConfig::new("https://api.example.com").expect("a URL");
    assert!(matches!(
        SessionConfig::new("/relative"),
        Err(Error::InvalidConfiguration { field: "base_url", .. })
    ));
    // The shipped library has no tables of Unicode.
    assert!(SessionConfig::new("https://xn--bcher-kva.example").is_ok());
    let in_another_script = SessionConfig::new("https://bücher.example").expect_err("a host outside ASCII");
    assert!(in_another_script.to_string().contains("`xn--…`"), "{in_another_script}");
    let oauth = |token_endpoint: &str, client_id: &str| OAuth2Dialect::new(token_endpoint, client_id);
    let remote = SessionConfig::new("http://api.example.com").expect("a URL").allow_loopback(true);
    for (config, name) in [
        (remote, "base_url"),
        (SessionConfig::new("http://127.0.0.1").expect("a URL"), "base_url"),
        (SessionConfig::new("https://user:canary@example.com").expect("a URL"), "base_url"),
        (base().allow_origin("https://example.com/path"), "allowed_origins"),
        (base().allow_origin("http://example.com"), "allowed_origins"),
        (base().account(""), "account"),
        (base().namespace(""), "namespace"),
        (base().request_timeout(Duration::ZERO), "request_timeout"),
        (base().dialect(oauth("http://example.com/token", "app")), "token_endpoint"),
        (base().dialect(oauth("https://example.com/token", "")), "client_id"),
    ] {
        let error = AuthSession::open(config).await.expect_err("a wrong setting");
        assert!(
            matches!(error, Error::InvalidConfiguration { field, .. } if field == name),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("canary"));
    }
}

#[tokio::test]
async fn no_token_shows_in_any_debug_form() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(FileStore::new(folder.path()));
    let session = AuthSession::open(config(&realm).store(store.clone())).await.expect("a session");
    let tokens = Tokens::new("canary-access").refresh_token("canary-refresh");
    let shown = Shown::default();
    shown.look(&tokens);
    session.adopt(tokens).await.expect("header-safe tokens");
    let slot = Slot { namespace: "auth-session".into(), account: "default".into() };
    shown.look(&store.load(&slot));
    shown.look(&session);
    shown.look(&session.state());
    shown.look(&session.get("/me"));
    shown.look(&session.get("/me").send().await);
    shown.look(&session);
    assert!(shown.0.lock().expect("no panic").iter().all(|text| !text.contains("canary")));
}

#[derive(Default)]
struct Shown(Mutex<Vec<String>>);

impl Shown {
    fn look(&self, value: &impl fmt::Debug) {
        self.0.lock().expect("no panic").push(format!("{value:?}"));
    }
}
