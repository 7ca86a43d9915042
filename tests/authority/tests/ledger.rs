//! What a realm tells of the refresh requests that it has seen.

use std::time::Duration;

use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions, Redemption, RefreshSeen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn command(realm: &Realm, name: &str, arguments: Value) -> Value {
    realm.command(name, arguments).await.expect("the command is carried out")
}

/// Sends the request and takes everything that comes until the server closes.
async fn send(realm: &Realm, request: String) -> String {
    let url = realm.api_url();
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request.replace("HOST", address).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn refresh(realm: &Realm, token: &Value) -> String {
    let body = json!({"refresh_token": token}).to_string();
    let length = body.len();
    send(realm, format!("POST /auth/refresh HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\nidempotency-key: k\r\nx-client: 7\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")).await
}

async fn last(realm: &Realm) -> RefreshSeen {
    // What the server learns when a connection closes, it learns a little later.
    let ended = async {
        loop {
            let seen = realm.refreshes_seen().pop().expect("a refresh");
            if seen.ended.is_some() {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it ends")
}

#[tokio::test]
async fn the_ledger_tells_what_a_refresh_was_and_whether_its_answer_can_have_arrived() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let tokens = command(&realm, "issue_tokens", json!({})).await;
    let cut = json!({"endpoint": "refresh", "when": "after", "times": 1, "name": "lost", "reset": true});
    command(&realm, "fault", cut).await;
    refresh(&realm, &tokens["refresh_token"]).await;
    let lost = last(&realm).await;
    assert_eq!(lost.token.as_deref(), tokens["refresh_token"].as_str());
    assert_eq!((lost.redemption, lost.answered), (Some(Redemption::Rotated), false));
    assert_eq!((lost.idempotency_key.as_deref(), lost.client.as_deref()), (Some("k"), Some("7")));
    assert!(lost.was_needless, "the access token was still good");
    assert!(lost.successor.is_some() && lost.successor_used.is_none());
    assert_eq!(realm.strikes().get("lost"), Some(&1));

    refresh(&realm, &tokens["refresh_token"]).await;
    let reused = last(&realm).await;
    assert_eq!((reused.redemption, reused.answered), (Some(Redemption::Reused), true));
}

#[tokio::test]
async fn the_ledger_knows_when_what_an_answer_brought_has_been_used() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let tokens = command(&realm, "issue_tokens", json!({})).await;
    command(&realm, "expire_access_tokens", json!({})).await;
    refresh(&realm, &tokens["refresh_token"]).await;
    let first = last(&realm).await;
    assert!(!first.was_needless && first.answered && first.successor_used.is_none());
    let access = first.access.clone().expect("an access token");
    let me = format!(
        "GET /me HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\nauthorization: Bearer {access}\r\n\r\n"
    );
    assert!(send(&realm, me).await.starts_with("HTTP/1.1 200"));
    assert!(last(&realm).await.successor_used.is_some());
    let signature = access.rsplit('.').next().expect("a signature");
    assert!(realm.secrets().iter().any(|secret| secret == signature));
}
