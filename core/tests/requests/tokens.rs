//! Where the tokens of a session stand in what is sent: each in its own place, and nowhere else.

use auth_session::{Auth, AuthSession, ClientConfig, Multipart, OAuth2Dialect, Tokens};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::server::{Reply, Seen, Server, guard};

/// Where the text stands: the name of a header, or the part of the request.
fn places<'a>(seen: &'a Seen, text: &str) -> Vec<&'a str> {
    let headers = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let parts = [("target", seen.target.as_bytes()), ("body", seen.body.as_slice())];
    headers
        .chain(parts)
        .filter(|(_, value)| String::from_utf8_lossy(value).contains(text))
        .map(|(place, _)| place)
        .collect()
}

#[tokio::test]
async fn each_token_goes_to_its_own_places_and_stands_nowhere_else() {
    let authority = Server::start(|seen| match seen.target.as_str() {
        "/token" => Reply::new(200)
            .body(r#"{"access_token":"access-2","refresh_token":"refresh-2","token_type":"Bearer"}"#),
        _ => Reply::new(200),
    })
    .await;
    let api = Server::start(|seen| match seen.target.as_str() {
        "/public" => Reply::new(200),
        "/moved" => Reply::to(307, "/here"),
        _ => guard(seen, "access-2", || Reply::new(200)),
    })
    .await;
    let dialect = OAuth2Dialect::new(format!("{}/token", authority.url), "app")
        .revocation_endpoint(format!("{}/revoke", authority.url));
    let session = AuthSession::open(api.config().dialect(dialect)).await.expect("a session");
    let tokens = Tokens::new("access-1").refresh_token("refresh-1");
    session.adopt(tokens).await.expect("header-safe tokens");

    session.get("/public").auth(Auth::None).send().await.expect("an answer");
    session.get("/search").query([("q", "x")]).send().await.expect("an answer");
    session.post("/moved").json(&json!({"a": 1})).send().await.expect("an answer");
    session.put("/form").form([("a", "b")]).send().await.expect("an answer");
    session.post("/parts").multipart(Multipart::new().text("a", "b")).send().await.expect("an answer");
    session.delete("/stream").send_streaming().await.expect("an answer");
    session.sign_out().await.expect("the store is fine");
    // It waits for the revocation, and does nothing else with this dialect.
    session.sign_in(json!({})).await.expect_err("no sign-in with credentials");

    let requests = api.requests();
    assert_eq!(requests.len(), 8, "one of them was refused, and one redirected");
    for seen in &requests {
        let expected: &[_] = if seen.target == "/public" { &[] } else { &["authorization"] };
        assert_eq!(places(seen, "access-"), expected, "{seen:?}");
        assert!(places(seen, "refresh-").is_empty(), "{seen:?}");
    }
    let requests = authority.requests();
    let targets: Vec<_> = requests.iter().map(|seen| seen.target.as_str()).collect();
    assert_eq!(targets, ["/token", "/revoke"]);
    for seen in &requests {
        assert_eq!(places(seen, "refresh-"), ["body"], "{seen:?}");
        assert!(places(seen, "access-").is_empty(), "{seen:?}");
    }
}

#[tokio::test]
async fn every_request_has_one_authorization_header() {
    let server = Server::start(|seen| {
        guard(seen, "t2", || match seen.target.as_str() {
            "/moved" => Reply::to(302, "/here"),
            _ => Reply::new(200),
        })
    })
    .await;
    let session = server.session().await;
    let config = ClientConfig::new(&server.url).header("x-app", "1").header("Proxy-Authorization", "Basic x");
    let client = session.client(config).expect("good settings");
    client.get("/moved").send().await.expect("an answer");
    client.get("/stream").header("cookie", "a=b").send_streaming().await.expect("an answer");
    let tokens: Vec<Vec<_>> = server
        .requests()
        .iter()
        .map(|seen| {
            let headers = seen.headers.iter().filter(|(name, _)| name == "authorization");
            headers.map(|(_, value)| value.clone()).collect()
        })
        .collect();
    assert_eq!(tokens, [["Bearer t1"], ["Bearer t2"], ["Bearer t2"], ["Bearer t2"]]);
}

#[tokio::test]
async fn no_url_in_a_token_is_fetched() {
    let (server, named) =
        (Server::start(|_| Reply::new(200)).await, Server::start(|_| Reply::new(200)).await);
    let url = &named.url;
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = part(json!({"alg": "RS256", "typ": "at+jwt", "jku": url, "x5u": url, "kid": url}));
    let claims = part(json!({"iss": url, "sub": "u1", "aud": url, "jku": url, "jwks_uri": url}));
    let session = AuthSession::open(server.config()).await.expect("a session");
    session.adopt(Tokens::new(format!("{header}.{claims}.c2ln"))).await.expect("header-safe tokens");
    let auth_session::SessionState::SignedIn { subject, .. } = session.state() else { panic!("signed in") };
    assert_eq!(subject.as_deref(), Some("u1"), "the claims were read");
    assert_eq!(session.get("/").send().await.expect("an answer").status(), 200);
    session.close().await;
    assert_eq!((named.most_open_connections(), server.requests().len()), (0, 1));
}
