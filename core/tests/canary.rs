//! Secrets with a mark in them go through everything that can fail, and everything that anybody could read
//! afterwards is searched for the mark: logs of all levels, errors, `Debug` forms, events, states, traces,
//! panic messages.

use std::fmt::{Debug, Display};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use auth_session::{
    Additions, AttemptId, AuthSession, AuthorityFuture, ClientConfig, CustomAuthority, CustomDialect,
    Dialect, Error, Event, Expected, FaultyStore, FileStore, Generation, HeaderMap, InMemoryStore,
    JsonDialect, Load, Multipart, OAuth2Dialect, Record, RefreshOutcome, Response, Secret, SecretStore,
    SessionConfig, SignInOutcome, Slot, StatusCode, StoreError, StoreFault, StoreIdentity, StoreOperation,
    Tokens, Tombstone,
};
use serde::Serialize;
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span;

/// The mark (the name of this file would be in every panic message), as it is and as it looks when it is shown as bytes, in hexadecimal and in the three forms of
/// base64, without the characters at the ends that depend on what stands beside it.
const MARKS: [&str; 6] =
    ["siskin", "115, 105, 115, 107, 105, 110", "7369736b696e", "c2lza2lu", "npc2tpb", "zaxnraw"];

const ACCESS: &str = "siskin-access";
const REFRESH: &str = "siskin-refresh";
/// The claims are for everybody to see; the signature makes a token of them.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsIm5hbWUiOiJBZGEifQ.siskin-signature";
/// An operation that a test lets hang does so sooner.
const HANGS: Duration = Duration::from_secs(60);
/// Long enough for every answer that comes, and for a few repetitions; what hangs is given up.
const DEADLINE: Duration = Duration::from_secs(1);

/// Everything that somebody could have read, and where.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(place: &str, text: impl Display) {
    // Before the lock is taken: what is shown may take locks of its own.
    let text = format!("{place}: {text}");
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(text);
}

fn show(place: &str, value: &(impl Debug + ?Sized)) {
    note(place, format_args!("{value:?} {value:#?}"));
}

fn show_error(place: &str, error: &Error) {
    show(place, error);
    note(place, format_args!("{error} {}", error.code()));
}

fn serialise(place: &str, value: &impl Serialize) {
    note(place, serde_json::to_string(value).expect("it serialises"));
}

fn is_marked(text: &str) -> bool {
    let text = text.to_lowercase();
    MARKS.iter().any(|mark| text.contains(mark))
}

/// What has been seen since the last call.
fn take_seen() -> Vec<String> {
    std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

fn marked(seen: &[String]) -> Vec<&str> {
    seen.iter().map(String::as_str).filter(|text| is_marked(text)).collect()
}

/// Takes every span and every event of every level from whoever uses `tracing`.
struct Spans(AtomicU64);

/// The fields of a span or an event, as text.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        note(
            "span",
            format_args!("{} {}{}", attributes.metadata().target(), attributes.metadata().name(), fields.0),
        );
        span::Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        note("span", fields.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        note("event", format_args!("{}{}", event.metadata().target(), fields.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The same for whoever uses `log`.
struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        note("log", format_args!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Spans(AtomicU64::new(0))).expect("the first one");
        log::set_logger(&Lines).expect("the first one");
        log::set_max_level(log::LevelFilter::Trace);
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            note("panic", panic);
            // Stores panic on the library's threads, as they are told to; all else is a test that fails.
            if std::thread::current().name() != Some("auth-session") {
                usual(panic);
            }
        }));
    });
}

/// One test at a time looks at what is seen.
fn alone() -> &'static tokio::sync::Mutex<()> {
    static ALONE: OnceLock<tokio::sync::Mutex<()>> = OnceLock::new();
    capture();
    ALONE.get_or_init(tokio::sync::Mutex::default)
}

/// An answer with tokens.
fn marked_tokens() -> String {
    json!({"access_token": ACCESS, "refresh_token": REFRESH, "expires_in": 3600, "user": {"id": "u1"}})
        .to_string()
}

/// Everything that can go wrong with an answer. Where there is room for text, it holds the mark.
fn faults() -> Vec<Value> {
    let text = r#"{"error": "siskin", "error_description": "siskin-refresh", "access_token": "siskin"}"#;
    let error = |code: &str| json!({"error": code, "error_description": "siskin"}).to_string();
    let json = |text: &str| json!({"content": {"json": text}});
    let mut faults = vec![
        json!({"raw": "SSH-2.0-siskin\r\n"}),
        json!({"raw": "HTTP/1.1 200 siskin\r\nsiskin\r\n\r\n"}),
        json(""),
        json(r#"{"access_token": "siskin-a"#),
        json(r#"["siskin"]"#),
        json(r#"{"access_token": "siskin\r\nX: y"}"#),
        json(r#"{"access_token": 7, "refresh_token": "siskin-refresh"}"#),
        json(r#"{"access_token": {"siskin": 1}, "refresh_token": ["siskin"]}"#),
        json(r#"{"access_token": "siskin", "refresh_token": "siskin", "expires_in": "siskin"}"#),
        json(r#"{"data": {"access_token": "siskin"}}"#),
        json(&"[".repeat(10_000)),
        json!({"content": {"bytes": [0xEF, 0xBB, 0xBF]}}),
        json!({"content": {"bytes": [b'"', 0xFF, b'"']}}),
        json!({"content": {"oversized": 2_000_000}}),
        json!({"content": {"gzip_bomb": 2_000_000}}),
        json!({"content": "bad_gzip"}),
        json!({"status": 200, "body": "<html>siskin", "headers": {"content-type": "text/html"}}),
        json!({"redirect": "loop"}),
        json!({"redirect": "cross_origin"}),
        json!({"status": 302, "headers": {"location": "https://127.0.0.1:1/?token=siskin"}}),
        json!({"status": 429, "headers": {"retry-after": "siskin"}, "body": text}),
        json!({"status": 503, "headers": {"date": "siskin", "set-cookie": "siskin=siskin"}, "body": text}),
        json!({"status": 401, "headers": {"www-authenticate": "Bearer error=\"siskin\", realm=\"siskin\""}}),
        json!({"status": 401, "headers": {"www-authenticate": "Bearer error=\"invalid_token\""}, "body": text}),
        json!({"padding_bytes": 65_536, "content": {"json": marked_tokens()}}),
        json!({"pieces": {"bytes": 64, "every_ms": 1}, "content": {"json": marked_tokens()}}),
        json!({"date": "missing", "content": {"json": marked_tokens()}}),
    ];
    for status in [204, 400, 401, 403, 404, 407, 408, 418, 425, 429, 500, 502, 503] {
        faults.push(json!({"status": status, "body": text}));
    }
    for code in ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"]
    {
        faults.push(json!({"status": 400, "body": error(code)}));
    }
    for at in ["before_headers", "mid_headers", "mid_body"] {
        for by in ["reset", "fin", "silence"] {
            faults.push(json!({"cut": {"at": at, "by": by}, "content": {"json": marked_tokens()}}));
        }
    }
    faults
}

fn json_dialect(realm: &Realm) -> Dialect {
    let url = realm.auth_url();
    let addition = || Additions::new().field("client_note", "siskin").header("x-api-key", "siskin");
    JsonDialect::new(format!("{url}/auth/login"), format!("{url}/auth/refresh"), format!("{url}/auth/logout"))
        .login(addition())
        .refresh(addition())
        .into()
}

fn oauth_dialect(realm: &Realm) -> Dialect {
    let url = realm.auth_url();
    OAuth2Dialect::new(format!("{url}/oauth/token"), "demo")
        .revocation_endpoint(format!("{url}/oauth/revoke"))
        .parameter("audience", "siskin")
        .into()
}

fn config(realm: &Realm) -> SessionConfig {
    let config = SessionConfig::new(&realm.api_url()).expect("a URL");
    config.allow_loopback(true).allow_origin("https://elsewhere.example.com").request_timeout(DEADLINE)
}

async fn command(realm: &Realm, name: &str, arguments: Value) {
    realm.command(name, arguments).await.expect("the command is carried out");
}

/// A realm in which one endpoint goes wrong. The others answer as if they knew the marked tokens, so that
/// the session gets as far as it can.
async fn realm(endpoint: &str, fault: &Value) -> Realm {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let mut wrong = fault.clone();
    wrong["endpoint"] = json!(endpoint);
    command(&realm, "fault", wrong).await;
    let refused = json!({"endpoint": "resource", "status": 401, "times": 1,
        "headers": {"www-authenticate": "Bearer"}});
    command(&realm, "fault", refused).await;
    for (endpoint, body) in [("login", marked_tokens()), ("refresh", marked_tokens())] {
        command(&realm, "fault", json!({"endpoint": endpoint, "content": {"json": body}})).await;
    }
    command(&realm, "fault", json!({"endpoint": "resource", "status": 200, "body": "{}"})).await;
    realm
}

/// What anybody could look at.
fn look(session: &AuthSession, config: &SessionConfig) {
    show("session", session);
    show("config", config);
    show("state", &session.state());
    show("statistics", &session.statistics());
    show("request", &session.get("/me").header("x-note", "plain"));
    if let Some(cause) = session.lock_cause() {
        show_error("lock cause", &cause);
    }
}

fn look_back(session: &AuthSession) {
    for entry in session.trace() {
        show("trace", &entry);
        serialise("trace", &entry);
        note("trace", entry);
    }
}

fn look_at(place: &str, result: &Result<Response, Error>) {
    match result {
        Ok(response) => {
            show(place, response);
            if let Err(error) = response.json::<Vec<u8>>() {
                show_error(place, &error);
            }
        }
        Err(error) => show_error(place, error),
    }
}

fn look_at_end<T: Debug>(place: &str, result: Result<T, Error>) {
    match result {
        Ok(done) => show(place, &done),
        Err(error) => show_error(place, &error),
    }
}

/// Polls once and gives up.
async fn cancel(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

/// What else takes the token along.
async fn look_at_other_ways(session: &AuthSession, config: &SessionConfig) {
    look_at_end("stream", session.get("/me").send_streaming().await);
    let form = Multipart::new().text("password", "siskin").bytes("note", "note.txt", "text/plain", "siskin");
    show("form", &form);
    let request = session.post("/echo").header("x-secret", "siskin").query([("q", "siskin")]).multipart(form);
    show("request", &request);
    look_at("request", &request.send().await);
    // These two have no time limit of their own.
    match timeout(DEADLINE, session.authorization("/me")).await {
        Ok(Ok(authorization)) => {
            show("authorization", &authorization);
            let refused = StatusCode::UNAUTHORIZED;
            let headers = HeaderMap::new();
            let next = session.refused(&authorization, refused, &headers, b"siskin");
            if let Ok(next) = timeout(DEADLINE, next).await {
                look_at_end("refused", next);
            }
        }
        Ok(Err(error)) => show_error("authorization", &error),
        Err(_) => {}
    }
    let other = ClientConfig::new("https://elsewhere.example.com").header("x-api-key", "siskin");
    show("client", &other);
    look_at_end("client", session.client(other));
    look(session, config);
}

/// Everything that an app does with a session.
async fn live(config: SessionConfig) {
    let session = match AuthSession::open(config.clone()).await {
        Ok(session) => session,
        Err(error) => return show_error("open", &error),
    };
    let mut events = session.events();
    look(&session, &config);
    look_at("early request", &session.get("/me").send().await);
    let credentials = json!({"email": "siskin@example.com", "password": "siskin"});
    look_at_end("sign-in", session.sign_in(credentials.clone()).await);
    look_at_end("next step", session.continue_sign_in("/auth/login", credentials.clone()).await);
    look_at_end("import", session.import(Tokens::new(JWT).refresh_token(REFRESH)).await);
    look(&session, &config);
    for tokens in [
        Tokens::new("siskin\r\n").refresh_token(REFRESH),
        Tokens::new(JWT).refresh_token("siskin siskin"),
        Tokens::from_refresh_token(REFRESH),
        Tokens::new(JWT).refresh_token(REFRESH).expires_in(Duration::from_secs(60)),
    ] {
        show("tokens", &tokens);
        look_at_end("adopt", session.adopt(tokens).await);
        look(&session, &config);
    }
    let both = tokio::join!(session.get("/me").send(), session.post("/echo").body("{}").send());
    look_at("request", &both.0);
    look_at("request", &both.1);
    look(&session, &config);
    look_at_other_ways(&session, &config).await;
    cancel(session.get("/me").send()).await;
    cancel(session.sign_in(credentials)).await;
    session.network_changed();
    session.resume();
    look_at("later request", &session.get("/me").send().await);
    look_at_end("recent sign-in", session.require_recent_sign_in(Duration::ZERO));
    look(&session, &config);
    look_at_end("sign-out", session.sign_out().await);
    look(&session, &config);
    look_at("late request", &session.get("/me").send().await);
    look_back(&session);
    while let Ok(Some(event)) = timeout(Duration::ZERO, events.next()).await {
        show("event", &event);
        note("event", event.name());
    }
    show("events", &events);
}

async fn all(mut lives: JoinSet<()>) {
    while let Some(life) = lives.join_next().await {
        life.expect("no panic outside the stores");
    }
}

/// Nothing that has been seen shows a secret; and something was seen in each of these places.
fn expect_nothing_marked(places: &[&str]) {
    let seen = take_seen();
    let marked = marked(&seen);
    let some = marked[..marked.len().min(5)].join("\n");
    assert!(marked.is_empty(), "{} of {} texts show a secret, such as\n{some}", marked.len(), seen.len());
    for place in places {
        assert!(seen.iter().any(|text| text.starts_with(place)), "nothing was seen in {place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_any_endpoint_brings_a_secret_to_light() {
    let _alone = alone().lock().await;
    take_seen();
    let mut lives = JoinSet::new();
    for endpoint in ["login", "refresh", "logout", "resource"] {
        for fault in faults() {
            lives.spawn(async move {
                let realm = realm(endpoint, &fault).await;
                show("dialect", &json_dialect(&realm));
                show("dialect", &oauth_dialect(&realm));
                live(config(&realm).dialect(json_dialect(&realm))).await;
                if matches!(endpoint, "refresh" | "logout") {
                    live(config(&realm).dialect(oauth_dialect(&realm))).await;
                }
            });
        }
    }
    all(lives).await;
    expect_nothing_marked(&[
        "event: auth_session",
        "span: auth_session",
        "log: reqwest",
        "trace",
        "state",
        "sign-in",
        "adopt",
        "request",
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_failure_of_a_store_brings_a_secret_to_light() {
    let _alone = alone().lock().await;
    take_seen();
    let mut lives = JoinSet::new();
    for operation in
        [StoreOperation::Load, StoreOperation::Save, StoreOperation::Erase, StoreOperation::Lease]
    {
        for fault in [
            StoreFault::Locked,
            StoreFault::Fail,
            StoreFault::FailAfter,
            StoreFault::Hang,
            StoreFault::HangAfter,
            StoreFault::Corrupt,
            StoreFault::Unrecoverable,
            StoreFault::Conflict,
            StoreFault::Panic,
        ] {
            for times in [1, u32::MAX] {
                lives.spawn(async move {
                    let realm = realm("resource", &json!({"status": 401, "times": 1})).await;
                    let store = Arc::new(FaultyStore::new(InMemoryStore::new()));
                    store.script(operation, fault, times);
                    let hanging = Arc::clone(&store);
                    let release = move || {
                        if hanging.await_hanging(operation, HANGS) {
                            hanging.release();
                        }
                    };
                    if matches!(fault, StoreFault::Hang | StoreFault::HangAfter) {
                        tokio::task::spawn_blocking(release);
                    }
                    live(config(&realm).dialect(json_dialect(&realm)).store(Arc::clone(&store))).await;
                    show("store", &store);
                });
            }
        }
    }
    all(lives).await;
    expect_nothing_marked(&[
        "event: auth_session",
        "panic",
        "lock cause",
        "trace",
        "request",
        "sign-out",
        "store",
    ]);
}

/// A store of an app that says all it knows when it breaks.
#[derive(Debug)]
struct Talkative;

impl SecretStore for Talkative {
    fn load(&self, slot: &Slot) -> Load {
        panic!("cannot load {slot:?}")
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        panic!("cannot save {record:?} {record:#?} in {slot:?}, {expected:?}")
    }

    fn erase(&self, _: &Slot, tombstone: &Tombstone, _: Expected) -> Result<Generation, StoreError> {
        Err(StoreError::Transient(format!("cannot leave {tombstone:?}")))
    }

    fn identity(&self) -> StoreIdentity {
        StoreIdentity::unique()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_store_can_print_of_a_session_holds_no_secret() {
    let _alone = alone().lock().await;
    take_seen();
    let realm = realm("resource", &json!({"status": 401, "times": 1})).await;
    live(config(&realm).store(Talkative)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::new(folder.path());
    let session = AuthSession::open(config(&realm).store(store.clone())).await.expect("a session");
    session.adopt(Tokens::new(JWT).refresh_token(REFRESH)).await.expect("header-safe tokens");
    let slot = Slot { namespace: "auth-session".into(), account: "default".into() };
    let loaded = store.load(&slot);
    assert!(matches!(loaded, Load::Found(..)));
    show("load", &loaded);
    // Damaged, and of a later version: what is there is not repeated.
    let record = std::fs::read_dir(folder.path()).expect("the store").find_map(|entry| {
        let path = entry.expect("an entry").path();
        path.extension().is_some_and(|extension| extension == "session").then_some(path)
    });
    let record = record.expect("a record");
    for damaged in
        ["siskin", "authsession-record siskin\n", "authsession-record 1 siskin siskin siskin\n{\"siskin\"}"]
    {
        std::fs::write(&record, damaged).expect("damaged");
        show("load", &store.load(&slot));
        live(config(&realm).account("default").store(store.clone())).await;
    }
    expect_nothing_marked(&["panic", "load", "lock cause", "sign-out"]);
}

/// An authority of an app that answers every refresh like this, or panics.
#[derive(Debug)]
struct Custom(Option<RefreshOutcome>);

impl CustomAuthority for Custom {
    fn sign_in(&self, _: Value) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        let outcome = SignInOutcome::NextStep(json!({"ticket": "siskin"}));
        show("outcome", &outcome);
        Box::pin(async { Ok(outcome) })
    }

    fn refresh(&self, token: Secret, attempt: AttemptId) -> AuthorityFuture<'_, RefreshOutcome> {
        show("outcome", &self.0);
        let outcome = self.0.clone();
        Box::pin(async move { outcome.unwrap_or_else(|| panic!("cannot refresh {token:?} {attempt:?}")) })
    }

    fn revoke(&self, refresh: Secret, access: Option<Secret>) -> AuthorityFuture<'_, bool> {
        Box::pin(async move { panic!("cannot revoke {refresh:?} {access:?}") })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outcome_of_an_app_s_own_authority_brings_a_secret_to_light() {
    let _alone = alone().lock().await;
    take_seen();
    let mut lives = JoinSet::new();
    for outcome in [
        None,
        Some(RefreshOutcome::Rotated(Tokens::new(JWT).refresh_token(REFRESH))),
        Some(RefreshOutcome::Rotated(Tokens::new("siskin\r\n").refresh_token("siskin siskin"))),
        Some(RefreshOutcome::Salvaged(REFRESH.into())),
        Some(RefreshOutcome::Ambiguous),
        Some(RefreshOutcome::Rejected { certain: false }),
        Some(RefreshOutcome::Rejected { certain: true }),
        Some(RefreshOutcome::Unavailable { retry_after: None }),
        Some(RefreshOutcome::Unreachable),
        Some(RefreshOutcome::Unexpected { status: 418 }),
    ] {
        lives.spawn(async move {
            let realm = realm("resource", &json!({"status": 401, "times": 1})).await;
            live(config(&realm).dialect(CustomDialect::new(Custom(outcome)))).await;
        });
    }
    all(lives).await;
    expect_nothing_marked(&["panic", "outcome", "sign-in", "next step", "adopt", "trace"]);
}

#[tokio::test]
async fn a_token_in_the_text_of_an_app_s_own_authority_is_not_repeated() {
    let _alone = alone().lock().await;
    take_seen();
    let realm = realm("resource", &json!({"status": 401, "times": 1})).await;
    let outcome = RefreshOutcome::Misconfigured(format!("no client for {REFRESH}"));
    let dialect = CustomDialect::new(Custom(Some(outcome)));
    let session = AuthSession::open(config(&realm).dialect(dialect)).await.expect("a session");
    session.adopt(Tokens::from_refresh_token(REFRESH)).await.expect("a good token");
    let error = session.get("/me").send().await.expect_err("no token");
    assert_eq!(error.code(), "authority_misconfigured");
    take_seen();
    show_error("request", &error);
    look_back(&session);
    expect_nothing_marked(&["request", "trace"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_settings_and_requests_are_told_without_what_they_hold() {
    let _alone = alone().lock().await;
    take_seen();
    let base = || SessionConfig::new("https://api.example.com").expect("a URL");
    for url in ["siskin", "https://", "siskin:siskin", "data:siskin", "https://siskin:siskin@[siskin]/"] {
        look_at_end("base URL", SessionConfig::new(url));
    }
    let json_dialect = |url: &str| JsonDialect::new(url, "/refresh", "/logout");
    for config in [
        SessionConfig::new("https://ada:siskin@api.example.com").expect("a URL"),
        SessionConfig::new("http://ada:siskin@api.example.com/siskin?siskin").expect("a URL"),
        base().allow_origin("https://ada:siskin@example.com/siskin"),
        base().allow_origin("siskin"),
        base().dialect(json_dialect("http://ada:siskin@example.com/")),
        base().dialect(json_dialect("https://[siskin")),
        base().request_timeout(Duration::ZERO),
    ] {
        show("config", &config);
        let error = AuthSession::open(config).await.expect_err("a wrong setting");
        show_error("open", &error);
    }
    let session = AuthSession::open(base()).await.expect("a session");
    for request in [
        session.get("/me").header("authorization", "Bearer siskin"),
        session.get("/me").header("x-token", "siskin\r\nX: siskin"),
        session.get("/me").header("no name", "siskin"),
        session.get("/me ?token=siskin"),
        session.get("https://siskin\u{0}"),
        session.get("https://[siskin]/?token=siskin"),
        session.get("https://ada:siskin@elsewhere.example.com/?token=siskin"),
    ] {
        show_error("request", &request.send().await.expect_err("a wrong request"));
    }
    expect_nothing_marked(&["base URL", "config", "open", "request"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_came_to_light_would_be_seen_wherever_that_is() {
    let _alone = alone().lock().await;
    take_seen();
    let secret = Secret::new(ACCESS);
    tracing::trace!(token = secret.expose(), "sent");
    tracing::trace!("sent {}", secret.expose());
    let span = tracing::trace_span!("refresh", token = secret.expose(), later = tracing::field::Empty);
    span.record("later", secret.expose());
    log::trace!("sent {}", secret.expose());
    std::panic::catch_unwind(|| panic!("sent {}", Secret::new(ACCESS).expose())).expect_err("a panic");
    show("bytes", secret.expose().as_bytes());
    show("event", &Event::RefreshFailed { code: "siskin", retry_after: None });
    show_error("error", &Error::StoreUnavailable(ACCESS.into()));
    serialise("trace", &json!({"token": ACCESS}));
    note("hexadecimal", "7369736b696e2d");
    for encoded in ["c2lza2luLWFjY2Vzcw==", "eHNpc2tpbi1hY2Nlc3M=", "eHhzaXNraW4tYWNjZXNz"] {
        note("base64", encoded);
    }
    let seen = take_seen();
    let places: Vec<_> = marked(&seen).iter().filter_map(|text| text.split(':').next()).collect();
    assert_eq!(
        places,
        [
            "event",
            "event",
            "span",
            "span",
            "log",
            "panic",
            "bytes",
            "event",
            "error",
            "error",
            "trace",
            "hexadecimal",
            "base64",
            "base64",
            "base64"
        ]
    );
    show("secret", &secret);
    assert!(marked(&take_seen()).is_empty());
}
