//! What the benchmark, its server and the count of instructions share.

pub mod clients;
pub mod clock;
pub mod placement;
pub mod server;
