//! The same against somebody's own backend.

use std::collections::BTreeSet;

use auth_session::{AuthSession, Error, FileStore, OAuth2Dialect, SessionConfig, SessionState, Tokens};
use tokio::time::sleep;

use crate::Failure;
use crate::arguments::{Access, Backend};
use crate::load::requests;
use crate::report::Report;

pub(crate) async fn run(backend: Backend) -> Result<Report, Failure> {
    let mut report = Report::begin();
    let not_signed_in = |report: Report, session: Option<&AuthSession>, error| {
        Err(Failure::NotSignedIn(Box::new(report.end(session)), error))
    };
    let session = match open(&backend).await {
        Ok(session) => session,
        Err(error) => return not_signed_in(report, None, error),
    };
    if let Err(error) = sign_in(&session, backend.access).await {
        return not_signed_in(report, Some(&session), error);
    }
    for round in 1..=backend.rounds {
        let outcomes = requests(&session, &backend.resource, backend.requests, backend.concurrency).await;
        let failed: BTreeSet<_> = outcomes.iter().filter_map(|outcome| outcome.failure.as_deref()).collect();
        let failed = failed.into_iter().collect::<Vec<_>>().join(", ");
        eprintln!("round {round} of {}: {}", backend.rounds, if failed.is_empty() { "ok" } else { &failed });
        report.add(outcomes);
        if round < backend.rounds {
            sleep(backend.pause).await;
        }
    }
    Ok(report.end(Some(&session)))
}

async fn open(backend: &Backend) -> Result<AuthSession, Error> {
    let config = match &backend.access {
        Access::Json { base_url, .. } => SessionConfig::new(base_url)?,
        Access::OAuth2 { token_endpoint, client_id, .. } => {
            SessionConfig::new(&backend.resource)?.dialect(OAuth2Dialect::new(token_endpoint, client_id))
        }
    };
    let config = config.account("demo").allow_loopback(backend.allow_loopback);
    let config = match &backend.store {
        Some(path) => config.store(FileStore::new(path)),
        None => config,
    };
    AuthSession::open(config).await
}

/// A session in the store wins: its tokens are newer than those on a command line.
async fn sign_in(session: &AuthSession, access: Access) -> Result<(), Error> {
    if let Some(cause) = session.lock_cause() {
        return Err(cause);
    }
    match (session.state(), access) {
        (SessionState::SignedIn { .. }, _) => {
            eprintln!("going on with the session in the store");
            Ok(())
        }
        (_, Access::Json { credentials: Some(credentials), .. }) => {
            session.sign_in(credentials).await.map(|_| ())
        }
        (_, Access::OAuth2 { refresh_token: Some(refresh_token), access_token, .. }) => {
            let tokens = match access_token {
                Some(access_token) => Tokens::new(access_token).refresh_token(refresh_token),
                None => Tokens::from_refresh_token(refresh_token),
            };
            session.adopt(tokens).await
        }
        // The store was to hold a session, and there is nothing to sign in with instead.
        (SessionState::SignedOut { reason }, _) => Err(Error::SignedOut { reason }),
        (_, _) => Err(Error::Locked),
    }
}
