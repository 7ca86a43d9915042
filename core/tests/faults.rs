//! The session against endpoints at which everything goes wrong that can. At the token endpoint, before
//! and after the server has rotated the refresh token: what a caller gets, and whether the session
//! survives. At the others: that everybody gets an answer, and that the session is not concerned.

#[path = "support/fault_table.rs"]
mod fault_table;

use std::collections::BTreeMap;
use std::time::Duration;

use auth_session::{AuthSession, Disposition, Error, JsonDialect, Response, SessionConfig, SessionState};
use fault_table::Outcome::{self, Deferred, Rejected, Retried, Unharmed};
use fault_table::{faults, oddities};
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A caller's deadline that no fault of the tables reaches: they end by themselves.
const DEADLINE: Duration = Duration::from_secs(8);
/// Past its deadline, a caller hangs.
const HANGS: Duration = Duration::from_secs(20);

/// What the server does with a refresh token that it has rotated already.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Strict,
    WithGrace,
    WithReplay,
}

impl Server {
    async fn start(self) -> Realm {
        let mut options = RealmOptions::default();
        match self {
            Self::Strict => {}
            Self::WithGrace => options.grace_uses = Some(1),
            Self::WithReplay => options.idempotent_replay = true,
        }
        Realm::start(options).await.expect("a realm")
    }
}

async fn tell(realm: &Realm, command: &str, arguments: Value) {
    realm.command(command, arguments).await.expect("the command is carried out");
}

/// A session whose token endpoints are at the realm's second address, with an access token that the
/// server has let expire.
async fn expired(realm: &Realm) -> AuthSession {
    let endpoints = realm.auth_url();
    let config = SessionConfig::new(&realm.api_url())
        .expect("a URL")
        .allow_loopback(true)
        .request_timeout(DEADLINE)
        .dialect(JsonDialect::new(
            format!("{endpoints}/auth/login"),
            format!("{endpoints}/auth/refresh"),
            format!("{endpoints}/auth/logout"),
        ));
    let session = AuthSession::open(config).await.expect("a session");
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.expect("the credentials are right");
    tell(realm, "expire_access_tokens", json!({})).await;
    session
}

/// Lets this fault hit requests of an endpoint.
async fn inflict(realm: &Realm, whom: Value, fault: &Value) {
    let mut command = whom;
    command.as_object_mut().expect("an object").extend(fault.as_object().expect("an object").clone());
    tell(realm, "fault", command).await;
}

async fn me(session: &AuthSession) -> Result<Response, String> {
    let answer = timeout(HANGS, session.get("/me").send()).await.map_err(|_| "the caller hangs")?;
    answer.map_err(|error| format!("the caller gets {}: {error}", error.code()))
}

fn expect(condition: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(otherwise()) }
}

/// A fault hits one refresh request of a session that needs new tokens.
async fn suffer(server: Server, when: &str, fault: &Value, outcome: Outcome) -> Result<(), String> {
    let realm = server.start().await;
    let session = expired(&realm).await;
    inflict(&realm, json!({"endpoint": "refresh", "when": when, "times": 1}), fault).await;

    let rotated = when == "after";
    let mut response = me(&session).await?;
    if outcome == Deferred {
        expect(response.disposition() == Disposition::RefreshFailed, || {
            format!("first, the caller gets {} ({})", response.status(), response.disposition().name())
        })?;
        expect(matches!(session.state(), SessionState::SignedIn { .. }), || "the session is gone".into())?;
        expect(realm.counters().refresh_requests == 1, || "callers are not told at once".into())?;
        session.network_changed();
        response = me(&session).await?;
    }

    let is_lost = outcome != Unharmed && rotated && server == Server::Strict;
    let (status, disposition) = (response.status().as_u16(), response.disposition());
    let state = session.state();
    let reason = match &state {
        SessionState::SignedOut { reason } => Some(reason.name()),
        _ => None,
    };
    let fits = match (outcome, is_lost) {
        (Rejected, _) => disposition == Disposition::SessionEnded && reason == Some("rejected"),
        // The server cannot tell a retry from a theft. That an answer was lost is why.
        (Retried, true) => disposition == Disposition::SessionEnded && reason == Some("rotation_lost"),
        (_, true) => disposition == Disposition::SessionEnded && reason.is_some(),
        (_, false) => status == 200 && matches!(state, SessionState::SignedIn { .. }),
    };
    expect(fits, || format!("the caller gets {status} ({}), the state is {reason:?}", disposition.name()))?;

    let counters = realm.counters();
    let reuse = u64::from(is_lost && outcome != Rejected);
    expect(counters.reuse_detected == reuse, || format!("reuse {}", counters.reuse_detected))?;
    let requests = if matches!(outcome, Unharmed | Rejected) { 1 } else { 2 };
    expect(counters.refresh_requests == requests, || {
        format!("{} refreshes sent", counters.refresh_requests)
    })?;
    expect(counters.distinct_idempotency_keys <= 1, || "a retry has another key".into())?;
    expect(counters.redirects_followed == 0, || "a redirect was followed".into())?;
    if reason.is_none() {
        let again = me(&session).await?;
        expect(again.status() == 200, || format!("afterwards, a caller gets {}", again.status()))?;
        let counters = realm.counters();
        expect(counters.refreshes == 1, || format!("{} rotations", counters.refreshes))?;
    } else {
        let afterwards = session.get("/me").send().await.expect_err("nobody is signed in");
        expect(afterwards.code() == "signed_out", || format!("afterwards, {}", afterwards.code()))?;
    }
    Ok(())
}

/// Lets every fault hit a session of its own, all at once.
async fn suffer_all(server: Server, when: &'static str, faults: BTreeMap<&'static str, (Value, Outcome)>) {
    let mut sessions = JoinSet::new();
    for (name, (fault, outcome)) in faults {
        sessions.spawn(async move { (name, suffer(server, when, &fault, outcome).await) });
    }
    let mut wrong = Vec::new();
    while let Some(session) = sessions.join_next().await {
        if let (name, Err(why)) = session.expect("no panic") {
            wrong.push(format!("{name}: {why}"));
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{server:?}, {when}:\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_before_the_server_acts_ends_no_session() {
    suffer_all(Server::Strict, "before", faults()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_after_the_rotation_costs_the_session_only_where_the_server_is_strict() {
    suffer_all(Server::Strict, "after", faults()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_grace_an_answer_that_is_lost_after_the_rotation_ends_no_session() {
    suffer_all(Server::WithGrace, "after", faults()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_idempotent_replay_an_answer_that_is_lost_after_the_rotation_ends_no_session() {
    suffer_all(Server::WithReplay, "after", faults()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_answers_that_bring_tokens_are_taken() {
    suffer_all(Server::Strict, "after", oddities()).await;
}

/// Faults that last longer than a caller waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_endpoint_that_never_finishes_costs_callers_their_deadline_and_not_the_session() {
    let silence = |at: &str| json!({"endpoint": "refresh", "cut": {"at": at, "by": "silence"}});
    for fault in [
        silence("before_headers"),
        silence("mid_headers"),
        silence("mid_body"),
        json!({"endpoint": "refresh", "pieces": {"bytes": 1, "every_ms": 60_000}}),
    ] {
        let realm = Server::Strict.start().await;
        let session = expired(&realm).await;
        tell(&realm, "fault", fault.clone()).await;
        let deadline = Duration::from_millis(300);
        let caller = || session.get("/me").timeout(deadline).send();
        let (first, second) =
            timeout(HANGS, async { tokio::join!(caller(), caller()) }).await.expect("no hang");
        for outcome in [first, second] {
            assert_eq!(outcome.expect_err("no token in time"), Error::Timeout(deadline), "{fault}");
        }
        assert!(matches!(session.state(), SessionState::SignedIn { .. }), "{fault}");
        assert_eq!(realm.counters().refresh_requests, 1, "{fault}");

        tell(&realm, "clear_faults", json!({})).await;
        tell(&realm, "offline", json!({"listener": "auth"})).await;
        tell(&realm, "online", json!({"listener": "auth"})).await;
        // A retry that fell into the moment without a listener has failed; the next one does not.
        let mut response = me(&session).await.expect("an answer");
        if response.disposition() == Disposition::RefreshFailed {
            session.network_changed();
            response = me(&session).await.expect("an answer");
        }
        assert_eq!(response.status(), 200, "{fault}");
        let counters = realm.counters();
        assert_eq!((counters.refreshes, counters.reuse_detected), (1, 0), "{fault}");
    }
}

/// An address at which connections are neither made nor refused, as behind a firewall that drops what it gets.
#[cfg(target_os = "linux")]
struct BlackHole {
    address: std::net::SocketAddr,
    _listener: tokio::net::TcpListener,
    _queue: Vec<tokio::net::TcpStream>,
}

#[cfg(target_os = "linux")]
impl BlackHole {
    /// Linux leaves a SYN unanswered while the queue of connections that nobody has accepted is full.
    async fn open() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let listener = socket.listen(0).expect("it listens");
        let address = listener.local_addr().expect("an address");
        let mut queue = Vec::new();
        for _ in 0..16 {
            // On loopback a connection is made at once, or not before the SYN is repeated after a second.
            match timeout(Duration::from_millis(500), tokio::net::TcpStream::connect(address)).await {
                Ok(stream) => queue.push(stream.expect("it is in the queue")),
                Err(_) => return Self { address, _listener: listener, _queue: queue },
            }
        }
        panic!("the queue is never full");
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_never_made_costs_callers_their_deadline_and_not_the_session() {
    let (realm, hole) = (Server::Strict.start().await, BlackHole::open().await);
    let config = SessionConfig::new(&realm.api_url())
        .expect("a URL")
        .allow_loopback(true)
        .allow_origin(hole.url())
        .request_timeout(DEADLINE)
        .dialect(JsonDialect::default().refresh_url(format!("{}/auth/refresh", hole.url())));
    let session = AuthSession::open(config).await.expect("a session");
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.expect("the credentials are right");
    let deadline = Duration::from_millis(300);
    let at_the_hole = session.get(&format!("{}/me", hole.url())).timeout(deadline).send();
    let outcome = timeout(HANGS, at_the_hole).await.expect("no hang");
    assert_eq!(outcome.expect_err("nobody answers"), Error::Timeout(deadline));
    assert_eq!(me(&session).await.expect("the API answers").status(), 200);

    tell(&realm, "expire_access_tokens", json!({})).await;
    let hasty = timeout(HANGS, session.get("/me").timeout(deadline).send()).await.expect("no hang");
    assert_eq!(hasty.expect_err("no token in time"), Error::Timeout(deadline));
    // Well before the deadline of a caller who has time, the session gives up to connect.
    let patient = me(&session).await.expect("an answer");
    assert_eq!((patient.status().as_u16(), patient.disposition()), (401, Disposition::RefreshFailed));
    assert!(matches!(session.state(), SessionState::SignedIn { .. }));
    assert_eq!(realm.counters().refresh_requests, 0);
}

/// What a caller gets who sends a request that must not be sent twice: an error code, or the name of what
/// was made of an answer.
async fn order(session: &AuthSession, deadline: Duration) -> &'static str {
    let request = session.post("/echo").body("one order").timeout(deadline).send();
    match timeout(HANGS, request).await.expect("the caller does not hang") {
        Ok(response) => response.disposition().name(),
        Err(error) => error.code(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_at_a_resource_is_told_to_its_caller_and_does_not_concern_the_session() {
    let cut = |at: &str, by: &str| json!({"cut": {"at": at, "by": by}});
    let faults = [
        (cut("before_headers", "reset"), "network"),
        (cut("mid_headers", "reset"), "network"),
        (cut("mid_body", "reset"), "network"),
        (cut("before_headers", "fin"), "network"),
        (cut("mid_headers", "fin"), "network"),
        (cut("mid_body", "fin"), "network"),
        (json!({"raw": "SSH-2.0-OpenSSH\r\n"}), "network"),
        (cut("before_headers", "silence"), "timeout"),
        (cut("mid_headers", "silence"), "timeout"),
        (cut("mid_body", "silence"), "timeout"),
        (json!({"pieces": {"bytes": 1, "every_ms": 60_000}}), "timeout"),
        (json!({"delay_ms": 60_000}), "timeout"),
        (json!({"pieces": {"bytes": 1, "every_ms": 0}, "status": 200, "body": "slow"}), "answered"),
        (json!({"status": 500}), "answered"),
        (json!({"status": 407}), "answered"),
        (json!({"status": 403, "body": "<html>"}), "permission_denied"),
        (json!({"status": 401, "headers": {"www-authenticate": "Digest"}}), "refused"),
        (json!({"status": 200, "padding_bytes": 65_536}), "answered"),
        (json!({"status": 200, "date": "missing"}), "answered"),
        (json!({"redirect": "cross_origin"}), "redirect_refused"),
    ];
    let realm = Server::Strict.start().await;
    let session = expired(&realm).await;
    assert_eq!(me(&session).await.expect("an answer").status(), 200);
    for (fault, expected) in faults {
        for when in ["before", "after"] {
            let deadline = if expected == "timeout" { Duration::from_millis(100) } else { DEADLINE };
            inflict(&realm, json!({"endpoint": "resource", "path": "/echo", "when": when}), &fault).await;
            assert_eq!(order(&session, deadline).await, expected, "{when} {fault}");
            tell(&realm, "clear_faults", json!({})).await;
            assert_eq!(order(&session, DEADLINE).await, "answered", "after {when} {fault}");
        }
    }
    let counters = realm.counters();
    assert_eq!((counters.refresh_requests, counters.logouts), (1, 0));
    assert_eq!(counters.redirects_with_credentials, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_goes_wrong_says_how_and_can_be_repeated() {
    let cut = |at: &str, by: &str| json!({"cut": {"at": at, "by": by}});
    let faults = [
        (cut("before_headers", "reset"), "network"),
        (cut("mid_headers", "fin"), "network"),
        (cut("mid_body", "fin"), "network"),
        (json!({"raw": "SSH-2.0-OpenSSH\r\n"}), "network"),
        (json!({"status": 503}), "sign_in_unavailable"),
        (json!({"redirect": "cross_origin"}), "sign_in_rejected"),
        (json!({"status": 200, "body": "<html>"}), "undecodable"),
        (json!({"content": {"oversized": 8_000_000}}), "body_too_large"),
    ];
    let realm = Server::Strict.start().await;
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let session = AuthSession::open(config).await.expect("a session");
    for (fault, expected) in faults {
        for when in ["before", "after"] {
            inflict(&realm, json!({"endpoint": "login", "when": when, "times": 1}), &fault).await;
            let outcome = timeout(HANGS, session.sign_in(credentials.clone())).await.expect("no hang");
            assert_eq!(outcome.expect_err("it goes wrong").code(), expected, "{when} {fault}");
            assert!(matches!(session.state(), SessionState::SignedOut { .. }), "{when} {fault}");
        }
    }
    session.sign_in(credentials).await.expect("nothing goes wrong any more");
    assert_eq!(me(&session).await.expect("an answer").status(), 200);
    assert_eq!(realm.counters().redirects_followed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_does_not_wait_for_a_server_that_fails_to_take_it() {
    for fault in [
        json!({"cut": {"at": "before_headers", "by": "silence"}}),
        json!({"cut": {"at": "mid_headers", "by": "reset"}}),
        json!({"content": {"oversized": 8_000_000}}),
        json!({"redirect": "cross_origin"}),
        json!({"status": 500}),
    ] {
        let realm = Server::Strict.start().await;
        let session = expired(&realm).await;
        inflict(&realm, json!({"endpoint": "logout", "when": "before"}), &fault).await;
        timeout(Duration::from_secs(2), session.sign_out())
            .await
            .unwrap_or_else(|_| panic!("it waits for the network: {fault}"))
            .expect("the store is fine");
        assert!(matches!(session.state(), SessionState::SignedOut { .. }), "{fault}");
        assert_eq!(session.get("/me").send().await.expect_err("nobody is signed in").code(), "signed_out");
        assert_eq!(realm.counters().redirects_followed, 0);
    }
}
