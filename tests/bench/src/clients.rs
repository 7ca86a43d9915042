//! The clients that are compared: a session, and reqwest as the session has set it up.

use std::sync::Arc;
use std::time::Duration;

use auth_session::{AuthSession, Clock, SessionConfig, SystemClock};
use bytes::Bytes;
use reqwest::{StatusCode, redirect, retry};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// What went wrong, for whoever runs the benchmark.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many requests a session sends to one host at once, and so what bounds reqwest where the same is asked of it.
pub const MOST_AT_ONCE: usize = 56;
/// That of a session.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Where a server is, and whom to trust there.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its origin.
    pub url: String,
    /// Its certificate as PEM, with TLS.
    pub certificate: Option<Vec<u8>>,
}

/// Somebody who gets `/me`, or what else there is.
pub trait Client: Send + Sync + 'static {
    /// Gets a resource and reads its body; anything but 200 is a failure.
    fn get(&self, path: &str) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// Opens a session that is signed in.
///
/// # Errors
/// The server does not answer as it should.
pub async fn signed_in(target: &Target, account: &str) -> Result<AuthSession, Failure> {
    signed_in_with_clock(target, account, SystemClock).await
}

/// As [`signed_in`], with a clock of the benchmark's.
///
/// # Errors
/// The server does not answer as it should.
pub async fn signed_in_with_clock(
    target: &Target,
    account: &str,
    clock: impl Clock,
) -> Result<AuthSession, Failure> {
    let session = AuthSession::open(settings(target, account)?.clock(clock)).await?;
    session.sign_in(json!({"email": "ada@example.com", "password": "correct horse"})).await?;
    Ok(session)
}

/// The settings of a session at this server.
///
/// # Errors
/// The URL is none.
pub fn settings(target: &Target, account: &str) -> Result<SessionConfig, Failure> {
    let config = SessionConfig::new(&target.url)?.account(account);
    Ok(match &target.certificate {
        Some(certificate) => config.trust_development_anchor(certificate.clone()),
        None => config.allow_loopback(true),
    })
}

impl Client for AuthSession {
    async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        let response = AuthSession::get(self, path).send().await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(status.to_string().into()),
        }
    }
}

/// reqwest with the settings that the session gives it (`core/src/transport.rs`), and a token that it does not look after.
#[derive(Clone, Debug)]
pub struct Bare {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
    places: Option<Arc<Semaphore>>,
}

impl Bare {
    /// Signs in.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn signed_in(target: &Target) -> Result<Self, Failure> {
        let bare = Self::anonymous(target)?;
        let answer = bare.client.post(format!("{}/auth/login", bare.url)).body("{}").send().await?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let token = answer["access_token"].as_str().ok_or("no token")?.to_owned();
        Ok(Self { token: Some(token), ..bare })
    }

    /// With a token that is there already.
    ///
    /// # Errors
    /// The certificate is none.
    pub fn with_token(target: &Target, token: &str) -> Result<Self, Failure> {
        Ok(Self { token: Some(token.to_owned()), ..Self::anonymous(target)? })
    }

    /// The token, if it has one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Without a token.
    ///
    /// # Errors
    /// The certificate is none.
    pub fn anonymous(target: &Target) -> Result<Self, Failure> {
        let mut anchors = RootCertStore::empty();
        if let Some(certificate) = &target.certificate {
            anchors.add(CertificateDer::from_pem_slice(certificate)?)?;
        }
        let mut tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(anchors)
                .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = reqwest::Client::builder();
        let builder = if target.certificate.is_some() { builder } else { builder.no_proxy() };
        let client = builder
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .timeout(TIMEOUT)
            .connect_timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(30))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .user_agent(concat!("auth-session/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, url: target.url.clone(), token: None, places: None })
    }

    /// With as many requests at once as a session sends.
    pub fn bounded(self) -> Self {
        Self { places: Some(Arc::new(Semaphore::new(MOST_AT_ONCE))), ..self }
    }
}

impl Client for Bare {
    async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        let _place = match &self.places {
            Some(places) => Some(places.acquire().await?),
            None => None,
        };
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK => Ok(response.bytes().await?),
            status => Err(status.to_string().into()),
        }
    }
}
