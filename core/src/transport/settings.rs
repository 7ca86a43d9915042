//! The settings of the network, and whether they make sense.

use super::connections::MOST_PER_ORIGIN;
use crate::error::Error;

/// What a session's configuration says of the network.
#[derive(Clone, Debug)]
pub(crate) struct TransportSettings {
    pub(crate) max_connections_per_host: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self { max_connections_per_host: MOST_PER_ORIGIN }
    }
}

impl TransportSettings {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.max_connections_per_host == 0 {
            return invalid("max_connections_per_host", "at least one");
        }
        Ok(())
    }
}

fn invalid<T>(field: &'static str, expected: &str) -> Result<T, Error> {
    Err(Error::InvalidConfiguration { field, expected: expected.into() })
}
