//! A whole session over the store, against the strict test authority.

use std::time::{Duration, Instant};

use auth_session::{AuthSession, Error, Event, SessionConfig, SessionState, SignOutReason};
use keystore_tests::{Scene, count, tell};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::time::timeout;

/// Nothing here takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// As long as a Keystore takes that is busy with other apps.
const SLOW: Duration = Duration::from_secs(5);
/// Longer than the store tries.
const ALWAYS: u32 = 1000;

fn config(realm: &Realm, scene: &Scene) -> SessionConfig {
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    config.store(scene.store())
}

async fn realm() -> Realm {
    Realm::start(RealmOptions::default()).await.expect("a realm")
}

async fn open(realm: &Realm, scene: &Scene) -> AuthSession {
    AuthSession::open(config(realm, scene)).await.expect("a session")
}

async fn sign_in(session: &AuthSession) {
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.expect("the credentials are right");
}

async fn status(session: &AuthSession) -> u16 {
    session.get("/me").send().await.expect("an answer").status().as_u16()
}

async fn command(realm: &Realm, name: &str, arguments: Value) {
    realm.command(name, arguments).await.expect("the command is carried out");
}

async fn event(events: &mut auth_session::Events, name: &str) -> Event {
    let found = async {
        loop {
            let event = events.next().await.expect("the session is there");
            if event.name() == name {
                return event;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("an event in time")
}

/// Requests on a valid token wait for nothing.
async fn expect_quick_answers(session: &AuthSession) {
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(status(session).await, 200);
    }
    assert!(start.elapsed() < SLOW / 2, "{:?}", start.elapsed());
}

/// Drops the session and opens it again, as another run of the app does.
async fn restart(session: AuthSession, realm: &Realm, scene: &Scene) -> AuthSession {
    timeout(PATIENCE, session.close()).await.expect("nothing is owed");
    open(realm, scene).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_signed_in_restarted_refreshed_and_signed_out() {
    let scene = Scene::new();
    let realm = realm().await;
    let session = open(&realm, &scene).await;
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::NeverSignedIn });
    assert_eq!(count("load"), 0, "there is nothing to open");
    sign_in(&session).await;
    assert_eq!(status(&session).await, 200);

    let session = restart(session, &realm, &scene).await;
    assert_eq!(status(&session).await, 200);
    assert_eq!(realm.counters().refreshes, 0, "a start needs no rotation");
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(status(&session).await, 200);

    let session = restart(session, &realm, &scene).await;
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(status(&session).await, 200);
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuse_detected), (2, 2, 0));

    session.sign_out().await.expect("the store works");
    let session = restart(session, &realm, &scene).await;
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
    sign_in(&session).await;
    let session = restart(session, &realm, &scene).await;
    assert_eq!(status(&session).await, 200);
    assert_eq!(count("generateKey"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_that_takes_five_seconds_holds_up_no_request_on_a_valid_token() {
    let scene = Scene::new();
    let realm = realm().await;
    let session = open(&realm, &scene).await;
    sign_in(&session).await;
    let mut events = session.events();
    // The store is read, and the answer takes its time.
    tell("hold decrypt");
    session.resume();
    tell("await");
    expect_quick_answers(&session).await;
    tell("release");
    // The save of the refreshed tokens hangs, and is let go five seconds later.
    command(&realm, "expire_access_tokens", json!({})).await;
    tell("hold encrypt");
    let releasing = std::thread::spawn(|| {
        tell("await");
        std::thread::sleep(SLOW);
        tell("release");
    });
    let start = Instant::now();
    assert_eq!(status(&session).await, 200);
    // A save has a budget of two seconds.
    assert!(start.elapsed() < SLOW, "{:?}", start.elapsed());
    event(&mut events, "persistence_degraded").await;
    expect_quick_answers(&session).await;
    event(&mut events, "persistence_restored").await;
    releasing.join().expect("no panic");
    let session = restart(session, &realm, &scene).await;
    assert_eq!(status(&session).await, 200);
    assert_eq!(realm.counters().reuse_detected, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_that_flakes_ends_no_session() {
    let scene = Scene::new();
    let realm = realm().await;
    let session = open(&realm, &scene).await;
    sign_in(&session).await;
    tell(&format!("fail getKey java.security.UnrecoverableKeyException {ALWAYS}"));
    let session = restart(session, &realm, &scene).await;
    assert_eq!(session.state(), SessionState::Locked);
    assert_eq!(session.lock_cause().expect("a cause").code(), "store_unavailable");
    tell("fail getKey java.security.UnrecoverableKeyException 0");
    assert_eq!(status(&session).await, 200);

    // Somebody else may have used the token up: without a look at the store nothing is refreshed.
    tell(&format!("fail decrypt java.security.ProviderException {ALWAYS}"));
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(status(&session).await, 401);
    assert_eq!(session.state().name(), "signed_in");
    tell("fail decrypt java.security.ProviderException 0");
    session.network_changed();
    assert_eq!(status(&session).await, 200);

    // What could not be saved is in use, and is saved when that works again.
    let mut events = session.events();
    tell(&format!("fail encrypt java.security.ProviderException {ALWAYS}"));
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(status(&session).await, 200);
    event(&mut events, "persistence_degraded").await;
    tell("fail encrypt java.security.ProviderException 0");
    event(&mut events, "persistence_restored").await;
    let session = restart(session, &realm, &scene).await;
    assert_eq!(status(&session).await, 200);
    assert_eq!(realm.counters().reuse_detected, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_device_locks_the_session_and_signs_nobody_out() {
    let scene = Scene::new();
    let realm = realm().await;
    let store = || scene.store().unlocked_device_required();
    let config = || config(&realm, &scene).store(store());
    let session = AuthSession::open(config()).await.expect("a session");
    sign_in(&session).await;
    session.close().await;
    tell("device locked");
    let session = AuthSession::open(config()).await.expect("a session");
    assert_eq!(session.state(), SessionState::Locked);
    assert_eq!(session.get("/me").send().await.expect_err("it is locked").code(), "locked");
    tell("device unlocked");
    assert_eq!(status(&session).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_open_is_not_opened_again_with_keys_of_another_kind() {
    let scene = Scene::new();
    let realm = realm().await;
    let _session = open(&realm, &scene).await;
    let _again = open(&realm, &scene).await;
    for store in [scene.store().strong_box(), scene.store().user_authentication(SLOW)] {
        let error = AuthSession::open(config(&realm, &scene).store(store)).await.expect_err("another kind");
        assert_eq!(error, Error::AlreadyOpen { field: "store" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_key_ends_the_session_as_secrets_lost_and_the_next_sign_in_is_kept() {
    let scene = Scene::new();
    let realm = realm().await;
    let session = open(&realm, &scene).await;
    sign_in(&session).await;
    tell("invalidate");
    let session = restart(session, &realm, &scene).await;
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::SecretsLost });
    sign_in(&session).await;
    let session = restart(session, &realm, &scene).await;
    assert_eq!(status(&session).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_invalidated_while_somebody_is_signed_in_costs_nothing() {
    let scene = Scene::new();
    let realm = realm().await;
    let session = open(&realm, &scene).await;
    sign_in(&session).await;
    tell("invalidate");
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(status(&session).await, 200);
    let session = restart(session, &realm, &scene).await;
    assert_eq!(status(&session).await, 200);
    assert_eq!(realm.counters().reuse_detected, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_succeeds_on_a_broken_keystore() {
    let scene = Scene::new();
    let realm = realm().await;
    let session = open(&realm, &scene).await;
    sign_in(&session).await;
    tell("lose");
    tell(&format!("fail load java.lang.IllegalStateException {ALWAYS}"));
    session.sign_out().await.expect("it needs no Keystore");
    let session = restart(session, &realm, &scene).await;
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
}
