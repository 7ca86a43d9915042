//! Sending the app's requests.

pub(crate) mod challenge;
pub(crate) mod client;
pub(crate) mod origin;
