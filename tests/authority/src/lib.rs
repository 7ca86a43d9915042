//! A strict authorization and resource server for tests. It rotates refresh tokens, revokes the whole
//! family when one is used twice, checks the access token on every resource, counts everything, and does
//! what a test tells it: expire tokens, hold requests, fail, go offline. Programs in any language tell it
//! over HTTP; Rust tests may call the same commands directly.

mod control;
mod gate;
mod listener;
mod realm;
mod routes;
mod tokens;

pub use control::{Authority, serve_control};
pub use realm::{Counters, Realm, RealmOptions};
