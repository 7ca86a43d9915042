//! Where a token may go.

use url::{Host, Origin, Url};

use crate::error::Error;

/// The origins that may get the token of a session: scheme, host and port, compared exactly
/// (RFC 6454). TLS only; loopback without TLS by explicit opt-in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<Origin>,
    allow_loopback: bool,
    /// Spoken to without TLS.
    development: Vec<Origin>,
}

impl Origins {
    pub(crate) fn new(allow_loopback: bool) -> Self {
        Self { allowed: Vec::new(), allow_loopback, development: Vec::new() }
    }

    /// Checks that a URL of the configuration may be spoken to at all, and allows its origin.
    pub(crate) fn allow(&mut self, field: &'static str, url: &Url) -> Result<(), Error> {
        self.check_scheme(field, url)?;
        let origin = url.origin();
        if !self.allowed.contains(&origin) {
            self.allowed.push(origin);
        }
        Ok(())
    }

    /// Allows a further origin, once.
    pub(crate) fn allow_further(&mut self, field: &'static str, url: &Url) -> Result<(), Error> {
        if self.allowed.contains(&url.origin()) {
            let expected =
                format!("each origin once; {} is there already", url.origin().ascii_serialization());
            return Err(Error::InvalidConfiguration { field, expected });
        }
        self.allow(field, url)
    }

    /// Lets exactly this origin be spoken to without TLS. It gets the token only where it is allowed as well.
    pub(crate) fn allow_development(&mut self, url: &Url) -> Result<(), Error> {
        let (field, origin) = ("development_origins", url.origin());
        if url.scheme() != "http" || self.development.contains(&origin) {
            let expected = "http origins, each once".into();
            return Err(Error::InvalidConfiguration { field, expected });
        }
        self.development.push(origin);
        Ok(())
    }

    /// Checks that secrets may be sent to this URL as far as its scheme goes.
    pub(crate) fn check_scheme(&self, field: &'static str, url: &Url) -> Result<(), Error> {
        let expected = match url.scheme() {
            "https" => return Ok(()),
            "http" if is_loopback(url) && self.allow_loopback => return Ok(()),
            "http" if self.development.contains(&url.origin()) => return Ok(()),
            "http" if is_loopback(url) => "https, or loopback explicitly allowed (allow_loopback)",
            _ => "an absolute https URL",
        };
        Err(Error::InvalidConfiguration { field, expected: expected.into() })
    }

    /// Checks that a request with the token may go to this URL.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Error> {
        if self.allowed.iter().any(|origin| is_origin_of(origin, url)) {
            Ok(())
        } else {
            Err(Error::OriginNotAllowed { origin: url.origin().ascii_serialization() })
        }
    }
}

/// Whether `url.origin()` is this one, found out without making one: that would copy the host for each request.
pub(crate) fn is_origin_of(origin: &Origin, url: &Url) -> bool {
    match origin {
        Origin::Tuple(scheme, host, port) if matches!(url.scheme(), "https" | "http") => {
            url.scheme() == scheme
                && url.port_or_known_default() == Some(*port)
                && url.host().is_some_and(|of_url| match (host, of_url) {
                    (Host::Domain(host), Host::Domain(of_url)) => host == of_url,
                    (Host::Ipv4(host), Host::Ipv4(of_url)) => *host == of_url,
                    (Host::Ipv6(host), Host::Ipv6(of_url)) => *host == of_url,
                    _ => false,
                })
        }
        origin => *origin == url.origin(),
    }
}

/// 127.0.0.0/8, ::1 and the name `localhost`.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn a_token_goes_only_to_an_origin_that_is_listed() {
        let mut origins = Origins::new(false);
        origins.allow("base_url", &url("https://api.example.com/v1")).expect("https");
        assert!(origins.check(&url("https://api.example.com/other")).is_ok());
        assert!(origins.check(&url("https://api.example.com:443/")).is_ok());
        for other in [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.example/",
            "https://evil.example/",
            "https://api.example.com@evil.example/",
        ] {
            assert!(matches!(origins.check(&url(other)), Err(Error::OriginNotAllowed { .. })), "{other}");
        }
    }

    #[test]
    fn an_origin_is_recognised_as_it_would_be_made() {
        let urls = [
            "https://api.example.com/v1",
            "https://api.example.com:443/",
            "https://api.example.com:8443/",
            "http://api.example.com/",
            "http://api.example.com:443/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::1]:8443/",
            "https://1.2.3.4/",
            "https://xn--bcher-kva.example/",
            "blob:https://api.example.com/1",
            "file:///etc/passwd",
            "data:,hello",
        ]
        .map(url);
        for one in &urls {
            let origin = one.origin();
            for other in &urls {
                assert_eq!(is_origin_of(&origin, other), origin == other.origin(), "{one} and {other}");
            }
        }
    }

    #[test]
    fn without_tls_only_loopback_is_spoken_to_and_only_when_allowed() {
        let (strict, lenient) = (Origins::new(false), Origins::new(true));
        for loopback in ["http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]:1/", "http://localhost/"] {
            assert!(strict.check_scheme("base_url", &url(loopback)).is_err(), "{loopback}");
            assert!(lenient.check_scheme("base_url", &url(loopback)).is_ok(), "{loopback}");
        }
        for remote in
            ["http://example.com/", "http://10.0.2.2/", "http://localhost.evil.example/", "ftp://127.0.0.1/"]
        {
            assert!(lenient.check_scheme("base_url", &url(remote)).is_err(), "{remote}");
        }
    }
}
