//! The faults as a client sees them that reads bytes.

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};
use support::{body, get, post, realm, receive, send, tell};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough for loopback to bring whatever comes.
const SILENCE: Duration = Duration::from_millis(300);

/// The answer to a GET of `/public` with this fault.
async fn public(fault: Value) -> (String, Result<(), ErrorKind>) {
    let realm = realm().await;
    let mut command = json!({"endpoint": "resource"});
    command.as_object_mut().expect("an object").extend(fault.as_object().expect("an object").clone());
    tell(&realm, "fault", command).await;
    receive(send(&realm.api_url(), &get(&realm.api_url(), "/public")).await).await
}

#[tokio::test]
async fn an_answer_is_cut_where_and_how_it_is_wanted() {
    let reset = Err(ErrorKind::ConnectionReset);
    assert_eq!(public(json!({"reset": true})).await, (String::new(), reset));
    for (by, end) in [("reset", reset), ("fin", Ok(()))] {
        let cut = async |at: &str| public(json!({"when": "after", "cut": {"at": at, "by": by}})).await;
        assert_eq!(cut("before_headers").await, (String::new(), end));
        let (head, how) = cut("mid_headers").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("\r\n\r\n"), "{head}");
        assert_eq!(how, end);
        let (answer, how) = cut("mid_body").await;
        assert!(answer.contains("content-length: 16\r\n"), "{answer}");
        assert_eq!((body(&answer), how), (r#"{"publi"#, end));
    }
}

#[tokio::test]
async fn a_cut_by_silence_leaves_the_connection_open() {
    let realm = realm().await;
    let silence =
        json!({"endpoint": "resource", "when": "after", "cut": {"at": "mid_headers", "by": "silence"}});
    tell(&realm, "fault", silence).await;
    let mut stream = send(&realm.api_url(), &get(&realm.api_url(), "/public")).await;
    let mut bytes = Vec::new();
    timeout(SILENCE, stream.read_to_end(&mut bytes)).await.expect_err("it does not end");
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
    tell(&realm, "offline", json!({"listener": "api"})).await;
    let end = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an end");
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_fault_before_keeps_the_server_from_acting_and_one_after_does_not() {
    for (when, refreshes) in [("before", 0), ("after", 1)] {
        let realm = realm().await;
        let tokens = tell(&realm, "issue_tokens", json!({})).await;
        let fault = json!({"endpoint": "refresh", "when": when, "cut": {"at": "mid_body", "by": "fin"}});
        tell(&realm, "fault", fault).await;
        let refresh = json!({"refresh_token": tokens["refresh_token"]}).to_string();
        let request = post(&realm.api_url(), "/auth/refresh", &refresh);
        let (answer, _) = receive(send(&realm.api_url(), &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        assert_eq!(realm.counters().refreshes, refreshes);
    }
}

#[tokio::test]
async fn an_answer_in_pieces_is_whole_in_the_end() {
    let (answer, end) = public(json!({"when": "after", "pieces": {"bytes": 1, "every_ms": 0}})).await;
    assert_eq!((body(&answer), end), (r#"{"public":true}"#, Ok(())));
}

#[tokio::test]
async fn statuses_headers_and_bodies_are_those_that_were_asked_for() {
    let (answer, _) = public(json!({
        "status": 401, "body": "no", "headers": {"WWW-Authenticate": ["Basic", "Bearer error=\"un"], "X-\u{4e}": "\u{e9}"},
    }))
    .await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(
        answer.contains("www-authenticate: Basic\r\nwww-authenticate: Bearer error=\"un\r\n"),
        "{answer}"
    );
    assert!(answer.contains("x-n: \u{e9}\r\n"), "{answer}");
    assert_eq!(body(&answer), "no");
    let exact = r#"{"a":1e400,"a":2"#;
    let (answer, _) = public(json!({"content": {"json": exact}})).await;
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert_eq!(body(&answer), exact);
    let (answer, _) = public(json!({"content": {"bytes": [0xEF, 0xBB, 0xBF, 0]}})).await;
    assert_eq!(body(&answer), "\u{FEFF}\0");
    let (answer, _) = public(json!({"padding_bytes": 65536})).await;
    assert!(answer.len() > 65536);
    let (answer, _) = public(json!({"raw": "HTP/9 hello"})).await;
    assert_eq!(answer, "HTP/9 hello");
    let change = json!({"members": {"omit": ["public"], "set": {"private": null}}});
    let (answer, _) = public(json!({"when": "after", "content": change})).await;
    assert_eq!(body(&answer), r#"{"private":null}"#);
    let realm = realm().await;
    let template = json!({"endpoint": "resource", "when": "after", "content": {"template": "$name, 1e400"}});
    let token = tell(&realm, "issue_tokens", json!({"user": "bob@example.com"})).await;
    tell(&realm, "fault", template).await;
    let authorization =
        format!("\r\nAuthorization: Bearer {}\r\n", token["access_token"].as_str().expect("a token"));
    let request = get(&realm.api_url(), "/me").replacen("\r\n", &authorization, 1);
    let (answer, _) = receive(send(&realm.api_url(), &request).await).await;
    assert_eq!(body(&answer), "Bob, 1e400");
}

#[tokio::test]
async fn bodies_can_be_too_large_or_too_small_to_be_what_they_say() {
    let (answer, _) = public(json!({"content": {"oversized": 1_000_000}})).await;
    assert!(answer.contains("transfer-encoding: chunked\r\n") && answer.len() > 1_000_000);
    let (answer, _) = public(json!({"content": {"gzip_bomb": 1_000_000}})).await;
    assert!(answer.contains("content-encoding: gzip\r\n") && answer.len() < 100_000);
    let (answer, _) = public(json!({"content": "bad_gzip"})).await;
    assert!(answer.contains("content-encoding: gzip\r\n"));
}

#[tokio::test]
async fn the_date_is_skewed_or_missing() {
    let date = |answer: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix("date: ").map(str::to_owned));
        line.map(|date| httpdate::parse_http_date(&date).expect("a date"))
    };
    let (now, _) = public(json!({"when": "after", "pieces": {"bytes": 4096, "every_ms": 0}})).await;
    let (skewed, _) = public(json!({"when": "after", "date": {"skew_seconds": -86_400}})).await;
    let (now, skewed) = (date(&now).expect("a date"), date(&skewed).expect("a date"));
    assert!(now.duration_since(skewed).expect("earlier") > Duration::from_secs(86_000));
    let (missing, _) = public(json!({"when": "after", "date": "missing"})).await;
    assert_eq!((date(&missing), body(&missing)), (None, r#"{"public":true}"#));
}

#[tokio::test]
async fn redirects_lead_in_a_loop_over_hops_or_to_the_other_origin() {
    let realm = realm().await;
    let (api, auth) = (realm.api_url(), realm.auth_url());
    for (redirect, location) in [
        (json!("loop"), format!("{api}/loop")),
        (json!({"hops": 2}), format!("{api}/hop/2")),
        (json!("cross_origin"), format!("{auth}/landing")),
    ] {
        tell(&realm, "fault", json!({"endpoint": "resource", "times": 1, "redirect": redirect})).await;
        let (answer, _) = receive(send(&api, &get(&api, "/public")).await).await;
        assert!(answer.contains(&format!("location: {location}\r\n")), "{answer}");
    }
    for (path, location) in [("/loop", "/loop"), ("/hop/2", "/hop/1"), ("/hop/1", "/landing")] {
        let (answer, _) = receive(send(&api, &get(&api, path)).await).await;
        assert!(answer.contains(&format!("location: {location}\r\n")), "{answer}");
    }
    let (answer, _) = receive(send(&auth, &post(&auth, "/landing", "a secret")).await).await;
    assert_eq!(body(&answer), r#"{"landed":true}"#);
    let counters = realm.counters();
    assert_eq!((counters.redirects_followed, counters.redirects_with_credentials), (4, 1));
    assert_eq!(counters.peak_connections, 1);
}

#[tokio::test]
async fn a_delay_alone_delays_what_the_server_does() {
    let (answer, end) = public(json!({"delay_ms": 1})).await;
    assert_eq!((body(&answer), end), (r#"{"public":true}"#, Ok(())));
}

#[tokio::test]
async fn a_fault_for_a_path_hits_no_other() {
    let realm = realm().await;
    tell(&realm, "fault", json!({"endpoint": "resource", "path": "/me", "status": 418})).await;
    for (path, status) in [("/public", "200"), ("/me", "418")] {
        let (answer, _) = receive(send(&realm.api_url(), &get(&realm.api_url(), path)).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}
