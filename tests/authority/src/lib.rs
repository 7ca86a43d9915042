//! A strict authorization and resource server for tests. It rotates refresh tokens, revokes the whole
//! family when one is used twice, checks the access token on every resource, counts everything, and does
//! what a test tells it: expire tokens, hold requests, fail, go offline. Programs in any language tell it
//! over HTTP; Rust tests may call the same commands directly.

mod answer;
mod body;
mod control;
mod counters;
mod delivery;
mod fault;
mod gate;
mod ledger;
mod listener;
mod options;
mod realm;
mod routes;
mod tokens;
mod users;
mod wire;

pub use control::{Authority, serve_control};
pub use counters::Counters;
pub use ledger::{Redemption, RefreshSeen};
pub use options::RealmOptions;
pub use realm::Realm;
