//! The session as an object.

use std::sync::Arc;
use std::time::Duration;

use auth_session::{AuthSession, Error, Method, Tokens};

use crate::error::{SessionFailure, on_runtime};
use crate::options::SessionOptions;
use crate::request::{Request, RequestOptions, timeout};
use crate::state::{EventQueue, SessionState};

/// One account's session.
#[derive(uniffi::Object)]
pub struct Session {
    core: AuthSession,
}

/// Checks the settings and reads the store. A function, because Kotlin has no async constructors.
#[uniffi::export]
pub async fn open_session(options: SessionOptions) -> Result<Arc<Session>, SessionFailure> {
    let core = on_runtime(async move { AuthSession::open(options.into_config()?).await }).await?;
    Ok(Arc::new(Session { core }))
}

#[uniffi::export]
impl Session {
    /// Signs in with credentials, a JSON object, and returns the rest of the server's answer as JSON. An answer
    /// without tokens wants another step: the state tells whether somebody is signed in.
    pub async fn sign_in(&self, credentials_json: String) -> Result<String, SessionFailure> {
        let credentials = serde_json::from_str(&credentials_json)
            .map_err(|_| Error::InvalidRequest("the credentials are not JSON".to_owned()))?;
        let core = self.core.clone();
        let answer = on_runtime(async move { core.sign_in(credentials).await }).await?;
        Ok(answer.into_json().to_string())
    }

    /// Signs in with tokens that the app already has; one of the two is enough.
    pub async fn adopt(
        &self,
        access_token: Option<String>,
        refresh_token: Option<String>,
        expires_in_seconds: Option<u64>,
    ) -> Result<(), SessionFailure> {
        let tokens = tokens(access_token, refresh_token, expires_in_seconds)?;
        let core = self.core.clone();
        on_runtime(async move { core.adopt(tokens).await }).await
    }

    /// Takes over the tokens of an earlier version of the app, if nobody has ever signed in on this store. Returns
    /// whether they took effect.
    pub async fn import_tokens(
        &self,
        access_token: Option<String>,
        refresh_token: Option<String>,
        expires_in_seconds: Option<u64>,
    ) -> Result<bool, SessionFailure> {
        let tokens = tokens(access_token, refresh_token, expires_in_seconds)?;
        let core = self.core.clone();
        on_runtime(async move { core.import(tokens).await }).await
    }

    /// Signs out, at once and without the network.
    pub async fn sign_out(&self) -> Result<(), SessionFailure> {
        let core = self.core.clone();
        on_runtime(async move { core.sign_out().await }).await
    }

    /// The state now. Never blocks.
    pub fn state(&self) -> SessionState {
        self.core.state().into()
    }

    /// Says that the network is another one now: a refresh that waits for its time is tried at once.
    pub fn network_changed(&self) {
        self.core.network_changed();
    }

    /// Prepares a request and checks its parts; nothing is sent yet.
    pub fn request(&self, options: RequestOptions) -> Result<Arc<Request>, SessionFailure> {
        let method = Method::from_bytes(options.method.as_bytes())
            .map_err(|_| Error::InvalidRequest("the method is not allowed in HTTP".to_owned()))?;
        let mut builder = self.core.request(method, &options.url);
        for header in options.headers {
            builder = builder.header(&header.name, &header.value);
        }
        if let Some(body) = options.body {
            builder = builder.body(body);
        }
        if let Some(milliseconds) = options.timeout_ms {
            builder = builder.timeout(timeout(milliseconds)?);
        }
        Ok(Request::new(builder.check()?))
    }

    /// Every event from now on.
    pub fn events(&self) -> Arc<EventQueue> {
        EventQueue::new(self.core.events())
    }
}

fn tokens(
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in_seconds: Option<u64>,
) -> Result<Tokens, Error> {
    let mut tokens = match (access_token, refresh_token) {
        (Some(access), Some(refresh)) => Tokens::new(access).refresh_token(refresh),
        (Some(access), None) => Tokens::new(access),
        (None, Some(refresh)) => Tokens::from_refresh_token(refresh),
        (None, None) => return Err(Error::InvalidRequest("there is no token".to_owned())),
    };
    if let Some(seconds) = expires_in_seconds {
        tokens = tokens.expires_in(Duration::from_secs(seconds));
    }
    Ok(tokens)
}
