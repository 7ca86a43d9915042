//! Pinned keys: which keys a host may have, beyond what the platform trusts.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, OtherError};

use super::settings::invalid;
use crate::error::Error;

const FIELD: &str = "pins";
const DIGEST_BYTES: usize = 32;

/// The keys that a host's certificate may have. A connection to that host, for requests and for tokens alike,
/// is made only if the platform trusts its certificate and the key is one of these.
///
/// Pin a backup key that is kept elsewhere, and set an expiry: an app that knows only keys which are gone
/// cannot speak to its server until it is updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinSet {
    host: String,
    pins: Vec<String>,
    expiry: Option<SystemTime>,
}

impl PinSet {
    /// For exactly this host name, whatever the port; not for its subdomains.
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), pins: Vec::new(), expiry: None }
    }

    /// Adds a key: the SHA-256 of the certificate's `SubjectPublicKeyInfo` in Base64, as in RFC 7469
    /// section 2.4.
    pub fn pin(mut self, pin: impl Into<String>) -> Self {
        self.pins.push(pin.into());
        self
    }

    /// From this moment on, by the device's clock, the pins do not count any more and what the platform
    /// trusts is trusted. Default: never.
    pub fn expires_at(mut self, expiry: SystemTime) -> Self {
        self.expiry = Some(expiry);
        self
    }
}

/// Pins that have been checked.
#[derive(Debug)]
pub(super) struct Pins(Vec<HostPins>);

#[derive(Debug)]
struct HostPins {
    host: String,
    digests: Vec<[u8; DIGEST_BYTES]>,
    expiry: Option<Duration>,
}

impl Pins {
    pub(super) fn new(sets: &[PinSet]) -> Result<Self, Error> {
        let mut hosts: Vec<HostPins> = Vec::with_capacity(sets.len());
        for set in sets {
            let host = set.host.to_ascii_lowercase();
            if ServerName::try_from(host.as_str()).is_err() || hosts.iter().any(|known| known.host == host) {
                return invalid(FIELD, "host names, each once");
            }
            let digests: Option<Vec<_>> = set.pins.iter().map(|pin| decode(pin)).collect();
            let Some(digests) = digests.filter(|digests| !digests.is_empty()) else {
                return invalid(
                    FIELD,
                    "at least one pin for each host, each the Base64 of a SHA-256 (32 bytes)",
                );
            };
            let since_epoch =
                |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            hosts.push(HostPins { host, digests, expiry: set.expiry.map(since_epoch) });
        }
        Ok(Self(hosts))
    }

    /// Whether a leaf certificate, which the platform trusts for this name, has a key that it may have.
    pub(super) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let name = name.to_str();
        let Some(pins) = self.0.iter().find(|pins| pins.host.eq_ignore_ascii_case(&name)) else {
            return Ok(());
        };
        if pins.expiry.is_some_and(|expiry| expiry.as_secs() <= now.as_secs()) {
            return Ok(());
        }
        let key = digest(&SHA256, ParsedCertificate::try_from(leaf)?.subject_public_key_info().as_ref());
        if pins.digests.iter().any(|pinned| pinned == key.as_ref()) { Ok(()) } else { Err(Mismatch::error()) }
    }
}

fn decode(pin: &str) -> Option<[u8; DIGEST_BYTES]> {
    STANDARD.decode(pin).ok()?.try_into().ok()
}

/// The key is none of the pinned ones.
#[derive(Debug, thiserror::Error)]
#[error("the key is none of the pinned ones")]
pub(super) struct Mismatch;

impl Mismatch {
    fn error() -> rustls::Error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(std::sync::Arc::new(Self))))
    }

    /// Whether this is why a certificate was not accepted.
    pub(super) fn caused(error: &CertificateError) -> bool {
        matches!(error, CertificateError::Other(OtherError(cause)) if cause.is::<Self>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_base64_of_32_bytes_and_each_host_has_some_once() {
        let good = STANDARD.encode([7; 32]);
        let short = STANDARD.encode([7; 31]);
        let prefixed = format!("sha256/{good}");
        for set in [
            PinSet::new("a.example"),
            PinSet::new("a.example").pin(""),
            PinSet::new("a.example").pin(&short),
            PinSet::new("a.example").pin("not base64 at all"),
            PinSet::new("a.example").pin(&prefixed),
            PinSet::new("a.example").pin(&good).pin(&short),
            PinSet::new("").pin(&good),
            PinSet::new("https://a.example").pin(&good),
        ] {
            let error = Pins::new(std::slice::from_ref(&set)).expect_err("a wrong setting");
            assert!(matches!(error, Error::InvalidConfiguration { field: "pins", .. }), "{set:?}");
        }
        let set = PinSet::new("a.example").pin(&good);
        assert!(Pins::new(&[set.clone(), PinSet::new("b.example").pin(&good)]).is_ok());
        assert!(Pins::new(&[set, PinSet::new("A.example").pin(&good)]).is_err());
    }
}
