//! Owns an app's access and refresh tokens: attaches them to requests, refreshes them once for any number
//! of callers, keeps them in a store, and ends the session only on a verdict.
//!
//! ```no_run
//! # async fn example() -> Result<(), auth_session::Error> {
//! use auth_session::{AuthSession, FileStore, SessionConfig};
//! use serde_json::json;
//!
//! let config = SessionConfig::new("https://api.example.com")?.account("main").store(FileStore::new("sessions"));
//! let session = AuthSession::open(config).await?;
//! let user = session.sign_in(json!({"email": "ada@example.com", "password": "…"})).await?;
//! let me: serde_json::Value = session.get("/me").send().await?.json()?;
//! session.sign_out().await?;
//! # Ok(())
//! # }
//! ```

mod address;
#[cfg(any(target_os = "android", feature = "keystore"))]
pub mod android;
mod authority;
mod claims;
mod config;
mod dialect;
mod error;
mod event;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod lifecycle;
mod registry;
mod runtime;
mod secret;
mod session;
mod sign_in;
mod store;
mod time;
mod trace;
mod transport;

pub use authority::custom::{AuthorityFuture, CustomAuthority, RefreshOutcome, SignInOutcome};
pub use config::SessionConfig;
pub use dialect::{Additions, CustomDialect, Dialect, JsonDialect, OAuth2Dialect};
pub use error::{Answer, Error, NetworkFailure, RefreshObstacle};
pub use event::{Event, Events, SessionState, SignOutReason, States};
pub use http::answers::{AnswerAction, AnswerRules};
pub use http::authorization::Authorization;
pub use http::body::TransferProgress;
pub use http::challenge::StepUp;
pub use http::client::{Client, ClientConfig};
pub use http::exchange::Auth;
pub use http::multipart::Multipart;
pub use http::redirect::Redirection;
pub use http::request::RequestBuilder;
pub use http::response::{Disposition, Response};
pub use http::retry::RetryPolicy;
pub use http::streaming::StreamingResponse;
pub use lifecycle::activity::BackgroundActivity;
pub use lifecycle::driver::Statistics;
pub use lifecycle::record::{AttemptId, Entry, Record, RecordError, Tombstone};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Method, StatusCode};
pub use runtime::runtime;
pub use secret::Secret;
pub use session::{AuthSession, Tokens, suspend_sessions};
pub use sign_in::SignInAnswer;
#[cfg(target_vendor = "apple")]
pub use store::KeychainStore;
#[cfg(any(target_os = "android", feature = "keystore"))]
pub use store::KeystoreStore;
pub use store::{
    Expected, FileStore, Generation, HostBytes, HostLoad, HostStore, InMemoryStore, Lease, Load, Refusal,
    SecretStore, Slot, StoreError, StoreIdentity,
};
pub use store::{FaultyStore, StoreFault, StoreOperation};
#[cfg(any(test, target_vendor = "apple"))]
pub use store::{KeychainConfig, KeychainGate};
pub use time::{BootTime, Clock, SystemClock};
pub use trace::{Because, Decision, TraceEntry};
pub use transport::pins::PinSet;
