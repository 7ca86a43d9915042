//! Who is trusted: TLS 1.2 or newer, verified by the platform. There is no way to switch verification off.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::SigningKey;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::pins::Pins;
use super::settings::{TransportSettings, invalid};
use crate::error::Error;

pub(super) fn tls(settings: &TransportSettings) -> Result<ClientConfig, Error> {
    // The platform's verifier panics in the first handshake without it (seanmonstar/reqwest#2966).
    #[cfg(target_os = "android")]
    crate::android::Platform::get()?;
    let provider = Arc::new(CryptoProvider { key_provider: &NoClientKeys, ..ring::default_provider() });
    let anchors = development_anchors(&settings.development_anchors)?;
    let development = match anchors.is_empty() {
        true => None,
        false => {
            let builder =
                WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(&provider));
            Some(builder.build().map_err(|error| Error::Internal(format!("no verifier: {error}")))?)
        }
    };
    let pins = Pins::new(&settings.pins)?;
    let verifier =
        SessionVerifier { platform: OnceLock::new(), development, pins, provider: Arc::clone(&provider) };
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| Error::Internal(format!("no TLS: {error}")))?
        .dangerous() // Named so because it sets a verifier; this one asks the platform's own.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// Signs nothing, since a session shows no certificate of its own; ring's signatures need not be linked for it.
#[derive(Debug)]
struct NoClientKeys;

impl KeyProvider for NoClientKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("this client has no certificate of its own".to_owned()))
    }
}

/// The certificates that are trusted in development, each in DER or PEM.
pub(super) fn development_anchors(certificates: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    let mut anchors = RootCertStore::empty();
    for certificate in certificates {
        let certificate = match CertificateDer::from_pem_slice(certificate) {
            Ok(certificate) => certificate,
            Err(_) => CertificateDer::from(certificate.as_slice()),
        };
        if anchors.add(certificate).is_err() {
            return invalid("development_anchors", "X.509 certificates in DER or PEM");
        }
    }
    Ok(anchors)
}

/// Asks the platform, and then for pinned keys.
#[derive(Debug)]
struct SessionVerifier {
    /// There from the first handshake on: where the system's root certificates are files, to read them takes longer than
    /// everything else that opening a session does.
    platform: OnceLock<Verifier>,
    /// Asked where the platform says no: it checks names and dates like the platform, with other roots.
    development: Option<Arc<WebPkiServerVerifier>>,
    pins: Pins,
    provider: Arc<CryptoProvider>,
}

impl SessionVerifier {
    fn platform(&self) -> Option<&Verifier> {
        if self.platform.get().is_none() {
            match Verifier::new(Arc::clone(&self.provider)) {
                // Another handshake may have been quicker.
                Ok(verifier) => drop(self.platform.set(verifier)),
                // A machine without any root certificate trusts nobody. The next handshake looks again.
                Err(error) => tracing::warn!(%error, "no certificate verifier of the platform"),
            }
        }
        self.platform.get()
    }
}

impl ServerCertVerifier for SessionVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = || Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let by_platform = self.platform().map_or_else(unknown, |platform| {
            platform.verify_server_cert(leaf, intermediates, name, ocsp, now)
        });
        let verified = match (by_platform, &self.development) {
            (Err(_), Some(development)) => {
                development.verify_server_cert(leaf, intermediates, name, ocsp, now)
            }
            (by_platform, _) => by_platform,
        }?;
        self.pins.check(leaf, name, now)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
