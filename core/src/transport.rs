//! TLS, limits and connections: shared by what speaks to the authorization server and what sends the
//! app's requests.

mod connections;
pub(crate) mod pins;
pub(crate) mod settings;
mod tls;

use std::error::Error as StdError;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, redirect, retry};
use rustls::client::ClientConfig;

use crate::error::{Error, NetworkFailure};
use connections::Connections;
pub(crate) use connections::Permit;
use settings::TransportSettings;

/// Enough for a slow mobile network; a server that takes longer to accept is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Clearly shorter than a refresh may take, so that a server that does not accept counts as one that cannot be
/// reached, and not as one whose answer was lost.
const AUTHORITY_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Mobile networks drop idle connections without a word, so they are not kept for long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an HTTP/2 connection with requests on it is asked whether it is still there, and how long it may
/// take to say so: a phone that has changed networks learns of it in half a minute, not in minutes. Idle
/// connections are left alone, so that the radio can sleep.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How much memory is set aside on a server's word.
const MOST_AT_ONCE: u64 = 1 << 20;

/// The HTTP clients of one session.
#[derive(Debug)]
pub(crate) struct Transport {
    tls: ClientConfig,
    direct: bool,
    clients: RwLock<Clients>,
    connections: Connections,
}

#[derive(Clone, Debug)]
struct Clients {
    api: Client,
    /// A client of its own, so that a refresh never queues behind the requests that wait for it.
    authority: Client,
}

impl Transport {
    pub(crate) fn new(settings: &TransportSettings) -> Result<Self, Error> {
        let tls = tls::tls(settings)?;
        let direct = settings.direct;
        let clients = RwLock::new(Clients::new(&tls, direct)?);
        Ok(Self { tls, direct, clients, connections: Connections::new(settings.max_connections_per_host) })
    }

    /// For the app's requests.
    pub(crate) fn api(&self) -> Client {
        self.clients.read().unwrap_or_else(PoisonError::into_inner).api.clone()
    }

    /// For the token endpoints.
    pub(crate) fn authority(&self) -> Client {
        self.clients.read().unwrap_or_else(PoisonError::into_inner).authority.clone()
    }

    /// The places for the app's requests, origin by origin.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Leaves the open connections to the requests that are using them: on another network an idle one is
    /// dead, and says so only when it is used.
    pub(crate) fn drop_idle_connections(&self) {
        match Clients::new(&self.tls, self.direct) {
            Ok(clients) => *self.clients.write().unwrap_or_else(PoisonError::into_inner) = clients,
            Err(error) => tracing::warn!(%error, "going on with the connections there are"),
        }
    }
}

impl Clients {
    fn new(tls: &ClientConfig, direct: bool) -> Result<Self, Error> {
        Ok(Self {
            api: client(tls.clone(), direct, CONNECT_TIMEOUT)?,
            authority: client(tls.clone(), direct, AUTHORITY_CONNECT_TIMEOUT)?,
        })
    }
}

fn client(tls: ClientConfig, direct: bool, connect_timeout: Duration) -> Result<Client, Error> {
    let builder = Client::builder();
    let builder = if direct { builder.no_proxy() } else { builder };
    builder
        .tls_backend_preconfigured(tls)
        // Where a redirect may take a token is this library's decision, and whether a request may be
        // sent twice as well.
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .user_agent(concat!("auth-session/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::Internal(format!("no HTTP client: {}", error.without_url())))
}

/// Whether it is certain that nothing of the request reached the server.
pub(crate) fn was_not_sent(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_builder()
}

pub(crate) fn network_failure(error: &reqwest::Error) -> NetworkFailure {
    let certificate = causes(error).find_map(|cause| match cause.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(certificate)) => Some(certificate),
        _ => None,
    });
    match certificate {
        Some(certificate) if pins::Mismatch::caused(certificate) => NetworkFailure::PinMismatch,
        Some(_) => NetworkFailure::CertificateNotTrusted,
        None if was_not_sent(error) => NetworkFailure::NotConnected,
        None => NetworkFailure::Broken,
    }
}

/// Whether it is certain that the server has not looked at the request.
///
/// RFC 9113 section 8.7: after `REFUSED_STREAM`, and after a graceful GOAWAY that does not cover the stream. hyper gives the
/// error of the latter for any stream that it had not gone on from to the body, covered or not: a request without a body is
/// never known not to have been processed.
pub(crate) fn was_not_processed(error: &reqwest::Error, body_has_begun: bool) -> bool {
    was_not_sent(error)
        || causes(error).filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|error| {
            error.is_remote()
                && (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
                    || error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) && body_has_begun)
        })
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        // An I/O error hides what it was made of from `source`.
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

/// Reads the whole body, up to a limit in bytes.
pub(crate) async fn read_body(response: Response, limit: usize) -> Result<Bytes, Error> {
    read_body_observed(response, limit, |_| {}).await
}

/// Reads the whole body, up to a limit in bytes, and tells how many bytes each piece of it has.
pub(crate) async fn read_body_observed(
    mut response: Response,
    limit: usize,
    mut observe: impl FnMut(usize),
) -> Result<Bytes, Error> {
    let too_large = || Error::BodyTooLarge { limit };
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(too_large());
    }
    let broken = |error: reqwest::Error| Error::Network(network_failure(&error));
    // The usual body comes in one piece, which is handed on without a copy.
    let Some(first) = response.chunk().await.map_err(broken)? else { return Ok(Bytes::new()) };
    observe(first.len());
    let Some(second) = response.chunk().await.map_err(broken)? else {
        return if first.len() > limit { Err(too_large()) } else { Ok(first) };
    };
    observe(second.len());
    // What is announced is believed only so far.
    let announced = announced.min(MOST_AT_ONCE) as usize;
    let mut body = BytesMut::with_capacity(announced.max(first.len() + second.len()));
    body.extend_from_slice(&first);
    body.extend_from_slice(&second);
    while body.len() <= limit {
        match response.chunk().await.map_err(broken)? {
            Some(piece) => {
                observe(piece.len());
                body.extend_from_slice(&piece);
            }
            None => return Ok(body.freeze()),
        }
    }
    Err(too_large())
}
