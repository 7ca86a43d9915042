//! What is made of a 401 or 403, and what other stacks get.

use std::time::Duration;

use auth_session::{
    AnswerAction, AnswerRules, Auth, AuthSession, ClientConfig, Disposition, Error, Event, HeaderMap,
    JsonDialect, SessionState, SignOutReason, StatusCode, Tokens,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::server::{Gate, Reply, Server, guard, signed_in};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_step_up_is_told_and_does_not_refresh() {
    let server = Server::start(|_| {
        Reply::new(401).header(
            "www-authenticate",
            r#"Bearer error="insufficient_user_authentication", acr_values="urn:mfa", max_age=60"#,
        )
    })
    .await;
    let session = server.session().await;
    let mut events = session.events();
    let response = session.get("/transfer").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (401, Disposition::StepUpRequired));
    let event = timeout(PATIENCE, events.next()).await.expect("it is told");
    let Some(Event::StepUpRequired(step_up)) = event else { panic!("a step-up") };
    assert_eq!(step_up.acr_values.as_deref(), Some("urn:mfa"));
    assert_eq!((server.refreshes(), server.requests().len()), (0, 1));
    assert!(matches!(session.state(), SessionState::SignedIn { .. }));
}

fn whole(response: &auth_session::Response) -> (u16, &str, &[u8]) {
    let header = response.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    (response.status().as_u16(), header.unwrap_or_default(), response.body())
}

#[tokio::test]
async fn a_refusal_that_waited_in_vain_is_handed_over_as_it_came() {
    let gate = Gate::default();
    let gated = gate.clone();
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/renew" => gated.hold(Reply::new(401).body("{}")),
        _ => guard(seen, "t2", || Reply::new(200)).header("x-request-id", "7").body(r#"{"error":"expired"}"#),
    })
    .await;
    let dialect = JsonDialect::default().refresh_url("/renew");
    let session = signed_in(server.config().dialect(dialect)).await;
    let request = tokio::spawn(session.get("/").send());
    gate.holds(1).await;
    gate.release();
    let response = request.await.expect("no panic").expect("an answer");
    assert_eq!(whole(&response), (401, "7", &br#"{"error":"expired"}"#[..]));
    assert!(response.headers().contains_key("www-authenticate"));
    assert_eq!(response.disposition(), Disposition::SessionEnded);
}

#[tokio::test]
async fn a_failure_after_which_nobody_is_signed_in_is_handed_over_as_it_came() {
    let (told, mut seen) = mpsc::unbounded_channel();
    let server = Server::start(move |_| {
        told.send(()).expect("a test");
        Reply::new(503).header("retry-after", "2").header("x-request-id", "8").body("busy")
    })
    .await;
    let config = server.config().dialect(JsonDialect::default().without_logout());
    let session = signed_in(config).await;
    let request = tokio::spawn(session.get("/").send());
    seen.recv().await.expect("a request");
    session.sign_out().await.expect("the store is fine");
    let response = request.await.expect("no panic").expect("an answer");
    assert_eq!(whole(&response), (503, "8", &b"busy"[..]));
    assert_eq!((response.disposition(), server.requests().len()), (Disposition::SessionChanged, 1));
}

#[tokio::test]
async fn the_scope_that_is_missing_is_told_and_nothing_is_refreshed() {
    let server = Server::start(|_| {
        let challenge = r#"Bearer realm="api", error="insufficient_scope", scope="read write""#;
        Reply::new(403).header("www-authenticate", challenge)
    })
    .await;
    let session = server.session().await;
    let mut events = session.events();
    let response = session.get("/admin").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (403, Disposition::StepUpRequired));
    let event = timeout(PATIENCE, events.next()).await.expect("it is told");
    let Some(Event::StepUpRequired(step_up)) = event else { panic!("a step-up") };
    assert_eq!(step_up.scope.as_deref(), Some("read write"));
    assert_eq!((server.refreshes(), server.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_403_with_a_listed_code_refreshes_and_is_repeated() {
    let server = Server::start(|seen| match seen.token() {
        Some("t2") => Reply::new(200).body("fine"),
        _ => Reply::new(403).body(r#"{"error":{"code":"TOKEN_EXPIRED"}}"#),
    })
    .await;
    let rules = AnswerRules::new().code("TOKEN_EXPIRED", AnswerAction::Refresh);
    let session = signed_in(server.config().answer_rules(rules)).await;
    // A streamed answer is subject to the same rules.
    let mut response = session.get("/").send_streaming().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.chunk().await.expect("a body").as_deref(), Some(&b"fine"[..]));
    assert_eq!((server.refreshes(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_listed_code_ends_the_session_once_with_its_reason() {
    let server = Server::start(|_| Reply::new(401).body(r#"{"code":"ACCOUNT_CLOSED"}"#)).await;
    let rules = AnswerRules::new().code("ACCOUNT_CLOSED", AnswerAction::EndSession);
    let session = signed_in(server.config().answer_rules(rules)).await;
    let response = session.get("/").send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::SessionEnded);
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::EndedByServer });
    assert_eq!(session.get("/").send().await.expect_err("no session").code(), "signed_out");
    assert_eq!(server.refreshes(), 0);
}

#[tokio::test]
async fn a_late_answer_that_ends_a_session_does_not_end_the_next_user_s() {
    let gate = Gate::default();
    let gated = gate.clone();
    let closed = || Reply::new(401).body(r#"{"code":"ACCOUNT_CLOSED"}"#);
    let server = Server::start(move |_| gated.hold(closed())).await;
    let rules = AnswerRules::new().code("ACCOUNT_CLOSED", AnswerAction::EndSession);
    let session = signed_in(server.config().answer_rules(rules)).await;
    let request = tokio::spawn(session.get("/").send());
    gate.holds(1).await;
    session.adopt(Tokens::new("another-user")).await.expect("header-safe tokens");
    gate.release();
    let response = request.await.expect("no panic").expect("an answer");
    assert_eq!(response.disposition(), Disposition::SessionChanged);
    assert!(matches!(session.state(), SessionState::SignedIn { .. }));
}

#[tokio::test]
async fn a_bare_401_is_passed_where_the_app_says_so() {
    let server = Server::start(|_| Reply::new(401)).await;
    let session = signed_in(server.config().answer_rules(AnswerRules::new().pass_bare_unauthorized())).await;
    let response = session.get("/").send().await.expect("an answer");
    assert_eq!((response.disposition(), server.refreshes()), (Disposition::Refused, 0));
}

#[tokio::test]
async fn a_403_refreshes_once_where_the_app_says_so_and_then_goes_to_the_caller() {
    let server = Server::start(|_| Reply::new(403)).await;
    let session = signed_in(server.config().answer_rules(AnswerRules::new().refresh_on_forbidden())).await;
    let response = session.get("/").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (403, Disposition::PermissionDenied));
    assert_eq!((server.refreshes(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_request_without_auth_carries_no_token_and_its_401_is_nobody_s_business() {
    let server = Server::start(|_| Reply::new(401)).await;
    let session = server.session().await;
    let response = session.get("/public").auth(Auth::None).send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::Refused);
    assert_eq!((server.requests()[0].token(), server.refreshes()), (None, 0));
}

#[tokio::test]
async fn optional_auth_sends_the_token_there_is_and_goes_without_when_nobody_is_signed_in() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = AuthSession::open(server.config()).await.expect("a session");
    session.get("/").auth(Auth::Optional).send().await.expect("an answer");
    assert_eq!(session.get("/").send().await.expect_err("nobody").code(), "signed_out");
    let session = server.session().await;
    session.get("/").auth(Auth::Optional).send().await.expect("an answer");
    let tokens: Vec<_> = server.requests().iter().map(|seen| seen.token().map(str::to_owned)).collect();
    assert_eq!(tokens, [None, Some("t1".to_owned())]);
}

#[tokio::test]
async fn a_client_sends_the_session_s_token_and_its_own_headers_to_its_own_host() {
    let (first, second) =
        (Server::start(|_| Reply::new(200)).await, Server::start(|_| Reply::new(200)).await);
    let session = signed_in(first.config().allow_origin(&second.url)).await;
    let config = ClientConfig::new(format!("{}/v2", second.url)).header("x-app", "1").header("x-tenant", "a");
    let client = session.client(config).expect("good settings");
    client.get("/a").header("x-tenant", "b").send().await.expect("an answer");
    client.post(&format!("{}/b", first.url)).send().await.expect("the session's own origin");
    let seen = &second.requests()[0];
    assert_eq!((seen.target.as_str(), seen.token()), ("/v2/a", Some("t1")));
    assert_eq!((seen.header("x-app"), seen.header("x-tenant")), (Some("1"), Some("b")));
}

#[tokio::test]
async fn a_client_takes_the_token_to_no_origin_that_the_session_was_not_opened_for() {
    let (first, second) =
        (Server::start(|_| Reply::new(200)).await, Server::start(|_| Reply::new(200)).await);
    let session = first.session().await;
    for base in [&second.url, "https://api.example.com"] {
        let refused = session.client(ClientConfig::new(base)).expect_err("not listed");
        assert!(matches!(&refused, Error::OriginNotAllowed { origin } if base == origin), "{refused}");
    }
    let client = session.client(ClientConfig::new(format!("{}/v2", first.url))).expect("its own origin");
    let elsewhere = client.get(&format!("{}/a", second.url)).send().await.expect_err("not listed");
    assert_eq!(elsewhere.code(), "origin_not_allowed");
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn wrong_settings_of_clients_and_origins_are_refused_and_named() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = signed_in(server.config().allow_origin("https://example.com")).await;
    for (config, name) in [
        (ClientConfig::new("/relative"), "base_url"),
        (ClientConfig::new("http://api.example.com"), "base_url"),
        (ClientConfig::new("https://a:canary@example.com"), "base_url"),
        (ClientConfig::new("https://example.com").header("authorization", "canary"), "headers"),
        (ClientConfig::new("https://example.com").header("x", "\r\ncanary"), "headers"),
        (ClientConfig::new("https://example.com").timeout(Duration::ZERO), "timeout"),
    ] {
        let error = session.client(config).expect_err("a wrong setting");
        assert!(
            matches!(error, Error::InvalidConfiguration { field, .. } if field == name),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("canary"));
    }
    let base = || server.config();
    for (config, name) in [
        (base().allow_origin(&server.url), "allowed_origins"),
        (base().allow_origin("https://a.example").allow_origin("https://a.example:443/"), "allowed_origins"),
        (base().allow_development_origin("https://a.example"), "development_origins"),
        (base().allow_development_origin("http://a.example/path"), "development_origins"),
        (base().allow_development_origin("10.0.2.2:3000"), "development_origins"),
        (base().answer_rules(AnswerRules::new().code("", AnswerAction::Pass)), "answer_rules"),
        (base().max_body_bytes(0), "max_body_bytes"),
        (base().max_connections_per_host(0), "max_connections_per_host"),
        (base().retry_policy(auth_session::RetryPolicy::new(0, Duration::ZERO)), "retry_policy"),
    ] {
        let error = AuthSession::open(config).await.expect_err("a wrong setting");
        assert!(
            matches!(error, Error::InvalidConfiguration { field, .. } if field == name),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn a_development_origin_may_go_without_tls_and_only_exactly_that_one() {
    let config = |base| auth_session::SessionConfig::new(base).expect("a URL");
    let allowed = |base| config(base).allow_development_origin("http://10.0.2.2:3000");
    AuthSession::open(allowed("http://10.0.2.2:3000/api")).await.expect("allowed");
    for base in ["http://10.0.2.2", "http://10.0.2.2:3001", "http://10.0.2.3:3000"] {
        assert_eq!(
            AuthSession::open(allowed(base)).await.expect_err("another").code(),
            "invalid_configuration"
        );
    }
    AuthSession::open(config("http://10.0.2.2:3000")).await.expect_err("not allowed");
}

#[tokio::test]
async fn another_stack_gets_the_token_by_the_same_rules() {
    let server = Server::start(|seen| guard(seen, "t2", || Reply::new(200))).await;
    let session = server.session().await;
    let elsewhere = session.authorization("https://evil.example/").await;
    assert_eq!(elsewhere.expect_err("not listed").code(), "origin_not_allowed");
    let socket = server.url.replace("http://", "ws://");
    session.authorization(&format!("{socket}/socket")).await.expect("the same origin");
    let first = session.authorization("/tiles").await.expect("a token");
    assert_eq!(first.expose(), "Bearer t1");
    assert!(!format!("{first:?} {:?}", first.expose()).contains("t1"));
    let headers = HeaderMap::new();
    let unauthorized = StatusCode::UNAUTHORIZED;
    let second =
        session.refused(&first, unauthorized, &headers, b"").await.expect("a token").expect("another");
    assert_eq!(second.expose(), "Bearer t2");
    // A late refusal of the first token gets the current one; a refusal of the fresh one is final.
    let late = session.refused(&first, unauthorized, &headers, b"").await.expect("a token").expect("another");
    assert_eq!(late.expose(), "Bearer t2");
    assert!(session.refused(&second, unauthorized, &headers, b"").await.expect("final").is_none());
    assert!(session.refused(&late, StatusCode::FORBIDDEN, &headers, b"").await.expect("final").is_none());
    assert_eq!(server.refreshes(), 1);
}

#[tokio::test]
async fn the_value_is_for_the_origin_that_it_was_asked_for_and_for_no_other() {
    let server = Server::start(|seen| guard(seen, "t2", || Reply::new(200))).await;
    let session = signed_in(server.config().allow_origin("https://api.example.com")).await;
    let headers = HeaderMap::new();
    let plain = session.authorization("https://api.example.com/tiles").await.expect("a token");
    let next = session.refused(&plain, StatusCode::UNAUTHORIZED, &headers, b"").await;
    let next = next.expect("a token").expect("another");
    let socket = session.authorization("wss://api.example.com/socket").await.expect("a token");
    for authorization in [plain, next, socket] {
        for own in ["https://api.example.com/", "https://API.example.com:443/a?b#c", "wss://api.example.com/"]
        {
            assert!(authorization.is_for(own), "{own}");
        }
        for other in [
            "http://api.example.com/",
            "ws://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.example/",
            "https://api.example.com@evil.example/",
            "https://a:b@api.example.com/",
            "blob:https://api.example.com/a",
            "/tiles",
            "",
        ] {
            assert!(!authorization.is_for(other), "{other}");
        }
    }
}

#[tokio::test]
async fn a_url_with_a_password_is_not_sent() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = server.session().await;
    let error =
        session.get(&server.url.replace("http://", "http://a:canary@")).send().await.expect_err("refused");
    assert_eq!(error.code(), "invalid_request");
    assert!(!error.to_string().contains("canary"));
    assert!(server.requests().is_empty());
}
