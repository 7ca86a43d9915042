//! The session: what an app opens once and uses everywhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::authority::Authority;
use crate::authority::device::Device;
use crate::authority::tokens::{Tokens as Granted, is_header_safe, is_refresh_token};
use crate::config::SessionConfig;
use crate::error::Error;
use crate::event::{Events, SessionState, States};
use crate::http::authorization::Authorization;
use crate::http::client::{ApiHost, Client, ClientConfig};
use crate::http::request::RequestBuilder;
use crate::lifecycle::driver::{Lifecycle, Statistics, Surroundings};
use crate::lifecycle::terms::{Grant, Input};
use crate::registry;
use crate::runtime::{runtime, surrounded};
use crate::secret::Secret;
use crate::sign_in::SignInAnswer;
use crate::trace::TraceEntry;
use crate::transport::Transport;

/// Tokens that the app got by itself, for [`AuthSession::adopt`].
#[derive(Clone, Debug)]
pub struct Tokens {
    access_token: Option<Secret>,
    refresh_token: Option<Secret>,
    expires_in: Option<Duration>,
}

impl Tokens {
    /// An access token that cannot be refreshed, with unknown expiry.
    pub fn new(access_token: impl Into<Secret>) -> Self {
        Self { access_token: Some(access_token.into()), refresh_token: None, expires_in: None }
    }

    /// A refresh token alone: the first request gets an access token with it.
    pub fn from_refresh_token(refresh_token: impl Into<Secret>) -> Self {
        Self { access_token: None, refresh_token: Some(refresh_token.into()), expires_in: None }
    }

    /// Adds the refresh token.
    pub fn refresh_token(mut self, token: impl Into<Secret>) -> Self {
        self.refresh_token = Some(token.into());
        self
    }

    /// Says how long the access token lives from now.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// What can be used of them; a text that could not be sent counts as no token.
    pub(crate) fn usable(self) -> Result<Granted, Error> {
        let access = self.access_token.filter(|token| is_header_safe(token.expose()));
        let refresh = self.refresh_token.filter(|token| is_refresh_token(token.expose()));
        Granted::new(access, refresh, self.expires_in, None)
    }

    /// All of them, or [`Error::InvalidRequest`] if one could not be sent.
    pub(crate) fn into_grant(self) -> Result<Grant, Error> {
        let wrong = |token: &Option<Secret>, fits: fn(&str) -> bool| {
            token.as_ref().is_some_and(|token| !fits(token.expose()))
        };
        if wrong(&self.access_token, is_header_safe) {
            return Err(Error::InvalidRequest("the access token is empty or not visible ASCII".into()));
        }
        if wrong(&self.refresh_token, is_refresh_token) {
            return Err(Error::InvalidRequest(
                "the refresh token is empty, or holds control or replacement characters".into(),
            ));
        }
        Ok(self.usable()?.grant())
    }
}

/// Says to every session of this process that it is about to be suspended, as [`AuthSession::suspend`] does for one:
/// also to those that nobody holds any more and that finish a refresh or a write. Leases of those that write nothing are
/// given back at once; the writes of all others are waited for together, at most a second. Blocks; may be called from
/// any thread.
pub fn suspend_sessions() {
    Lifecycle::suspend(&registry::all());
}

/// One account's session: it holds the tokens, attaches them to requests, refreshes them once for any
/// number of callers, and keeps them in the store. Clones are the same session. All methods may be
/// called from any thread and any async runtime; none but [`suspend`](Self::suspend) blocks.
#[derive(Clone)]
pub struct AuthSession {
    host: Arc<ApiHost>,
    authority: Arc<Authority>,
}

/// Not what is inside: settings of the app may hold an API key.
impl fmt::Debug for AuthSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSession")
            .field("origin", &self.host.base.origin().ascii_serialization())
            .field("state", &self.state().name())
            .finish_non_exhaustive()
    }
}

impl AuthSession {
    /// Checks the settings and reads the store. An account that is open in this process already is the same session,
    /// whichever part of the app has opened it. A store that cannot be read now is no error: the session
    /// is [`Locked`](SessionState::Locked) then, reads the store again when it is used, and its calls say why.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`], naming the setting; [`Error::AlreadyOpen`] if the account is open with other
    /// settings.
    pub async fn open(config: SessionConfig) -> Result<Self, Error> {
        let config = config.validate()?;
        let key = (config.store.identity(), config.slot.clone());
        // The app's clock may call back, so not under the lock of the registry.
        let opened = config.clock.boot_time();
        let surroundings = Surroundings { clock: config.clock, opened, activity: config.activity };
        let lifecycle = registry::open(key, config.fingerprint, || {
            let transport = Arc::new(Transport::new(&config.transport)?);
            let authority = Arc::new(Authority {
                endpoints: config.endpoints,
                transport,
                device: Device::new(config.device_header),
            });
            Lifecycle::start(
                config.slot,
                config.store,
                authority,
                surroundings,
                config.settings,
                config.access_token_in_memory_only,
            )
        })?;
        let authority = lifecycle.authority();
        let transport = Arc::clone(&authority.transport);
        lifecycle.restored().await;
        let host = ApiHost {
            base: config.base_url,
            origins: config.origins,
            transport,
            lifecycle,
            timeout: config.request_timeout,
            max_body_bytes: config.max_body_bytes,
            headers: HeaderMap::new(),
            answers: Arc::new(config.answer_rules),
            retry: config.retry_policy,
        };
        Ok(Self { host: Arc::new(host), authority })
    }

    /// Signs in with the credentials that the backend's login endpoint wants, and returns the rest of its
    /// answer (many backends send the user there). Returns when the tokens are saved, or in use and not
    /// saved within 2 s ([`Event::PersistenceDegraded`](crate::Event::PersistenceDegraded)).
    ///
    /// An answer without tokens asks for another step, a code for example: nothing has changed then, and
    /// [`continue_sign_in`](Self::continue_sign_in) goes on. Somebody who is signed in stays so until the
    /// server has accepted the credentials.
    ///
    /// # Errors
    /// [`Error::SignInRejected`] with the server's answer; [`Error::SessionChanged`] if somebody signed in or
    /// out in the meantime; [`Error::Undecodable`] if the answer is not JSON, or its access token cannot
    /// stand in a header; [`Error::Network`]; [`Error::InvalidRequest`] in the OAuth 2 dialect; [`Error::ReadOnly`],
    /// before anything is sent, if the session only reads.
    pub async fn sign_in(&self, credentials: Value) -> Result<SignInAnswer, Error> {
        self.sign_in_step(self.authority.sign_in(credentials)).await
    }

    /// Posts the next step of a sign-in, to a path or an absolute URL, and signs in when the answer holds
    /// tokens. The URL may be relative to the base URL; its origin must be an allowed one or that of the
    /// login or refresh endpoint.
    ///
    /// # Errors
    /// Those of [`sign_in`](Self::sign_in), and [`Error::OriginNotAllowed`].
    pub async fn continue_sign_in(&self, target: &str, body: Value) -> Result<SignInAnswer, Error> {
        self.sign_in_step(self.authority.continue_sign_in(target, body)).await
    }

    /// Signs in with tokens that the app already has, from a code flow for example.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] if a token could not stand in a header; [`Error::ReadOnly`].
    pub async fn adopt(&self, tokens: Tokens) -> Result<(), Error> {
        let grant = tokens.into_grant()?;
        let intent = self.host.lifecycle.begin_sign_in()?;
        self.host.lifecycle.sign_in(intent, grant).await
    }

    /// Signs out. The session ends at once and without the network: requests that wait end with
    /// [`Error::SessionChanged`]. The server is told in the background. Returns when the store holds no
    /// secret any more.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] or [`Error::Locked`] if the store was not erased within 2 s. The
    /// session is signed out all the same, and erasing is tried again until it succeeds. [`Error::ReadOnly`] if the
    /// session only reads: it goes on.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.host.lifecycle.sign_out().await
    }

    /// The state now.
    pub fn state(&self) -> SessionState {
        self.host.lifecycle.state()
    }

    /// Why the store could not be read, while the state is [`Locked`](SessionState::Locked).
    pub fn lock_cause(&self) -> Option<Error> {
        self.host.lifecycle.lock_cause()
    }

    /// What the session has done so far.
    pub fn statistics(&self) -> Statistics {
        self.host.lifecycle.statistics()
    }

    /// The state now, and then every other one. States that follow each other quickly may be passed over, never the
    /// last.
    pub fn states(&self) -> States {
        let lifecycle = self.host.lifecycle.clone();
        States::new(self.events(), move || lifecycle.state())
    }

    /// Every event from now on.
    pub fn events(&self) -> Events {
        self.host.lifecycle.events()
    }

    /// Says that the network is another one now: idle connections are given up, and a refresh that waits
    /// for its time is tried at once.
    pub fn network_changed(&self) {
        self.host.transport.drop_idle_connections();
        self.host.lifecycle.apply(Input::NetworkChanged);
    }

    /// Gives this handle back, and returns when the session has ended in this process: when the last clone of it is
    /// dropped and what it owes is done (a refresh that is on its way, a save that is repeated, a revocation). For
    /// programs that end; an app that goes on need not wait for anything.
    pub async fn close(self) {
        let lifecycle = self.host.lifecycle.clone();
        drop(self);
        lifecycle.close().await;
    }

    /// Says that the app is in the foreground again, and ends a [`suspend`](Self::suspend): timers may have slept, and
    /// another process that shares the store may have signed out or refreshed. The store is read once, in the
    /// background, without its lease.
    pub fn resume(&self) {
        self.host.lifecycle.apply(Input::Resumed);
    }

    /// Says that the process is about to be suspended. [`suspend_sessions`] says so to every session of the process,
    /// also to those that were dropped with a refresh on its way: it is what a system that takes back the time of a
    /// [`BackgroundActivity`](crate::BackgroundActivity) asks for.
    ///
    /// Gives the lease of the store back, and takes one that is awaited no more. Blocks until writes that are queued
    /// or under way are made, so that another process that gets the lease finds what they save: milliseconds, at most
    /// a second. A write that takes longer, such as one of a store that hangs, may hold its own lock when this returns.
    ///
    /// From here on no refresh begins: requests that need one get [`Error::StoreUnavailable`], or the server's
    /// refusal with [`RefreshFailed`](crate::Disposition::RefreshFailed). It ends with [`resume`](Self::resume), and
    /// with the next request that the app begins, since only a process that runs does that: an app that calls this
    /// begins none before it is suspended. A refresh that is on its way goes on as far as it comes, and what it brings
    /// is saved; another process may refresh meanwhile.
    pub fn suspend(&self) {
        Lifecycle::suspend(std::slice::from_ref(&self.host.lifecycle));
    }

    /// Checks that the user signed in no longer ago than this; for what needs a fresher proof of presence than
    /// a session. Across a restart it is known only after a server has said what time it is.
    ///
    /// # Errors
    /// [`Error::RecentSignInRequired`]; [`Error::SignedOut`].
    pub fn require_recent_sign_in(&self, max_age: Duration) -> Result<(), Error> {
        self.host.lifecycle.require_recent_sign_in(max_age)
    }

    /// The last decisions about the tokens, oldest first: for support and bug reports. They hold no secret.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.host.lifecycle.trace()
    }

    /// A request with a valid token to a path under the base URL, or to an absolute URL of an allowed
    /// origin.
    pub fn request(&self, method: Method, target: &str) -> RequestBuilder {
        RequestBuilder::new(Arc::clone(&self.host), method, target)
    }

    /// A GET request; see [`request`](Self::request).
    pub fn get(&self, target: &str) -> RequestBuilder {
        self.request(Method::GET, target)
    }

    /// A POST request; see [`request`](Self::request).
    pub fn post(&self, target: &str) -> RequestBuilder {
        self.request(Method::POST, target)
    }

    /// A PUT request; see [`request`](Self::request).
    pub fn put(&self, target: &str) -> RequestBuilder {
        self.request(Method::PUT, target)
    }

    /// A PATCH request; see [`request`](Self::request).
    pub fn patch(&self, target: &str) -> RequestBuilder {
        self.request(Method::PATCH, target)
    }

    /// A DELETE request; see [`request`](Self::request).
    pub fn delete(&self, target: &str) -> RequestBuilder {
        self.request(Method::DELETE, target)
    }

    /// Takes over tokens from an earlier version of the app, or from another library. They take effect only
    /// if nobody has ever signed in on this store: a session, or the trace of one that has ended, wins, so
    /// that this may be called at every launch. Returns whether they took effect; they are saved then.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] if a token could not stand in a header; [`Error::Locked`],
    /// [`Error::StoreUnavailable`] or [`Error::StoreCorrupt`] if the store cannot be read or written;
    /// [`Error::Timeout`] if it does not answer within the request timeout; [`Error::ReadOnly`]. Nothing has been imported then,
    /// as far as is known; call it again later.
    pub async fn import(&self, tokens: Tokens) -> Result<bool, Error> {
        let import = self.host.lifecycle.import(tokens.into_grant()?);
        let import = async {
            tokio::time::timeout(self.host.timeout, import)
                .await
                .unwrap_or(Err(Error::Timeout(self.host.timeout)))
        };
        surrounded(runtime()?, import).await
    }

    async fn sign_in_step(
        &self,
        step: impl Future<Output = Result<(Option<Grant>, Value), Error>>,
    ) -> Result<SignInAnswer, Error> {
        let intent = self.host.lifecycle.begin_sign_in()?;
        let step = async {
            self.host.lifecycle.revoked().await;
            tokio::time::timeout(self.host.timeout, step)
                .await
                .unwrap_or(Err(Error::Timeout(self.host.timeout)))
        };
        let (grant, rest) = surrounded(runtime()?, step).await?;
        let signed_in = grant.is_some();
        if let Some(grant) = grant {
            self.host.lifecycle.sign_in(intent, grant).await?;
        }
        Ok(SignInAnswer::new(signed_in, rest))
    }

    /// A client for a further API host with the tokens of this session.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`], naming the setting; [`Error::OriginNotAllowed`] for a base URL of another origin
    /// than those that the session was opened with.
    pub fn client(&self, config: ClientConfig) -> Result<Client, Error> {
        Client::new(&self.host, config)
    }

    /// The value of the `Authorization` header for a request that another HTTP stack sends, after a refresh
    /// where one is needed. The URL is subject to the same rule as for requests of the session.
    ///
    /// # Errors
    /// [`Error::OriginNotAllowed`]; there is no token: as [`RequestBuilder::send`], [`Error::Timeout`] after the
    /// request timeout included.
    pub async fn authorization(&self, url: &str) -> Result<Authorization, Error> {
        self.host.authorization(url).await
    }

    /// Reports an answer, usually a 401, to a request that carried this value, and returns what to send it
    /// with once more; `None` if the answer is final, because it is not about the token or because a fresh one
    /// was refused as well. The body may be empty; it counts only where codes are listed in
    /// [`AnswerRules`](crate::AnswerRules). The answer of another origin, after a redirect, is not one to a request with
    /// this value: it is not reported (see [`Authorization::is_for`]).
    ///
    /// # Errors
    /// No other token can be had: as [`RequestBuilder::send`].
    pub async fn refused(
        &self,
        authorization: &Authorization,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Authorization>, Error> {
        self.host.refused(authorization, status, headers, body).await
    }
}
