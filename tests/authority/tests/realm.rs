//! A realm as its clients and its tests see it.

mod support;

use serde_json::{Value, json};
use support::{body, get, post, realm, receive, send, tell};
use test_authority::Realm;

async fn posted(realm: &Realm, path: &str, content: Value, header: &str) -> (String, Value) {
    let url = realm.api_url();
    let request = post(&url, path, &content.to_string()).replacen("\r\n", &format!("\r\n{header}"), 1);
    let (answer, _) = receive(send(&url, &request).await).await;
    (answer[9..12].to_owned(), serde_json::from_str(body(&answer)).expect("JSON"))
}

async fn refreshed(realm: &Realm, tokens: &Value, key: &str) -> (String, Value) {
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    posted(realm, "/auth/refresh", refresh, &format!("Idempotency-Key: {key}\r\n")).await
}

#[tokio::test]
async fn each_user_gets_tokens_and_resources_of_their_own() {
    let realm = realm().await;
    for (email, password, id) in
        [("ada@example.com", "correct horse", "u1"), ("bob@example.com", "battery staple", "u2")]
    {
        let (status, tokens) =
            posted(&realm, "/auth/login", json!({"email": email, "password": password}), "").await;
        assert_eq!((status.as_str(), tokens["user"]["id"].as_str()), ("200", Some(id)));
        let bearer = tokens["access_token"].as_str().expect("a token");
        let authorized = format!("\r\nAuthorization: Bearer {bearer}\r\n");
        let request = get(&realm.api_url(), "/me").replacen("\r\n", &authorized, 1);
        let (answer, _) = receive(send(&realm.api_url(), &request).await).await;
        assert!(body(&answer).contains(email), "{answer}");
    }
    let wrong = json!({"email": "bob@example.com", "password": "correct horse"});
    assert_eq!(posted(&realm, "/auth/login", wrong, "").await.0, "401");
}

#[tokio::test]
async fn a_request_without_a_token_is_counted_apart_from_those_with_a_wrong_one() {
    let realm = realm().await;
    for header in ["", "\r\nAuthorization: Bearer wrong"] {
        let request = get(&realm.api_url(), "/me").replacen("\r\n", &format!("{header}\r\n"), 1);
        let (answer, _) = receive(send(&realm.api_url(), &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let counters = realm.counters();
    assert_eq!((counters.resource_unauthorized, counters.resource_without_token), (2, 1));
}

#[tokio::test]
async fn options_change_while_the_realm_runs() {
    let realm = realm().await;
    let first = tell(&realm, "issue_tokens", json!({})).await;
    tell(&realm, "set", json!({"omit_expires_in": true, "grace_seconds": 60, "idempotent_replay": true}))
        .await;
    let (_, second) = refreshed(&realm, &first, "a").await;
    assert!(second["refresh_token"].is_string() && second.get("expires_in").is_none());
    assert_eq!(refreshed(&realm, &first, "a").await, ("200".into(), second.clone()));
    assert_eq!(refreshed(&realm, &first, "b").await, ("200".into(), second));
    tell(&realm, "end_grace", json!({})).await;
    tell(&realm, "set", json!({"idempotent_replay": false})).await;
    assert_eq!(refreshed(&realm, &first, "a").await.0, "401");
    let counters = realm.counters();
    assert_eq!((counters.refreshes, counters.idempotency_replays, counters.grace_replays), (1, 1, 1));
    assert_eq!((counters.reuse_detected, counters.distinct_idempotency_keys), (1, 2));
    let error = realm.command("set", json!({"grace": 1})).await.expect_err("there is no such option");
    assert!(error.contains("grace"), "{error}");
    realm
        .command("issue_tokens", json!({"user": "eve@example.com"}))
        .await
        .expect_err("there is no such user");
}
