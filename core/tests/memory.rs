//! What is left of tokens in memory that is given back. What the HTTP stack copies is out of reach and not looked at.

// The allocator below is the one place that needs it; it hands everything on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use auth_session::{AuthSession, FileStore, JsonDialect, SessionConfig, SessionState, SignOutReason, Tokens};

/// The tokens consist of it.
const MARK: &[u8] = b"siskin";

/// Looks at memory before it is given back. Growing gives back what was outgrown, as the default of `realloc` does it.
struct Watching;

static WATCHES: AtomicBool = AtomicBool::new(false);
static MARKED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if WATCHES.load(Ordering::SeqCst) {
            // Volatile, since nothing else may ever read it: it may have been written in part, or not at all.
            // SAFETY: it belongs to the caller until the call below.
            let byte = |place: usize| unsafe { pointer.add(place).read_volatile() };
            let begins = |place: usize| MARK.iter().enumerate().all(|(at, mark)| byte(place + at) == *mark);
            if (0..(layout.size() + 1).saturating_sub(MARK.len())).any(begins) {
                MARKED.fetch_add(1, Ordering::SeqCst);
            }
        }
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// How many pieces of memory with the mark in them are given back while this is done.
async fn marked_during(what: impl Future<Output = ()>) -> usize {
    MARKED.store(0, Ordering::SeqCst);
    WATCHES.store(true, Ordering::SeqCst);
    what.await;
    WATCHES.store(false, Ordering::SeqCst);
    MARKED.load(Ordering::SeqCst)
}

async fn open(directory: &Path) -> AuthSession {
    let config = SessionConfig::new("https://api.example.com").expect("a URL");
    // Nothing is sent, so that nothing is copied for sending.
    let config = config.dialect(JsonDialect::default().without_logout()).store(FileStore::new(directory));
    AuthSession::open(config).await.expect("a session")
}

#[tokio::test]
async fn memory_that_is_given_back_holds_no_token() {
    let token = || String::from_utf8(MARK.repeat(200)).expect("ASCII");
    let folder = tempfile::tempdir().expect("a folder");
    let [before, after] = ["before", "after"].map(|name| folder.path().join(name));
    let tokens = Tokens::new(token()).refresh_token(token());
    let life = async {
        let session = open(&before).await;
        session.adopt(tokens).await.expect("header-safe tokens");
        session.close().await;
        // In another place it cannot be the session that was open.
        std::fs::rename(&before, &after).expect("the store");
        let session = open(&after).await;
        assert!(matches!(session.state(), SessionState::SignedIn { .. }));
        session.sign_out().await.expect("the store is fine");
        assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
        session.close().await;
    };
    assert_eq!(marked_during(life).await, 0);

    // After that, since what is left there may be found again in memory that somebody has not written to yet.
    let (dropped, mut grown) = (token(), token());
    let control = async {
        drop(dropped);
        grown.push_str("and more");
    };
    assert_eq!(marked_during(control).await, 2, "what is not overwritten is seen");
}
