//! Who holds the tokens, and when they change.

pub(crate) mod activity;
mod alarms;
pub(crate) mod driver;
pub(crate) mod machine;
pub(crate) mod record;
pub(crate) mod terms;
