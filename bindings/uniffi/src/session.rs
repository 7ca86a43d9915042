//! The session as an object.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_session::{
    AuthSession, Authorization, Client, Error, HeaderMap, HeaderName, HeaderValue, Method, SignInAnswer,
    StatusCode, Tokens,
};
use serde_json::Value;

use crate::error::{SessionFailure, on_runtime};
use crate::listener::{EventListener, Subscription, listen};
use crate::options::{ClientOptions, SessionOptions};
use crate::request::{Header, RequestOptions};
use crate::senders::{Entry, Sender};
use crate::state::{EventQueue, SessionState};

/// One account's session.
#[derive(uniffi::Object)]
pub struct Session {
    core: AuthSession,
    sender: Entry,
}

/// Checks the settings and reads the store. A function, because Kotlin has no async constructors.
#[uniffi::export]
pub async fn open_session(options: SessionOptions) -> Result<Arc<Session>, SessionFailure> {
    let core = on_runtime(async move { AuthSession::open(options.into_config()?).await }).await?;
    let sender = Entry::new(Sender::Session(core.clone()));
    Ok(Arc::new(Session { core, sender }))
}

/// Says that the process is about to be suspended to every session in it, also to those that nobody holds any more;
/// returns when none holds a lock on its store, or after a second.
#[uniffi::export]
pub fn suspend_sessions() {
    auth_session::suspend_sessions();
}

#[uniffi::export]
impl Session {
    /// Signs in with credentials, a JSON object.
    pub async fn sign_in(&self, credentials_json: String) -> Result<SignInResult, SessionFailure> {
        let credentials = json(&credentials_json, "the credentials are not JSON")?;
        let core = self.core.clone();
        on_runtime(async move { core.sign_in(credentials).await.map(SignInResult::from) }).await
    }

    /// Takes the next step of a sign-in: posts a JSON body to this URL, which is absolute or relative to the base URL.
    pub async fn continue_sign_in(
        &self,
        url: String,
        body_json: String,
    ) -> Result<SignInResult, SessionFailure> {
        let body = json(&body_json, "the body is not JSON")?;
        let core = self.core.clone();
        on_runtime(async move { core.continue_sign_in(&url, body).await.map(SignInResult::from) }).await
    }

    /// Signs in with tokens that the app already has. Without an access token, the first request refreshes.
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

    /// Says that the process is about to be suspended; returns when this session holds no lock on its store, or after a
    /// second.
    pub fn suspend(&self) {
        self.core.suspend();
    }

    /// Says that the app is in the foreground again: what should have happened meanwhile happens now.
    pub fn resume(&self) {
        self.core.resume();
    }

    /// Fails with `recent_sign_in_required` unless the user signed in no longer ago than this.
    pub fn require_recent_sign_in(&self, max_age_ms: u64) -> Result<(), SessionFailure> {
        Ok(self.core.require_recent_sign_in(Duration::from_millis(max_age_ms))?)
    }

    /// Why the state is `Locked`, as a code; `None` if it is not.
    pub fn lock_cause(&self) -> Option<String> {
        self.core.lock_cause().map(|cause| cause.code().to_owned())
    }

    /// The last decisions of the session, a JSON array. It holds no secret.
    pub fn trace_json(&self) -> Result<String, SessionFailure> {
        serde_json::to_string(&self.core.trace())
            .map_err(|_| Error::Internal("the trace cannot be written as JSON".to_owned()).into())
    }

    /// Checks the parts of a request and sends it. Its end is told to the receiver of answers under this number, which
    /// no other request has.
    pub fn send(&self, options: RequestOptions, request: u64) -> Result<(), SessionFailure> {
        options.send(request, &Sender::Session(self.core.clone()))
    }

    /// The number under which `auth_session_send` finds this session until it is freed.
    pub fn sender(&self) -> u64 {
        self.sender.number()
    }

    /// A client for another API host, with this session's token. Its origin is one that the session was opened for.
    pub fn client(&self, options: ClientOptions) -> Result<Arc<ApiClient>, SessionFailure> {
        let core = self.core.client(options.into_config())?;
        let sender = Entry::new(Sender::Client(core.clone()));
        Ok(Arc::new(ApiClient { core, sender }))
    }

    /// The value of the `Authorization` header for a request that the app sends by other means.
    pub async fn authorization(&self, url: String) -> Result<Arc<AuthorizationValue>, SessionFailure> {
        let core = self.core.clone();
        let value = on_runtime(async move { core.authorization(&url).await }).await?;
        Ok(Arc::new(AuthorizationValue(value)))
    }

    /// Reports the answer to a request that carried this value, and returns what to send it with once more; `None` if
    /// the answer is final. The body may be empty.
    pub async fn refused(
        &self,
        authorization: Arc<AuthorizationValue>,
        status: u16,
        headers: Vec<Header>,
        body: Vec<u8>,
    ) -> Result<Option<Arc<AuthorizationValue>>, SessionFailure> {
        let status = StatusCode::from_u16(status)
            .map_err(|_| Error::InvalidRequest("the status is none of HTTP".to_owned()))?;
        let headers: HeaderMap = headers.into_iter().filter_map(readable).collect();
        let core = self.core.clone();
        let next =
            on_runtime(async move { core.refused(&authorization.0, status, &headers, &body).await }).await?;
        Ok(next.map(|value| Arc::new(AuthorizationValue(value))))
    }

    /// Tells the listener of every event from now on.
    pub fn listen(&self, listener: Arc<dyn EventListener>) -> Result<Arc<Subscription>, SessionFailure> {
        listen(self.core.events(), listener)
    }

    /// Every event from now on.
    pub fn events(&self) -> Arc<EventQueue> {
        EventQueue::new(self.core.events())
    }
}

/// Another API host of a session.
#[derive(uniffi::Object)]
pub struct ApiClient {
    core: Client,
    sender: Entry,
}

#[uniffi::export]
impl ApiClient {
    /// As [`Session::sender`].
    pub fn sender(&self) -> u64 {
        self.sender.number()
    }

    /// As [`Session::send`], to a path under the client's base URL.
    pub fn send(&self, options: RequestOptions, request: u64) -> Result<(), SessionFailure> {
        options.send(request, &Sender::Client(self.core.clone()))
    }
}

/// The value of an `Authorization` header. Its text form is redacted.
#[derive(uniffi::Object)]
#[uniffi::export(Debug, Display)]
pub struct AuthorizationValue(Authorization);

#[uniffi::export]
impl AuthorizationValue {
    /// The value for the header. Whoever calls this keeps it out of logs, and sends it to the origin that it was asked
    /// for and to no other.
    pub fn expose(&self) -> String {
        String::from_utf8_lossy(self.0.expose().as_bytes()).into_owned()
    }

    /// Whether a request to this absolute URL may carry the value: whether its origin is the one that the value was
    /// asked for. The answer of another origin, after a redirect, is not reported.
    pub fn is_for(&self, url: String) -> bool {
        self.0.is_for(&url)
    }
}

impl fmt::Debug for AuthorizationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AuthorizationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What goes along when a server redirects a request that another HTTP stack sends.
#[derive(uniffi::Enum)]
pub enum Redirection {
    /// Everything.
    Within,
    /// Neither the token nor a body or the app's own headers.
    Elsewhere,
    /// It is not followed.
    Refused,
}

/// Decides on a redirect between two absolute URLs; the method is that of the request which follows it.
#[uniffi::export]
pub fn redirection(method: String, from: String, to: String) -> Redirection {
    use auth_session::Redirection as Core;
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return Redirection::Refused };
    match Core::between(&method, &from, &to) {
        Core::Within => Redirection::Within,
        Core::Elsewhere => Redirection::Elsewhere,
        Core::Refused => Redirection::Refused,
    }
}

/// What came of a step of a sign-in.
#[derive(uniffi::Record)]
pub struct SignInResult {
    /// Whether tokens came and are in use; if not, the server wants another step.
    pub signed_in: bool,
    /// The rest of the server's answer. `null` where there was none.
    pub answer_json: String,
}

impl From<SignInAnswer> for SignInResult {
    fn from(answer: SignInAnswer) -> Self {
        Self { signed_in: answer.is_signed_in(), answer_json: answer.into_json().to_string() }
    }
}

pub(crate) fn tokens(
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

fn json(text: &str, otherwise: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|_| Error::InvalidRequest(otherwise.to_owned()))
}

/// A header of an answer that came by other means; what is none is left out.
fn readable(Header { name, value }: Header) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(&value).ok()?))
}
