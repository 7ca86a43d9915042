//! What an app registers may call back into the session from wherever it is called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, SystemTime};

use auth_session::{AuthSession, BootTime, Clock, SessionConfig, SystemClock};
use serde_json::json;
use test_authority::{Realm, RealmOptions};
use tracing::span;

const PATIENCE: Duration = Duration::from_secs(60);

static SESSION: OnceLock<AuthSession> = OnceLock::new();
static LOOKS: AtomicU64 = AtomicU64::new(0);

/// Looks at everything that can be looked at.
fn look() {
    if let Some(session) = SESSION.get() {
        let seen =
            format!("{session:?} {:?} {:?} {:?}", session.state(), session.trace(), session.statistics());
        LOOKS.fetch_add(seen.len().min(1) as u64, Ordering::Relaxed);
        let _ = (session.lock_cause(), session.require_recent_sign_in(Duration::ZERO));
    }
}

/// A subscriber that shows the session with every line.
struct Curious;

impl tracing::Subscriber for Curious {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        look();
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {
        look();
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {
        look();
    }

    fn event(&self, _: &tracing::Event<'_>) {
        look();
    }

    fn enter(&self, _: &span::Id) {
        look();
    }

    fn exit(&self, _: &span::Id) {
        look();
    }
}

/// A clock that shows the session whenever it is read, but for the reading that this itself takes.
#[derive(Debug)]
struct CuriousClock;

impl CuriousClock {
    fn look(&self) {
        thread_local!(static LOOKING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
        if !LOOKING.replace(true) {
            look();
            LOOKING.set(false);
        }
    }
}

impl Clock for CuriousClock {
    fn boot_time(&self) -> BootTime {
        self.look();
        SystemClock.boot_time()
    }

    fn wall_time(&self) -> SystemTime {
        self.look();
        SystemClock.wall_time()
    }
}

async fn live() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let config =
        SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true).clock(CuriousClock);
    let session = AuthSession::open(config).await.expect("a session");
    SESSION.set(session.clone()).expect("the first one");
    session
        .sign_in(json!({"email": "ada@example.com", "password": "correct horse"}))
        .await
        .expect("signed in");
    realm.command("expire_access_tokens", json!({})).await.expect("the command is carried out");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    session.sign_out().await.expect("signed out");
}

#[test]
fn a_subscriber_and_a_clock_that_look_at_the_session_hold_nobody_up() {
    tracing::subscriber::set_global_default(Curious).expect("the first one");
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(live());
        done.send(()).expect("the test waits");
    });
    ended.recv_timeout(PATIENCE).expect("nobody waits for a lock that its own thread holds");
    assert!(LOOKS.load(Ordering::Relaxed) > 100, "it was looked at");
}
