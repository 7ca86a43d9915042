//! `auth-session` for Swift and Kotlin. This layer translates and decides nothing; what users of either
//! language see is the package of their language, not this.
//!
//! Async calls run on the library's own runtime and are only awaited here: the caller's thread does no
//! work, and a caller that gives up leaves nothing half done.

// What is `pub` here is reached through UniFFI, which rustc does not see.
#![allow(unreachable_pub)]

mod activity;
#[cfg(any(target_os = "android", feature = "keystore"))]
mod android;
mod authority;
mod body;
mod callback;
mod direct;
mod endpoints;
mod error;
mod exchange;
mod listener;
mod log;
mod octets;
mod options;
mod request;
mod secret;
mod senders;
mod session;
mod state;
mod store;

uniffi::setup_scaffolding!();

/// The version of the library, for bug reports.
#[uniffi::export]
pub fn library_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
