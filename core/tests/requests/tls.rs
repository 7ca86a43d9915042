//! Who is trusted, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use auth_session::{AuthSession, Error, NetworkFailure, PinSet, RetryPolicy, SessionConfig, SessionState};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{Reply, Server, signed_in};

/// A certification authority that only these tests trust.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn leaf(
        &self,
        key: &KeyPair,
        name: &str,
        expired: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        if expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key of the certificate")
    }

    async fn server(&self, key: &KeyPair, name: &str, expired: bool) -> Server {
        let config = self.leaf(key, name, expired, &[&version::TLS13, &version::TLS12]);
        Server::start_tls(TlsAcceptor::from(Arc::new(config)), |_| Reply::new(200)).await
    }

    fn trusted(&self, config: SessionConfig) -> SessionConfig {
        config.trust_development_anchor(self.certificate.clone()).retry_policy(RetryPolicy::never())
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn pin(key: &KeyPair) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info());
    STANDARD.encode(digest)
}

async fn answer(config: SessionConfig) -> Result<u16, Error> {
    let session = signed_in(config).await;
    session.get("/").send().await.map(|response| response.status().as_u16())
}

#[tokio::test]
async fn a_certificate_of_a_trusted_anchor_is_accepted_and_the_platform_does_not_know_it() {
    let (ca, key) = (Ca::new(), key());
    let server = ca.server(&key, "127.0.0.1", false).await;
    assert_eq!(answer(ca.trusted(server.config())).await, Ok(200));
    let unknown = Err(Error::Network(NetworkFailure::CertificateNotTrusted));
    assert!(!Error::Network(NetworkFailure::CertificateNotTrusted).is_retryable());
    assert_eq!(answer(server.config()).await, unknown);
    assert_eq!(answer(Ca::new().trusted(server.config())).await, unknown);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_another_host_or_one_that_has_expired_is_refused_and_nothing_is_sent() {
    let (ca, key) = (Ca::new(), key());
    for (name, expired) in [("other.example", false), ("127.0.0.2", false), ("127.0.0.1", true)] {
        let server = ca.server(&key, name, expired).await;
        let refused = Err(Error::Network(NetworkFailure::CertificateNotTrusted));
        assert_eq!(answer(ca.trusted(server.config())).await, refused, "{name} {expired}");
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_pinned_key_or_its_backup_is_accepted_and_any_other_is_refused_and_nothing_is_sent() {
    let (ca, key, other) = (Ca::new(), key(), key());
    let server = ca.server(&key, "127.0.0.1", false).await;
    let with = |pins| answer(ca.trusted(server.config()).pin(pins));
    assert_eq!(with(PinSet::new("127.0.0.1").pin(pin(&key))).await, Ok(200));
    assert_eq!(with(PinSet::new("127.0.0.1").pin(pin(&other)).pin(pin(&key))).await, Ok(200));
    assert_eq!(with(PinSet::new("api.example.com").pin(pin(&other))).await, Ok(200));
    let sent = server.requests().len();
    let mismatch = Err(Error::Network(NetworkFailure::PinMismatch));
    assert_eq!(with(PinSet::new("127.0.0.1").pin(pin(&other))).await, mismatch);
    assert_eq!(server.requests().len(), sent);
}

#[tokio::test]
async fn an_account_that_is_open_cannot_be_opened_with_other_pins() {
    let store = Arc::new(auth_session::InMemoryStore::new());
    let open = |pins: PinSet| {
        let config = SessionConfig::new("https://api.example.com").expect("a URL").store(Arc::clone(&store));
        AuthSession::open(config.pin(pins))
    };
    let (key, other) = (key(), key());
    let _session = open(PinSet::new("api.example.com").pin(pin(&key))).await.expect("a session");
    open(PinSet::new("api.example.com").pin(pin(&key))).await.expect("the same session");
    let error = open(PinSet::new("api.example.com").pin(pin(&other))).await.expect_err("other pins");
    assert_eq!(error, Error::AlreadyOpen { field: "pins" });
}

#[tokio::test]
async fn pins_that_have_expired_do_not_count() {
    let (ca, key, other) = (Ca::new(), key(), key());
    let server = ca.server(&key, "127.0.0.1", false).await;
    let with = |expiry| {
        answer(ca.trusted(server.config()).pin(PinSet::new("127.0.0.1").pin(pin(&other)).expires_at(expiry)))
    };
    assert_eq!(with(SystemTime::now() - Duration::from_secs(1)).await, Ok(200));
    let mismatch = Err(Error::Network(NetworkFailure::PinMismatch));
    assert_eq!(with(SystemTime::now() + Duration::from_secs(3600)).await, mismatch);
}

#[tokio::test]
async fn a_pinned_key_does_not_make_a_certificate_trusted() {
    let (ca, key) = (Ca::new(), key());
    let server = ca.server(&key, "127.0.0.1", false).await;
    let pinned = server.config().pin(PinSet::new("127.0.0.1").pin(pin(&key)));
    assert_eq!(answer(pinned).await, Err(Error::Network(NetworkFailure::CertificateNotTrusted)));
}

#[tokio::test]
async fn neither_credentials_nor_the_refresh_token_are_sent_to_a_server_with_another_key() {
    let (ca, key, other) = (Ca::new(), key(), key());
    let server = ca.server(&key, "127.0.0.1", false).await;
    let config = ca.trusted(server.config()).pin(PinSet::new("127.0.0.1").pin(pin(&other)));
    let session = AuthSession::open(config).await.expect("a session");
    let error = session.sign_in(serde_json::json!({"password": "canary"})).await.expect_err("not sent");
    assert_eq!(error, Error::Network(NetworkFailure::PinMismatch));
    session.adopt(auth_session::Tokens::from_refresh_token("r1")).await.expect("header-safe tokens");
    assert_eq!(session.get("/").send().await.expect_err("no token").code(), "refresh_unavailable");
    assert_eq!((server.refreshes(), server.requests().len()), (0, 0));
    assert!(matches!(session.state(), SessionState::SignedIn { .. }), "it ends no session");
}

#[tokio::test]
async fn tls_1_2_is_spoken() {
    let (ca, key) = (Ca::new(), key());
    let config = ca.leaf(&key, "127.0.0.1", false, &[&version::TLS12]);
    let server = Server::start_tls(TlsAcceptor::from(Arc::new(config)), |_| Reply::new(200)).await;
    assert_eq!(answer(ca.trusted(server.config())).await, Ok(200));
}

#[tokio::test]
async fn tls_1_1_is_not_spoken() {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", socket.local_addr().expect("an address"));
    let config = SessionConfig::new(&url).expect("a URL").retry_policy(RetryPolicy::never());
    let request = tokio::spawn(answer(config));
    let (mut stream, _) = socket.accept().await.expect("a client");
    let mut hello = [0_u8; 5];
    stream.read_exact(&mut hello).await.expect("a record");
    let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
    stream.read_exact(&mut rest).await.expect("a hello");
    // A ServerHello that chooses TLS 1.1 (RFC 4346 section 7.4.1.3).
    let mut server_hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    server_hello.extend([7; 32]);
    server_hello.extend([0, 0xc0, 0x2f, 0]);
    stream.write_all(&server_hello).await.expect("a client");
    let mut alert = Vec::new();
    // The client may reset the connection after its alert.
    let _ = stream.read_to_end(&mut alert).await;
    // Alert, fatal, protocol_version.
    assert_eq!((alert[0], &alert[5..7]), (21, &[2, 70][..]));
    assert_eq!(request.await.expect("no panic"), Err(Error::Network(NetworkFailure::NotConnected)));
}

#[tokio::test]
async fn a_redirect_to_another_origin_takes_nothing_of_the_user_or_the_app_along() {
    let (ca, key) = (Ca::new(), key());
    let other = ca.server(&key, "127.0.0.1", false).await;
    let target = format!("{}/file?signature=x", other.url);
    let config = ca.leaf(&key, "127.0.0.1", false, &[&version::TLS13]);
    let server =
        Server::start_tls(TlsAcceptor::from(Arc::new(config)), move |seen| match seen.target.as_str() {
            "/repeat" => Reply::to(307, &target),
            _ => Reply::to(303, &target),
        })
        .await;
    let session = signed_in(ca.trusted(server.config())).await;
    let request = session.post("/").header("x-app", "1").header("cookie", "a=b").text("body");
    let response = request.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.url().query()), (200, Some("signature=x")));
    let seen = other.requests();
    assert_eq!((seen.len(), seen[0].method.as_str(), seen[0].text()), (1, "GET", ""));
    for name in ["authorization", "cookie", "x-app", "content-type", "referer"] {
        assert_eq!(seen[0].header(name), None, "{name}");
    }
    // A body does not go elsewhere, nor does a method that changes something.
    let response = session.post("/repeat").text("body").send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), response.disposition()),
        (307, auth_session::Disposition::RedirectRefused)
    );
    assert_eq!(other.requests().len(), 1);
}

/// A server that offers HTTP/2 alone, and the settings of a session that trusts it.
async fn speaking_http_2() -> (TlsAcceptor, TcpListener, SessionConfig) {
    let (ca, key) = (Ca::new(), key());
    let mut config = ca.leaf(&key, "127.0.0.1", false, &[&version::TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", socket.local_addr().expect("an address"));
    let trusting = SessionConfig::new(&url).expect("a URL").trust_development_anchor(ca.certificate.clone());
    (TlsAcceptor::from(Arc::new(config)), socket, trusting)
}

#[tokio::test]
async fn a_post_that_the_server_refused_to_look_at_is_sent_again_over_http_2() {
    let (acceptor, socket, config) = speaking_http_2().await;
    tokio::spawn(async move {
        let (stream, _) = socket.accept().await.expect("a client");
        let stream = acceptor.accept(stream).await.expect("TLS");
        let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
        let mut refused = false;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            if std::mem::replace(&mut refused, true) {
                respond.send_response(http::Response::new(()), true).expect("a client");
            } else {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            }
        }
    });
    let session = signed_in(config).await;
    assert_eq!(session.post("/").text("x").send().await.expect("an answer").status(), 200);
}

/// What a server of HTTP/2 has read of a request (RFC 9113 section 6).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Read {
    Body = 0,
    Head = 1,
}

/// Speaks HTTP/2 until it has read so much of a request, and says goodbye to all streams above this one (RFC 9113 section
/// 6.8).
async fn say_goodbye(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), read: Read, last: u32) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.expect("a preface");
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("settings");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.expect("a payload");
        if head[3] == read as u8 {
            const END_STREAM: u8 = 1;
            assert!(read == Read::Head || head[4] & END_STREAM != 0, "an empty frame follows the body");
            break;
        }
    }
    let goaway = [&[0, 0, 8, 7, 0, 0, 0, 0, 0][..], &last.to_be_bytes(), &[0; 4]].concat();
    stream.write_all(&goaway).await.expect("a client");
    stream.flush().await.expect("a client");
}

/// Sends a POST with this body to a server that says goodbye, and answers on the next connection. Gives what became of it and how many
/// requests came over that.
async fn post_to_one_that_says_goodbye(
    body: &'static str,
    read: Read,
    last: u32,
) -> (Result<u16, Error>, usize) {
    let (acceptor, socket, config) = speaking_http_2().await;
    let repeated = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&repeated);
    tokio::spawn(async move {
        let (stream, _) = socket.accept().await.expect("a client");
        let mut first = acceptor.accept(stream).await.expect("TLS");
        say_goodbye(&mut first, read, last).await;
        // The stream that is covered will have no answer: the server may have acted all the same.
        let _open = if last == 0 { Some(first) } else { first.shutdown().await.map(|()| None).expect("TLS") };
        let (stream, _) = socket.accept().await.expect("a client");
        let stream = acceptor.accept(stream).await.expect("TLS");
        let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            respond.send_response(http::Response::new(()), true).expect("a client");
        }
    });
    let session = signed_in(config).await;
    let outcome = session.post("/").body(body).send().await.map(|response| response.status().as_u16());
    (outcome, repeated.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_post_that_a_goaway_does_not_cover_is_sent_again_and_one_that_it_covers_is_not() {
    assert_eq!(post_to_one_that_says_goodbye("x", Read::Body, 0).await, (Ok(200), 1));
    let broken = Err(Error::Network(NetworkFailure::Broken));
    assert_eq!(post_to_one_that_says_goodbye("x", Read::Body, 1).await, (broken, 0));
}

#[tokio::test]
async fn a_post_without_a_body_is_not_sent_again_after_a_goaway() {
    for last in [0, 1] {
        let outcome = post_to_one_that_says_goodbye("", Read::Head, last).await;
        assert_eq!(outcome, (Err(Error::Network(NetworkFailure::Broken)), 0), "{last}");
    }
}

/// Where the goodbye comes before the client has gone on to the body, hyper gives the same error whether the stream is
/// covered or not: many tries, one more at once than the library has threads, since it is a matter of which is quicker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_a_goaway_covers_is_not_sent_again_however_early_it_comes() {
    for number in 0..100 {
        let tries = (0..3).map(|_| tokio::spawn(post_to_one_that_says_goodbye("x", Read::Head, 1)));
        for one in tries.collect::<Vec<_>>() {
            let outcome = one.await.expect("no panic");
            assert_eq!(outcome, (Err(Error::Network(NetworkFailure::Broken)), 0), "{number}");
        }
    }
}

#[tokio::test]
async fn wrong_pins_and_anchors_are_refused_and_named() {
    let base = || SessionConfig::new("https://api.example.com").expect("a URL");
    for (config, name) in [
        (base().pin(PinSet::new("api.example.com").pin("AAAA")), "pins"),
        (base().pin(PinSet::new("api.example.com")), "pins"),
        (base().trust_development_anchor("-----BEGIN CERTIFICATE-----"), "development_anchors"),
        (base().trust_development_anchor(*b"nonsense"), "development_anchors"),
    ] {
        let error = AuthSession::open(config).await.expect_err("a wrong setting");
        assert!(
            matches!(error, Error::InvalidConfiguration { field, .. } if field == name),
            "{name}: {error}"
        );
    }
}
