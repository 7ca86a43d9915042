//! The settings of the network, and whether they make sense.

use super::connections::MOST_PER_ORIGIN;
use super::pins::{PinSet, Pins};
use super::tls::development_anchors;
use crate::error::Error;

/// What a session's configuration says of the network.
#[derive(Clone, Debug)]
pub(crate) struct TransportSettings {
    pub(crate) max_connections_per_host: usize,
    pub(crate) pins: Vec<PinSet>,
    /// Certificates in DER or PEM.
    pub(crate) development_anchors: Vec<Vec<u8>>,
    /// Without a proxy, whatever the system says: what is sent without TLS stays on this machine or network.
    pub(crate) direct: bool,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            max_connections_per_host: MOST_PER_ORIGIN,
            pins: Vec::new(),
            development_anchors: Vec::new(),
            direct: false,
        }
    }
}

impl TransportSettings {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.max_connections_per_host == 0 {
            return invalid("max_connections_per_host", "at least one");
        }
        Pins::new(&self.pins)?;
        development_anchors(&self.development_anchors)?;
        Ok(())
    }
}

pub(super) fn invalid<T>(field: &'static str, expected: &str) -> Result<T, Error> {
    Err(Error::InvalidConfiguration { field, expected: expected.into() })
}
