//! Ten thousand callers at once: what they cost while they wait, and that one refresh serves them all.

// The counting allocator below is the one place that needs it; it hands everything on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use auth_session::{AuthSession, BootTime, Clock, Decision, Error, RequestBuilder, Response, SessionConfig};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

const CALLERS: usize = 10_000;
const REFUSED: usize = 2000;
const OPENING: u64 = 64;
/// What a caller that waits for a token may cost, its task included.
const MOST_BYTES_PER_CALLER: i64 = 3072;
/// What one may cost that holds a refusal besides, its headers and body included.
const MOST_BYTES_PER_REFUSED_CALLER: i64 = 3584;
const PATIENCE: Duration = Duration::from_secs(60);
/// How many connections the library opens to one host: 64, and some more while others are on their way back to the pool;
/// 86 have been seen.
const MOST_CONNECTIONS: u64 = 128;
const LIFETIME: Duration = Duration::from_secs(3600);

/// Counts the bytes that are allocated and not freed yet.
struct Counting;

static ALLOCATED: AtomicI64 = AtomicI64::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's clock, moved on by a test.
#[derive(Clone, Debug, Default)]
struct MovableClock(Arc<AtomicU64>);

impl MovableClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn boot_time(&self) -> BootTime {
        BootTime::from_boot(Duration::from_secs(1_000_000 + self.0.load(Ordering::SeqCst)))
    }

    fn wall_time(&self) -> SystemTime {
        SystemTime::now()
    }
}

async fn tell(realm: &Realm, command: &str, arguments: Value) {
    realm.command(command, arguments).await.expect("the command is carried out");
}

/// Sends the request, and says so when it has begun to wait. It keeps nothing else, because what a caller
/// costs is measured.
fn send(
    request: RequestBuilder,
    waiting: Arc<Semaphore>,
) -> impl Future<Output = Result<Response, Error>> + Send {
    let mut sending = Box::pin(request.send());
    let mut waiting = Some(waiting);
    poll_fn(move |context| {
        let progress = sending.as_mut().poll(context);
        if let Some(waiting) = waiting.take() {
            waiting.add_permits(1);
        }
        progress
    })
}

/// Held by the test that counts memory, which is the process's.
static COUNTS: Mutex<()> = Mutex::const_new(());

async fn signed_in(realm: &Realm, clock: MovableClock) -> AuthSession {
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let session = AuthSession::open(config.clock(clock)).await.expect("a session");
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.expect("the credentials are right");
    assert_eq!(session.get("/me").send().await.expect("an answer").status(), 200);
    session
}

async fn all_succeed(mut callers: JoinSet<Result<Response, Error>>) {
    while let Some(caller) = callers.join_next().await {
        assert_eq!(caller.expect("no panic").expect("an answer").status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_with_a_refusal_in_hand_keep_none_of_the_memory_that_it_was_read_into() {
    let _counts = COUNTS.lock().await;
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let session = signed_in(&realm, MovableClock::default()).await;
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
    let waiting = Arc::new(Semaphore::new(0));
    let mut callers = JoinSet::new();
    let began = Instant::now();
    // Those that open the connections.
    for _ in 0..OPENING {
        callers.spawn(send(session.get("/me"), Arc::clone(&waiting)));
    }
    while realm.counters().resource_unauthorized < OPENING {
        assert!(began.elapsed() < PATIENCE, "{:?}", realm.counters());
        tokio::task::yield_now().await;
    }
    let before = ALLOCATED.load(Ordering::SeqCst);
    for _ in 0..REFUSED {
        callers.spawn(send(session.get("/me"), Arc::clone(&waiting)));
    }
    loop {
        let bytes_per_caller = (ALLOCATED.load(Ordering::SeqCst) - before) / REFUSED as i64;
        let all = realm.counters().resource_unauthorized == OPENING + REFUSED as u64;
        if all && bytes_per_caller < MOST_BYTES_PER_REFUSED_CALLER {
            eprintln!("{REFUSED} refused callers: {bytes_per_caller} bytes each");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{bytes_per_caller} bytes a caller, all refused: {all}");
        tokio::task::yield_now().await;
    }
    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    all_succeed(callers).await;
    assert_eq!(realm.counters().refreshes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_on_an_expired_token_cause_one_refresh_and_wait_in_little_memory() {
    let _counts = COUNTS.lock().await;
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let clock = MovableClock::default();
    let session = signed_in(&realm, clock.clone()).await;
    clock.advance(2 * LIFETIME);
    tell(&realm, "expire_access_tokens", json!({})).await;
    tell(&realm, "hold", json!({"endpoint": "refresh", "when": "before"})).await;
    // The first one gets everything allocated that is there once.
    let waiting = Arc::new(Semaphore::new(0));
    let mut callers = JoinSet::new();
    callers.spawn(send(session.get("/me"), Arc::clone(&waiting)));
    tell(&realm, "await_held", json!({"endpoint": "refresh", "count": 1})).await;

    let before = ALLOCATED.load(Ordering::SeqCst);
    for _ in 1..CALLERS {
        callers.spawn(send(session.get("/me"), Arc::clone(&waiting)));
    }
    let all = waiting.acquire_many(CALLERS as u32).await;
    drop(all.expect("nobody closes it"));
    let bytes_per_caller = (ALLOCATED.load(Ordering::SeqCst) - before) / (CALLERS as i64 - 1);
    assert_eq!(realm.counters().resource_requests, 1, "nobody sends with a token that has expired");

    tell(&realm, "release", json!({"endpoint": "refresh"})).await;
    all_succeed(callers).await;
    let counters = realm.counters();
    let future = std::mem::size_of_val(&session.get("/me").send());
    eprintln!(
        "{CALLERS} callers: {bytes_per_caller} bytes each ({future} of them the future), \
         {} refreshes, {} connections at once",
        counters.refreshes, counters.peak_connections
    );
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuse_detected), (1, 1, 0));
    assert_eq!(counters.resource_unauthorized, 0);
    let ended = session.trace().into_iter().find_map(|entry| match entry.decision {
        Decision::RefreshEnded { outcome, waiters, .. } => Some((outcome, waiters)),
        _ => None,
    });
    assert_eq!(ended, Some(("refreshed", CALLERS as u64)));
    assert!(bytes_per_caller < MOST_BYTES_PER_CALLER, "{bytes_per_caller} bytes a caller");
    assert!(counters.peak_connections <= MOST_CONNECTIONS, "{counters:?}");
}
