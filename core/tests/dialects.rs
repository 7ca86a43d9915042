//! The dialects over real sockets, against a server that answers whatever a backend might.

mod scripted;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use auth_session::{
    Additions, AttemptId, AuthSession, AuthorityFuture, CustomAuthority, CustomDialect, Dialect, Disposition,
    Error, Event, Expected, FileStore, Generation, InMemoryStore, JsonDialect, Load, Method, OAuth2Dialect,
    Record, RefreshObstacle, RefreshOutcome, Secret, SecretStore, SessionConfig, SessionState, SignInOutcome,
    SignOutReason, Slot, StoreError, StoreIdentity, Tokens, Tombstone,
};
use scripted::{PATIENCE, Scripted, unsigned_jwt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

async fn open(server: &Scripted, dialect: impl Into<Dialect>) -> AuthSession {
    let config = SessionConfig::new(&server.url).expect("a URL").allow_loopback(true).dialect(dialect);
    AuthSession::open(config).await.expect("a session")
}

/// A session whose next request refreshes.
async fn stale(server: &Scripted, dialect: impl Into<Dialect>) -> AuthSession {
    let session = open(server, dialect).await;
    session.adopt(Tokens::from_refresh_token("refresh-1")).await.expect("a good token");
    session
}

fn credentials() -> Value {
    json!({"email": "ada@example.com", "password": "correct horse"})
}

async fn me(session: &AuthSession) -> Result<u16, Error> {
    session.get("/me").send().await.map(|response| response.status().as_u16())
}

fn is_signed_in(session: &AuthSession) -> bool {
    matches!(session.state(), SessionState::SignedIn { .. })
}

/// Signing out tells the server in the background.
async fn signed_out(session: &AuthSession, server: &Scripted, path: &str) -> scripted::Asked {
    session.sign_out().await.expect("the store is fine");
    server.when_asked(path, 1).await.remove(0)
}

fn tokens(number: u32) -> String {
    json!({"access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
        "token_type": "Bearer", "expires_in": 3600})
    .to_string()
}

#[tokio::test]
async fn a_backend_s_own_names_are_spoken() {
    let server = Scripted::start().await;
    let session = open(
        &server,
        JsonDialect::new("/v2/session", "/v2/session/renew", "/v2/session/end")
            .access_token_at("data.tokens.access")
            .refresh_token_at("/data/tokens/refresh~1token")
            .expires_in_at("data.tokens.ttl")
            .refresh_request_field("renewalToken")
            .logout_request_field("endToken")
            .logout_method(Method::DELETE)
            .login(
                Additions::new()
                    .field("client_id", "app")
                    .header("x-api-key", "key-1")
                    .header("accept", "a/b"),
            )
            .refresh(Additions::new().field("device", json!({"id": 7})).header("x-api-key", "key-2"))
            .logout(Additions::new().field("everywhere", false).header("x-api-key", "key-3")),
    )
    .await;
    let answer = |number: u32, ttl: u32| {
        json!({"data": {"tokens": {"access": format!("access-{number}"), "ttl": ttl,
            "refresh/token": format!("refresh-{number}")}, "user": "Ada"}})
        .to_string()
    };
    server.answer("/v2/session", 200, &[], answer(1, 1800));
    server.answer("/v2/session/renew", 200, &[], answer(2, 1800));
    server.answer("/v2/session/end", 204, &[], "");
    server.answer("/me", 401, &[("www-authenticate", "Bearer")], "");
    server.answer("/me", 200, &[], "{}");

    let rest = session.sign_in(credentials()).await.expect("signed in");
    assert!(rest.is_signed_in());
    assert_eq!(rest.into_json(), json!({"data": {"tokens": {}, "user": "Ada"}}));
    let SessionState::SignedIn { expires_at, .. } = session.state() else { panic!("signed in") };
    assert!(expires_at.is_some());
    assert_eq!(me(&session).await.expect("an answer"), 200);
    let end = signed_out(&session, &server, "/v2/session/end").await;

    let login = &server.asked("/v2/session")[0];
    assert_eq!(login.json()["client_id"], "app");
    assert_eq!(login.json()["email"], "ada@example.com");
    assert_eq!((login.header("x-api-key"), login.header("accept")), (Some("key-1"), Some("a/b")));
    let renewal = &server.asked("/v2/session/renew")[0];
    assert_eq!(renewal.json(), json!({"renewalToken": "refresh-1", "device": {"id": 7}}));
    assert_eq!(renewal.header("x-api-key"), Some("key-2"));
    assert_eq!(server.asked("/me")[1].header("authorization"), Some("Bearer access-2"));
    assert_eq!(end.method, "DELETE");
    assert_eq!(end.json(), json!({"endToken": "refresh-2", "everywhere": false}));
    assert_eq!(
        (end.header("x-api-key"), end.header("authorization")),
        (Some("key-3"), Some("Bearer access-2"))
    );
}

#[tokio::test]
async fn snake_case_and_camel_case_are_understood_without_any_setting() {
    let server = Scripted::start().await;
    server.answer(
        "/auth/login",
        200,
        &[],
        r#"{"accessToken":"a","refreshToken":"refresh-1","expiresIn":"60"}"#,
    );
    server.answer("/auth/refresh", 200, &[], tokens(2));
    server.answer("/me", 401, &[], "");
    server.answer("/me", 200, &[], "");
    let session = open(&server, Dialect::default()).await;
    let answer = session.sign_in(credentials()).await.expect("signed in");
    assert_eq!(answer.into_json(), json!({}));
    assert_eq!(me(&session).await.expect("an answer"), 200);
    assert_eq!(server.asked("/auth/refresh")[0].json(), json!({"refresh_token": "refresh-1"}));
}

#[tokio::test]
async fn a_refresh_token_in_a_cookie_is_taken_rotated_and_sent_back_to_its_endpoints_only() {
    let server = Scripted::start().await;
    let session = open(&server, JsonDialect::default().refresh_token_cookie("rt")).await;
    let cookie = |value: &'static str| [("set-cookie", "theme=dark"), ("set-cookie", value)];
    let access = r#"{"access_token":"a","refresh_token":"not this one"}"#;
    server.answer("/auth/login", 200, &cookie("rt=refresh-1; Path=/auth; HttpOnly; Secure"), access);
    server.answer("/auth/refresh", 200, &cookie("rt=refresh-2; Path=/auth; HttpOnly"), access);
    server.answer("/auth/logout", 200, &cookie("rt=; Max-Age=0"), "");
    server.answer("/me", 401, &[], "");
    server.answer("/me", 200, &[], "");
    let answer = session.sign_in(credentials()).await.expect("signed in");
    assert_eq!(answer.into_json(), json!({}), "no token is left in the answer");
    assert_eq!(me(&session).await.expect("an answer"), 200);
    let refresh = &server.asked("/auth/refresh")[0];
    assert_eq!((refresh.header("cookie"), refresh.body.as_str()), (Some("rt=refresh-1"), "{}"));
    let logout = signed_out(&session, &server, "/auth/logout").await;
    assert_eq!((logout.header("cookie"), logout.body.as_str()), (Some("rt=refresh-2"), "{}"));
    for asked in server.asked("/me").iter().chain(&server.asked("/auth/login")) {
        assert_eq!(asked.header("cookie"), None);
    }
}

#[tokio::test]
async fn without_a_logout_endpoint_a_sign_out_stays_on_the_device() {
    let server = Scripted::start().await;
    let session = stale(&server, JsonDialect::default().without_logout()).await;
    session.sign_out().await.expect("the store is fine");
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
    assert!(server.asked("/auth/logout").is_empty());
}

#[tokio::test]
async fn the_app_says_what_ends_a_session() {
    let dialect = || {
        JsonDialect::default().terminal_statuses([403]).terminal_codes(["REVOKED"]).error_code_at("meta.code")
    };
    let revoked = r#"{"meta":{"code":"REVOKED"}}"#;
    for (status, body, ends) in [
        (403, "{}", true),
        (400, revoked, true),
        (200, revoked, true),
        (401, "{}", false),
        (400, r#"{"meta":{"code":"OTHER"}}"#, false),
        (404, r#"{"error":"REVOKED"}"#, false),
    ] {
        let server = Scripted::start().await;
        let session = stale(&server, dialect()).await;
        server.answer("/auth/refresh", status, &[], body);
        let error = me(&session).await.expect_err("no token");
        assert_eq!(
            error.code(),
            if ends { "session_ended" } else { "authority_unexpected" },
            "{status} {body}"
        );
        assert_eq!(is_signed_in(&session), !ends, "{status} {body}");
        assert_eq!(server.asked("/auth/refresh").len(), 1);
    }
}

#[tokio::test]
async fn an_answer_without_tokens_changes_nothing_and_the_next_step_signs_in() {
    let server = Scripted::start().await;
    let session =
        open(&server, JsonDialect::default().login(Additions::new().header("x-api-key", "key"))).await;
    server.answer("/auth/login", 200, &[], r#"{"challenge":"otp","ticket":"canary"}"#);
    server.answer("/auth/otp/send", 204, &[], "");
    server.answer("/auth/otp", 422, &[], r#"{"error":"wrong_code"}"#);
    server.answer("/auth/otp", 200, &[], tokens(1));
    server.answer("/me", 200, &[], "");

    let first = session.sign_in(credentials()).await.expect("a step");
    assert!(!first.is_signed_in());
    assert_eq!(first["challenge"], "otp");
    assert!(!format!("{first:?}").contains("canary"));
    let sent = session.continue_sign_in("/auth/otp/send", json!({"ticket": first["ticket"]})).await;
    assert_eq!(sent.expect("a step").into_json(), Value::Null);
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::NeverSignedIn });

    let otp = format!("{}/auth/otp", server.url);
    let wrong = session.continue_sign_in(&otp, json!({"code": "0"})).await.expect_err("a wrong code");
    assert_eq!((wrong.code(), wrong.status()), ("sign_in_rejected", Some(422)));
    assert!(session.continue_sign_in(&otp, json!({"code": "123456"})).await.expect("tokens").is_signed_in());
    assert_eq!(me(&session).await.expect("an answer"), 200);
    for asked in server.asked("/auth/otp") {
        assert_eq!((asked.method.as_str(), asked.header("x-api-key")), ("POST", Some("key")));
    }
}

#[tokio::test]
async fn a_step_leaves_whoever_is_signed_in_signed_in() {
    let server = Scripted::start().await;
    let session = stale(&server, Dialect::default()).await;
    server.answer("/auth/login", 200, &[], r#"{"challenge":"otp"}"#);
    assert!(!session.sign_in(credentials()).await.expect("a step").is_signed_in());
    assert!(is_signed_in(&session));
}

#[tokio::test]
async fn a_step_goes_to_no_other_origin() {
    let (server, authority, other) =
        (Scripted::start().await, Scripted::start().await, Scripted::start().await);
    let login = format!("{}/login", authority.url);
    let refresh = format!("{}/refresh", authority.url);
    let session = open(&server, JsonDialect::new(login, refresh, "/logout")).await;
    authority.answer("/otp", 200, &[], tokens(1));
    let elsewhere = session.continue_sign_in(&format!("{}/otp", other.url), credentials()).await;
    assert_eq!(elsewhere.expect_err("not allowed").code(), "origin_not_allowed");
    for target in ["https://\u{7f}", "/o tp", "http://user:canary@127.0.0.1", "https://"] {
        let error = session.continue_sign_in(target, credentials()).await.expect_err("not a URL");
        assert!(["invalid_request", "origin_not_allowed"].contains(&error.code()), "{target}: {error}");
        assert!(!error.to_string().contains("canary"));
    }
    assert!(other.asked("/otp").is_empty());
    let step = session.continue_sign_in(&format!("{}/otp", authority.url), credentials()).await;
    assert!(step.expect("the authority's origin").is_signed_in());
}

#[tokio::test]
async fn a_login_s_redirect_is_not_followed() {
    let (server, other) = (Scripted::start().await, Scripted::start().await);
    let session = open(&server, Dialect::default()).await;
    let location = format!("{}/auth/login", other.url);
    server.answer("/auth/login", 307, &[("location", &location)], "");
    let error = session.sign_in(credentials()).await.expect_err("a redirect");
    assert_eq!((error.code(), error.status()), ("sign_in_rejected", Some(307)));
    assert!(other.asked("/auth/login").is_empty());
}

#[tokio::test]
async fn wrong_settings_of_a_dialect_are_refused_and_named() {
    let json = JsonDialect::default;
    let oauth = || OAuth2Dialect::new("/token", "app");
    let cases: Vec<(Dialect, &str)> = vec![
        (json().login_url("http://example.com/login").into(), "login_url"),
        (json().refresh_url("https://example.com/refresh#canary").into(), "refresh_url"),
        (json().logout_url("https://user:canary@example.com/").into(), "logout_url"),
        (json().logout_url("https://").into(), "logout_url"),
        (json().logout_method(Method::CONNECT).into(), "logout_method"),
        (json().access_token_at("").into(), "access_token_at"),
        (json().refresh_token_at("data..token").into(), "refresh_token_at"),
        (json().expires_in_at("/").into(), "expires_in_at"),
        (json().error_code_at("error.").into(), "error_code_at"),
        (json().refresh_request_field("").into(), "refresh_request_field"),
        (json().logout_request_field("").into(), "logout_request_field"),
        (json().refresh_token_cookie("a b").into(), "refresh_token_cookie"),
        (json().login(Additions::new().header("x\r\n", "canary")).into(), "login"),
        (json().refresh(Additions::new().field("refresh_token", "canary")).into(), "refresh"),
        (json().logout(Additions::new().header("cookie", "canary")).into(), "logout"),
        (json().terminal_statuses([200]).into(), "terminal_statuses"),
        (json().terminal_statuses([401, 429]).into(), "terminal_statuses"),
        (json().terminal_codes([""]).into(), "terminal_codes"),
        (oauth().terminal_statuses([503]).into(), "terminal_statuses"),
        (oauth().parameter("client_secret", "canary").into(), "parameter"),
        (oauth().parameter("audience", "").into(), "parameter"),
        (oauth().parameter("audience", "canary").parameter("audience", "b").into(), "parameter"),
        (oauth().revocation_endpoint("http://example.com/").into(), "revocation_endpoint"),
    ];
    for (dialect, name) in cases {
        let config = SessionConfig::new("https://api.example.com").expect("a URL").dialect(dialect);
        let error = AuthSession::open(config).await.expect_err(name);
        assert!(
            matches!(error, Error::InvalidConfiguration { field, .. } if field == name),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn an_oauth_refresh_is_the_form_post_of_a_public_client() {
    let server = Scripted::start().await;
    let dialect = OAuth2Dialect::new("/token", "app & co")
        .parameter("audience", "https://api.example.com")
        .parameter("resource", "urn:a")
        .parameter("resource", "urn:b");
    let session = stale(&server, dialect).await;
    server.answer("/token", 200, &[], r#"{"access_token":"access-2","token_type":"bEaReR"}"#);
    server.answer("/me", 200, &[], "");
    assert_eq!(me(&session).await.expect("an answer"), 200);
    let asked = &server.asked("/token")[0];
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(
        asked.body,
        "grant_type=refresh_token&refresh_token=refresh-1&client_id=app+%26+co\
         &audience=https%3A%2F%2Fapi.example.com&resource=urn%3Aa&resource=urn%3Ab"
    );
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_current_one() {
    let server = Scripted::start().await;
    let session = stale(&server, OAuth2Dialect::new("/token", "app")).await;
    server.answer(
        "/token",
        200,
        &[],
        r#"{"access_token":"access-2","token_type":"Bearer","new":{"member":1}}"#,
    );
    server.answer("/me", 200, &[], "");
    server.answer("/me", 401, &[], "");
    server.answer("/me", 200, &[], "");
    for _ in 0..2 {
        assert_eq!(me(&session).await.expect("an answer"), 200);
    }
    let asked = server.asked("/token");
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.body.contains("refresh_token=refresh-1")));
}

#[tokio::test]
async fn a_token_of_an_unknown_type_is_never_sent() {
    let server = Scripted::start().await;
    let session = stale(&server, OAuth2Dialect::new("/token", "app")).await;
    server.answer("/token", 200, &[], r#"{"access_token":"canary","token_type":"DPoP"}"#);
    let error = me(&session).await.expect_err("no token");
    assert_eq!((error.code(), error.status()), ("authority_unexpected", Some(200)));
    assert!(is_signed_in(&session));
    assert!(server.asked("/me").is_empty());
}

#[tokio::test]
async fn oauth_errors_end_the_session_only_where_they_say_so_and_repeat_no_server_text() {
    let server_text = "canary \u{1b}[31m";
    for (status, error, code) in [
        (400, "invalid_grant", "session_ended"),
        (401, "invalid_grant", "session_ended"),
        (400, "token_revoked", "session_ended"),
        (400, "invalid_client", "authority_misconfigured"),
        (401, "invalid_client", "authority_misconfigured"),
        (400, "unauthorized_client", "authority_misconfigured"),
        (400, "unsupported_grant_type", "authority_misconfigured"),
        (400, "invalid_scope", "authority_misconfigured"),
        (400, "invalid_request", "authority_misconfigured"),
        (400, server_text, "authority_unexpected"),
        (400, "use_dpop_nonce", "authority_unexpected"),
        (403, "invalid_grant", "authority_unexpected"),
        (403, "insufficient_authorization", "authority_unexpected"),
        (503, "invalid_grant", "refresh_unavailable"),
    ] {
        let server = Scripted::start().await;
        let dialect = OAuth2Dialect::new("/token", "app").terminal_codes(["token_revoked"]);
        let session = stale(&server, dialect).await;
        let body = json!({"error": error, "error_description": server_text, "error_uri": server_text});
        server.answer("/token", status, &[], body.to_string());
        let told = me(&session).await.expect_err("no token");
        assert_eq!(told.code(), code, "{status} {error}");
        assert_eq!(is_signed_in(&session), code != "session_ended");
        assert!(!format!("{told} {told:?}").contains("canary"), "{told:?}");
        assert_eq!(server.asked("/token").len(), 1, "a token endpoint's 401 causes no other refresh");
    }
}

#[tokio::test]
async fn a_revocation_names_the_token_and_the_client() {
    let server = Scripted::start().await;
    let dialect = OAuth2Dialect::new("/token", "app").revocation_endpoint("/revoke");
    let session = stale(&server, dialect).await;
    server.answer("/revoke", 200, &[], "");
    let asked = signed_out(&session, &server, "/revoke").await;
    assert_eq!(asked.body, "token=refresh-1&token_type_hint=refresh_token&client_id=app");
}

#[tokio::test]
async fn a_token_of_16_kib_is_kept_and_sent() {
    let server = Scripted::start().await;
    let session = stale(&server, Dialect::default()).await;
    let long = "x".repeat(16 << 10);
    server.answer(
        "/auth/refresh",
        200,
        &[],
        json!({"access_token": long, "refresh_token": long}).to_string(),
    );
    server.answer("/me", 401, &[], "");
    server.answer("/me", 200, &[], "");
    let response = session.get("/me").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::Answered);
    assert_eq!(server.asked("/me")[0].header("authorization"), Some(format!("Bearer {long}").as_str()));
    assert_eq!(server.asked("/auth/refresh")[1].json(), json!({"refresh_token": long}));
}

#[tokio::test]
async fn tokens_of_16_kib_outlive_a_restart() {
    let server = Scripted::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let [before, after] = ["before", "after"].map(|name| folder.path().join(name));
    let open = |directory: &Path| {
        let config = SessionConfig::new(&server.url).expect("a URL").allow_loopback(true);
        AuthSession::open(config.store(FileStore::new(directory)))
    };
    let (access, refresh) = ("a".repeat(16 << 10), "r".repeat(16 << 10));
    let session = open(&before).await.expect("a session");
    session.adopt(Tokens::new(&*access).refresh_token(&*refresh)).await.expect("good tokens");
    timeout(PATIENCE, session.close()).await.expect("it is saved");
    // In another place it cannot be the session that was open.
    std::fs::rename(&before, &after).expect("the store");
    let session = open(&after).await.expect("a session");
    server.answer("/auth/refresh", 200, &[], tokens(2));
    server.answer("/me", 401, &[], "");
    server.answer("/me", 200, &[], "");
    assert_eq!(me(&session).await.expect("an answer"), 200);
    assert_eq!(server.asked("/me")[0].header("authorization"), Some(format!("Bearer {access}").as_str()));
    assert_eq!(server.asked("/auth/refresh")[0].json(), json!({"refresh_token": refresh}));
}

/// RFC 7009 section 2.2: a server answers 200 for a token that it does not know, since there is nothing left to do.
#[tokio::test]
async fn a_revocation_is_over_when_the_server_answers() {
    for status in [200, 204, 400] {
        let server = Scripted::start().await;
        let dialect = OAuth2Dialect::new("/token", "app").revocation_endpoint("/revoke");
        let session = stale(&server, dialect).await;
        server.answer("/revoke", status, &[], r#"{"error":"unsupported_token_type"}"#);
        signed_out(&session, &server, "/revoke").await;
        // It waits for the revocation, and does nothing else with this dialect.
        session.sign_in(credentials()).await.expect_err("no sign-in with credentials");
        assert_eq!(server.asked("/revoke").len(), 1, "{status}");
        assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
    }
}

#[tokio::test]
async fn what_a_server_wants_before_it_signs_in_is_handed_to_the_app() {
    let server = Scripted::start().await;
    let session = open(&server, Dialect::default()).await;
    for error in ["insufficient_authorization", "redirect_to_web"] {
        let answer = json!({"error": error, "auth_session": "canary", "request_uri": "urn:canary"});
        server.answer("/auth/login", 403, &[], answer.to_string());
        let refused = session.sign_in(credentials()).await.expect_err("not signed in");
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
        let Error::SignInRejected { status: 403, answer: Some(handed) } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(handed.0["auth_session"], "canary");
    }
}

#[tokio::test]
async fn a_server_that_cannot_revoke_now_is_asked_again() {
    let server = Scripted::start().await;
    let dialect = OAuth2Dialect::new("/token", "app").revocation_endpoint("/revoke");
    let session = stale(&server, dialect).await;
    server.answer("/revoke", 503, &[("retry-after", "0")], "");
    server.answer("/revoke", 200, &[], "");
    session.sign_out().await.expect("the store is fine");
    server.when_asked("/revoke", 2).await;
}

fn jwt(subject: &str) -> String {
    unsigned_jwt(json!({ "sub": subject }).to_string().as_bytes())
}

#[tokio::test]
async fn a_refresh_that_answers_with_another_user_s_token_attaches_nothing_to_it() {
    let server = Scripted::start().await;
    let session = open(&server, Dialect::default()).await;
    session.adopt(Tokens::new(jwt("u1")).refresh_token("refresh-1")).await.expect("good tokens");
    let other = json!({"access_token": jwt("u2"), "refresh_token": "canary"});
    server.answer("/auth/refresh", 200, &[], other.to_string());
    server.answer("/me", 401, &[], "");
    let response = session.get("/me").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::RefreshFailed);
    let SessionState::SignedIn { subject, .. } = session.state() else { panic!("signed in") };
    assert_eq!(subject.as_deref(), Some("u1"));
    let own = format!("Bearer {}", jwt("u1"));
    assert!(server.asked("/me").iter().all(|asked| asked.header("authorization") == Some(&own)));
    let logout = signed_out(&session, &server, "/auth/logout").await;
    assert_eq!(logout.json(), json!({"refresh_token": "refresh-1"}));
}

#[tokio::test]
async fn an_id_token_is_ignored() {
    let server = Scripted::start().await;
    let session = stale(&server, OAuth2Dialect::new("/token", "app")).await;
    let answer = json!({"access_token": jwt("u1"), "token_type": "Bearer", "id_token": jwt("u2")});
    server.answer("/token", 200, &[], answer.to_string());
    server.answer("/me", 200, &[], "");
    assert_eq!(me(&session).await.expect("an answer"), 200);
    let SessionState::SignedIn { subject, .. } = session.state() else { panic!("signed in") };
    assert_eq!(subject.as_deref(), Some("u1"));
}

/// An authority of the app that does what a test says.
#[derive(Debug, Default)]
struct Own {
    refreshes: Mutex<Vec<RefreshOutcome>>,
    heard: watch::Sender<Vec<String>>,
}

impl Own {
    fn hear(&self, what: impl Into<String>) {
        self.heard.send_modify(|heard| heard.push(what.into()));
    }

    fn heard(&self) -> Vec<String> {
        self.heard.borrow().clone()
    }

    async fn when_heard(&self, times: usize) {
        let mut heard = self.heard.subscribe();
        let enough = heard.wait_for(|heard| heard.len() >= times);
        timeout(PATIENCE, enough).await.expect("it is told in time").expect("it is there");
    }
}

impl CustomAuthority for Own {
    fn sign_in(&self, credentials: Value) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        Box::pin(async move {
            match credentials["password"].as_str() {
                Some("correct horse") => Ok(SignInOutcome::NextStep(json!({"next": "otp"}))),
                Some("panic") => panic!("a defect of the app"),
                _ => Err(Error::SignInRejected { status: 401, answer: None }),
            }
        })
    }

    fn continue_sign_in(
        &self,
        step: String,
        body: Value,
    ) -> AuthorityFuture<'_, Result<SignInOutcome, Error>> {
        self.hear(format!("{step} {body}"));
        Box::pin(async {
            let tokens = Tokens::new("access-1").refresh_token("refresh-1");
            Ok(SignInOutcome::SignedIn(tokens, json!({"user": "Ada"})))
        })
    }

    fn refresh(&self, refresh_token: Secret, attempt: AttemptId) -> AuthorityFuture<'_, RefreshOutcome> {
        assert!(!format!("{refresh_token:?}").contains("refresh-"));
        self.hear(format!("{} {}", refresh_token.expose(), attempt.as_str()));
        let mut outcomes = self.refreshes.lock().expect("no panic");
        let outcome = (!outcomes.is_empty()).then(|| outcomes.remove(0));
        Box::pin(async { outcome.expect("a panic of the app's, as the test wants it") })
    }

    fn revoke(&self, refresh_token: Secret, access_token: Option<Secret>) -> AuthorityFuture<'_, bool> {
        let access = access_token.map(|token| token.expose().to_owned()).unwrap_or_default();
        self.hear(format!("revoke {} {access}", refresh_token.expose()));
        Box::pin(async { panic!("a defect of the app") })
    }
}

#[tokio::test]
async fn the_app_s_own_authority_signs_in_refreshes_and_revokes() {
    let server = Scripted::start().await;
    let own = Arc::new(Own::default());
    let session = open(&server, CustomDialect::new(Arc::clone(&own))).await;
    let sign_in = |password: &str| session.sign_in(json!({ "password": password }));
    assert_eq!(sign_in("wrong").await.expect_err("rejected").code(), "sign_in_rejected");
    assert_eq!(sign_in("panic").await.expect_err("a panic").code(), "internal");
    assert!(!sign_in("correct horse").await.expect("a step").is_signed_in());
    let answer = session.continue_sign_in("otp", json!(7)).await.expect("tokens");
    assert!(answer.is_signed_in());
    assert_eq!(*answer, json!({"user": "Ada"}));

    let tokens = Tokens::new("access-2").refresh_token("refresh-2");
    own.refreshes.lock().expect("no panic").push(RefreshOutcome::Rotated(tokens));
    server.answer("/me", 401, &[], "");
    server.answer("/me", 200, &[], "");
    assert_eq!(me(&session).await.expect("an answer"), 200);
    assert_eq!(server.asked("/me")[1].header("authorization"), Some("Bearer access-2"));
    session.sign_out().await.expect("the store is fine");
    own.when_heard(3).await;
    assert_eq!(own.heard()[0], "otp 7");
    assert!(own.heard()[1].starts_with("refresh-1 "));
    assert_eq!(own.heard()[2], "revoke refresh-2 access-2");
}

#[tokio::test]
async fn a_panic_of_the_app_s_own_authority_is_a_lost_answer_and_its_verdicts_are_believed() {
    let server = Scripted::start().await;
    let own = Arc::new(Own::default());
    let session = stale(&server, CustomDialect::new(Arc::clone(&own))).await;
    let error = me(&session).await.expect_err("no token");
    assert!(
        matches!(error, Error::RefreshUnavailable { cause: RefreshObstacle::AnswerLost, .. }),
        "{error:?}"
    );
    assert!(is_signed_in(&session));
    let heard = own.heard();
    assert!(heard.len() > 1 && heard.iter().all(|what| *what == heard[0]), "one token, one attempt id");

    own.refreshes.lock().expect("no panic").push(RefreshOutcome::Rejected { certain: true });
    session.network_changed();
    assert_eq!(me(&session).await.expect_err("no token").code(), "session_ended");
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::RotationLost });
}

/// A store as another process sees it: the same records. It can be locked.
#[derive(Debug)]
struct Shared {
    inner: Arc<dyn SecretStore>,
    identity: StoreIdentity,
    locked: AtomicBool,
}

impl Shared {
    fn new(inner: Arc<dyn SecretStore>, locked: bool) -> Self {
        Self { inner, identity: StoreIdentity::unique(), locked: AtomicBool::new(locked) }
    }
}

impl SecretStore for Shared {
    fn load(&self, slot: &Slot) -> Load {
        if self.locked.load(Ordering::SeqCst) { Load::Locked } else { self.inner.load(slot) }
    }

    fn save(&self, slot: &Slot, record: &Record, expected: Expected) -> Result<Generation, StoreError> {
        self.inner.save(slot, record, expected)
    }

    fn erase(
        &self,
        slot: &Slot,
        tombstone: &Tombstone,
        expected: Expected,
    ) -> Result<Generation, StoreError> {
        self.inner.erase(slot, tombstone, expected)
    }

    fn identity(&self) -> StoreIdentity {
        self.identity.clone()
    }
}

#[tokio::test]
async fn an_import_takes_effect_only_where_nobody_has_ever_signed_in() {
    let server = Scripted::start().await;
    server.answer("/me", 200, &[], "");
    let folder = tempfile::tempdir().expect("a folder");
    let stores: [Arc<dyn SecretStore>; 2] =
        [Arc::new(InMemoryStore::new()), Arc::new(FileStore::new(folder.path()))];
    for store in stores {
        let open = || {
            let config = SessionConfig::new(&server.url).expect("a URL").allow_loopback(true);
            AuthSession::open(config.store(Shared::new(Arc::clone(&store), false)))
        };
        let tokens =
            |name: &str| Tokens::new(format!("access-{name}")).refresh_token(format!("refresh-{name}"));
        let imported = async |session: &AuthSession, name: &str| session.import(tokens(name)).await;
        let session = open().await.expect("a session");
        let late = open().await.expect("a session that has seen the store empty");
        let mut events = session.events();
        assert_eq!(imported(&session, "old").await, Ok(true));
        while events.next().await.expect("the session is there") != Event::SignedIn {}
        assert_eq!(me(&session).await.expect("an answer"), 200);
        let last = server.asked("/me").pop().expect("a request");
        assert_eq!(last.header("authorization"), Some("Bearer access-old"));
        assert_eq!(imported(&session, "other").await, Ok(false), "it is done once");

        assert_eq!(imported(&late, "other").await, Ok(false), "somebody else was first");
        assert!(is_signed_in(&late), "what they imported is there");
        let again = open().await.expect("a session");
        assert!(is_signed_in(&again));
        assert_eq!(imported(&again, "other").await, Ok(false));

        again.sign_out().await.expect("the store is fine");
        assert_eq!(imported(&again, "other").await, Ok(false));
        let after = open().await.expect("a session");
        assert_eq!(imported(&after, "other").await, Ok(false), "a tombstone wins");
        assert_eq!(after.state(), SessionState::SignedOut { reason: SignOutReason::User });
        let unsafe_token = after.import(Tokens::new("a\r\nb")).await;
        assert_eq!(unsafe_token.expect_err("not header-safe").code(), "invalid_request");
    }
}

#[tokio::test]
async fn an_import_into_a_locked_store_is_an_error_and_succeeds_later() {
    let store = Arc::new(Shared::new(Arc::new(InMemoryStore::new()), true));
    let config = SessionConfig::new("https://api.example.com").expect("a URL").store(Arc::clone(&store));
    let session = AuthSession::open(config).await.expect("a session");
    assert_eq!(session.import(Tokens::new("a")).await, Err(Error::Locked));
    assert_eq!(session.state(), SessionState::Locked);
    store.locked.store(false, Ordering::SeqCst);
    assert_eq!(session.import(Tokens::new("a")).await, Ok(true));
    assert!(is_signed_in(&session));
}

#[tokio::test]
async fn of_many_imports_at_once_one_takes_effect() {
    let server = Scripted::start().await;
    let session = open(&server, Dialect::default()).await;
    let imports: Vec<_> = (0..10)
        .map(|number| {
            let session = session.clone();
            tokio::spawn(async move { session.import(Tokens::new(format!("access-{number}"))).await })
        })
        .collect();
    let mut effective = 0;
    for import in imports {
        effective += usize::from(import.await.expect("no panic").expect("the store is fine"));
    }
    assert_eq!(effective, 1);
}

#[tokio::test]
async fn the_oauth_dialect_sends_no_credentials_anywhere() {
    let server = Scripted::start().await;
    let session = open(&server, OAuth2Dialect::new("/token", "app")).await;
    for refused in
        [session.sign_in(credentials()).await, session.continue_sign_in("/token", credentials()).await]
    {
        assert_eq!(refused.expect_err("RFC 9700 section 2.4").code(), "invalid_request");
    }
    assert!(server.asked("/token").is_empty());
}

#[tokio::test]
async fn an_account_that_is_open_is_not_opened_with_another_dialect() {
    let server = Scripted::start().await;
    let store: Arc<dyn SecretStore> = Arc::new(InMemoryStore::new());
    let open = |dialect: Dialect| {
        let config = SessionConfig::new(&server.url).expect("a URL").allow_loopback(true);
        AuthSession::open(config.store(Arc::clone(&store)).dialect(dialect))
    };
    let key = |key: &str| JsonDialect::default().login(Additions::new().header("x-api-key", key));
    let _session = open(key("one").into()).await.expect("a session");
    open(key("one").into()).await.expect("the same session");
    for other in [key("two").into(), OAuth2Dialect::new("/token", "app").into()] {
        let error = open(other).await.expect_err("another dialect");
        assert!(matches!(error, Error::AlreadyOpen { field: "dialect" }), "{error}");
    }
}

#[tokio::test]
async fn a_device_keeps_its_name_through_sign_in_refresh_and_restart() {
    let server = Scripted::start().await;
    let store = std::sync::Arc::new(auth_session::InMemoryStore::new());
    let config = || {
        SessionConfig::new(&server.url)
            .expect("a URL")
            .allow_loopback(true)
            .store(store.clone())
            .device_id_header("X-Device-Id")
    };
    server.answer("/auth/login", 200, &[], tokens(1));
    server.answer("/auth/refresh", 200, &[], tokens(2));
    let session = AuthSession::open(config()).await.expect("a session");
    session.sign_in(credentials()).await.expect("signed in");
    session.close().await;
    let session = AuthSession::open(config()).await.expect("a session");
    server.answer("/me", 401, &[], "");
    session.get("/me").send().await.expect("an answer");
    let name = |path: &str| server.asked(path)[0].header("x-device-id").map(str::to_owned);
    assert_eq!(name("/auth/login").map(|name| name.len()), Some(32));
    assert_eq!(name("/auth/login"), name("/auth/refresh"));
    assert_eq!(name("/me"), None, "the API is not told");
    let wrong = SessionConfig::new(&server.url).expect("a URL").allow_loopback(true).device_id_header("a b");
    assert_eq!(AuthSession::open(wrong).await.expect_err("no header").code(), "invalid_configuration");
}

#[tokio::test]
async fn a_sign_in_that_is_answered_with_a_cookie_alone_is_one() {
    let server = Scripted::start().await;
    let dialect = JsonDialect::default().refresh_token_cookie("refresh");
    let session = open(&server, dialect).await;
    server.answer("/auth/login", 204, &[("set-cookie", "refresh=r1; HttpOnly")], "");
    assert!(session.sign_in(credentials()).await.expect("a token").is_signed_in());
}

#[tokio::test]
async fn what_is_added_to_a_sign_in_goes_with_every_step() {
    let server = Scripted::start().await;
    let dialect = JsonDialect::default().login(Additions::new().header("x-api-key", "key"));
    let session = open(&server, dialect).await;
    server.answer("/auth/otp/send", 204, &[], "");
    let step = session.continue_sign_in("/auth/otp/send", Value::Null).await.expect("a step");
    assert!(!step.is_signed_in());
    assert_eq!(server.asked("/auth/otp/send")[0].header("x-api-key"), Some("key"));
}
