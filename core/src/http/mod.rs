//! Sending the app's requests.

pub(crate) mod answers;
pub(crate) mod authorization;
pub(crate) mod body;
pub(crate) mod challenge;
pub(crate) mod client;
mod compact;
pub(crate) mod exchange;
pub(crate) mod multipart;
pub(crate) mod origin;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod streaming;
