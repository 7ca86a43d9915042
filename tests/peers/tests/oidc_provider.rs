//! Against `oidc-provider`, a certified OpenID provider with strict rotation and reuse detection, started
//! from `tests/peers/oidc-provider` (its packages must be installed; `scripts/test-peers.sh` does that).

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use auth_session::{
    AuthSession, Disposition, InMemoryStore, OAuth2Dialect, SessionConfig, SessionState, SignOutReason,
    Tokens,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

#[derive(Debug, Deserialize)]
struct Announcement {
    token_endpoint: String,
    revocation_endpoint: String,
    resource: String,
    control_url: String,
    client_id: String,
}

#[derive(Deserialize)]
struct SignIn {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Counters {
    rotations: u64,
    rejections: u64,
    grants_revoked: u64,
    resource_ok: u64,
    resource_unauthorized: u64,
}

struct Provider {
    at: Announcement,
    http: reqwest::Client,
    /// It ends when its standard input closes.
    _process: Child,
}

impl Provider {
    async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc-provider");
        let mut process = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed");
        let output = process.stdout.take().expect("standard output is a pipe");
        let line =
            BufReader::new(output).lines().next_line().await.expect("standard output").expect("a line");
        let at = serde_json::from_str(&line).expect("the announcement");
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(no_tls())
            .build()
            .expect("a client for loopback");
        Self { at, http, _process: process }
    }

    async fn control<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> T {
        let body = request.send().await.expect("the provider is up").bytes().await.expect("a body");
        serde_json::from_slice(&body).expect("JSON of the expected shape")
    }

    async fn expire_access_tokens(&self) {
        let url = format!("{}/expire-access-tokens", self.at.control_url);
        let _: serde_json::Value = self.control(self.http.post(url)).await;
    }

    async fn counters(&self) -> Counters {
        self.control(self.http.get(format!("{}/counters", self.at.control_url))).await
    }

    /// Tokens by authorization code flow with PKCE.
    async fn sign_in(&self) -> SignIn {
        self.control(self.http.post(format!("{}/sign-in", self.at.control_url))).await
    }

    fn config(&self) -> SessionConfig {
        let dialect = OAuth2Dialect::new(&self.at.token_endpoint, &self.at.client_id)
            .revocation_endpoint(&self.at.revocation_endpoint);
        SessionConfig::new(&self.at.resource).expect("a URL").allow_loopback(true).dialect(dialect)
    }

    async fn signed_in(&self) -> AuthSession {
        let tokens = self.sign_in().await;
        let session = AuthSession::open(self.config()).await.expect("a session");
        let tokens = Tokens::new(tokens.access_token)
            .refresh_token(tokens.refresh_token)
            .expires_in(std::time::Duration::from_secs(tokens.expires_in));
        session.adopt(tokens).await.expect("good tokens");
        session
    }

    async fn all_succeed(&self, session: &AuthSession, callers: usize) {
        let requests: Vec<_> =
            (0..callers).map(|_| tokio::spawn(session.get(&self.at.resource).send())).collect();
        for request in requests {
            let response = request.await.expect("no panic").expect("an answer");
            assert_eq!(response.status(), 200);
        }
    }
}

/// The provider listens on loopback without TLS.
fn no_tls() -> impl std::any::Any {
    let provider = rustls::crypto::ring::default_provider();
    rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_on_an_expired_token_refresh_once_a_hundred_times_in_a_row() {
    let provider = Provider::start().await;
    let session = provider.signed_in().await;
    for round in 1..=100 {
        let before = provider.counters().await;
        provider.expire_access_tokens().await;
        provider.all_succeed(&session, 100).await;
        let after = provider.counters().await;
        assert_eq!(after.rotations - before.rotations, 1, "round {round}");
        assert_eq!(after.resource_ok - before.resource_ok, 100, "round {round}");
        assert_eq!((after.rejections, after.grants_revoked), (0, 0), "round {round}");
    }
    assert_eq!(session.statistics().refreshes, 100);
}

#[tokio::test]
async fn a_restarted_session_goes_on_with_the_rotated_token() {
    let provider = Provider::start().await;
    let store = Arc::new(InMemoryStore::new());
    let tokens = provider.sign_in().await;
    let open = || AuthSession::open(provider.config().store(store.clone()));
    let session = open().await.expect("a session");
    session.adopt(Tokens::from_refresh_token(tokens.refresh_token)).await.expect("good tokens");
    for _ in 0..5 {
        provider.expire_access_tokens().await;
        provider.all_succeed(&open().await.expect("a session"), 3).await;
    }
    let counters = provider.counters().await;
    assert_eq!((counters.rotations, counters.rejections, counters.grants_revoked), (5, 0, 0));
}

#[tokio::test]
async fn a_refresh_token_that_somebody_else_used_ends_the_session_with_the_reason() {
    let provider = Provider::start().await;
    let tokens = provider.sign_in().await;
    let adopt = async || {
        let session = AuthSession::open(provider.config()).await.expect("a session");
        let tokens = Tokens::new(tokens.access_token.clone()).refresh_token(tokens.refresh_token.clone());
        session.adopt(tokens).await.expect("good tokens");
        session
    };
    let (thief, user) = (adopt().await, adopt().await);
    provider.expire_access_tokens().await;
    provider.all_succeed(&thief, 1).await;
    let response = user.get(&provider.at.resource).send().await.expect("an answer");
    assert_eq!(response.disposition(), Disposition::SessionEnded);
    assert_eq!(user.state(), SessionState::SignedOut { reason: SignOutReason::Rejected });
    assert_eq!(provider.counters().await.grants_revoked, 1);
}

#[tokio::test]
async fn signing_out_revokes_the_grant_at_the_provider() {
    let provider = Provider::start().await;
    let tokens = provider.sign_in().await;
    let session = AuthSession::open(provider.config()).await.expect("a session");
    let adopted = Tokens::new(tokens.access_token.clone()).refresh_token(tokens.refresh_token);
    session.adopt(adopted).await.expect("good tokens");
    provider.all_succeed(&session, 1).await;
    session.sign_out().await.expect("the store is fine");
    // Only the refresh token is revoked by name; that the access token stops working shows that the
    // provider ended the grant. It happens in the background.
    let observer = AuthSession::open(provider.config()).await.expect("a session");
    observer.adopt(Tokens::new(tokens.access_token)).await.expect("a good token");
    while observer.get(&provider.at.resource).send().await.expect("an answer").status() != 401 {
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.counters().await.grants_revoked, 0, "revoked, not caught at reuse");
}
