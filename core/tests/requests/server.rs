//! An API that answers as a test says and remembers what it was asked, down to the connections.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use auth_session::{AuthSession, SessionConfig, Tokens};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer "))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// What comes back.
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The head at once, and the body piece by piece as it is sent here.
    Pieces(mpsc::UnboundedReceiver<Vec<u8>>),
    /// The connection ends without an answer.
    Reset,
    /// Comes when this is sent or dropped.
    Held(oneshot::Receiver<()>, Box<Reply>),
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }

    pub(crate) fn body(mut self, text: impl Into<Vec<u8>>) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = text.into();
        }
        self
    }

    pub(crate) fn to(status: u16, location: &str) -> Self {
        Self::new(status).header("location", location)
    }
}

/// Lets a test say when a server answers.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<Vec<oneshot::Sender<()>>>>, Arc<Notify>);

impl Gate {
    pub(crate) fn hold(&self, reply: Reply) -> Reply {
        let (release, released) = oneshot::channel();
        self.0.lock().expect("no panic").push(release);
        self.1.notify_one();
        Reply::Held(released, Box::new(reply))
    }

    /// Returns when so many requests are held.
    pub(crate) async fn holds(&self, count: usize) {
        while self.0.lock().expect("no panic").len() < count {
            self.1.notified().await;
        }
    }

    pub(crate) fn release(&self) {
        self.0.lock().expect("no panic").clear();
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
}

impl Server {
    /// Refreshes are answered with `t2` and so on; everything else goes to the handler.
    pub(crate) async fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::launch("http", None, Arc::new(handler)).await
    }

    pub(crate) async fn start_tls(
        acceptor: TlsAcceptor,
        handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::launch("https", Some(acceptor), Arc::new(handler)).await
    }

    async fn launch(scheme: &str, acceptor: Option<TlsAcceptor>, handler: Arc<Handler>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            url: format!("{scheme}://{}", socket.local_addr().expect("an address")),
            seen: Arc::default(),
            open: Arc::default(),
            most_open: Arc::default(),
        };
        let (serving, refreshes) = (server.clone(), Arc::new(AtomicUsize::new(1)));
        let answer: Arc<Handler> = Arc::new(move |seen| {
            if seen.target != "/auth/refresh" {
                return handler(seen);
            }
            let number = refreshes.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::new(200).body(format!(r#"{{"access_token":"t{number}","refresh_token":"r{number}"}}"#))
        });
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = socket.accept().await else { continue };
                let (server, answer, acceptor) = (serving.clone(), Arc::clone(&answer), acceptor.clone());
                tokio::spawn(async move {
                    let open = server.open.fetch_add(1, Ordering::SeqCst) + 1;
                    server.most_open.fetch_max(open, Ordering::SeqCst);
                    // A client that goes away is no concern of the server's.
                    let _ = match acceptor {
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => server.serve(stream, &*answer).await,
                            Err(error) => Err(error),
                        },
                        None => {
                            let _ = stream.set_zero_linger();
                            server.serve(stream, &*answer).await
                        }
                    };
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    async fn serve(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        answer: &Handler,
    ) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let Some(seen) = read(&mut stream, &mut buffer).await? else { return Ok(()) };
            self.seen.lock().expect("no panic").push(seen.clone());
            let mut reply = answer(&seen);
            while let Reply::Held(released, held) = reply {
                // A sender that is gone releases as well.
                let _ = released.await;
                reply = *held;
            }
            match reply {
                Reply::Held(..) => unreachable!("it was released"),
                Reply::Reset => return Ok(()),
                Reply::Answer { status, headers, body } => {
                    let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
                    for (name, value) in headers {
                        head += &format!("{name}: {value}\r\n");
                    }
                    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
                    stream.write_all(&body).await?;
                }
                Reply::Pieces(mut pieces) => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                    while let Some(piece) = pieces.recv().await {
                        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                        stream.write_all(&[&piece, &b"\r\n"[..]].concat()).await?;
                    }
                    stream.write_all(b"0\r\n\r\n").await?;
                }
            }
            stream.flush().await?;
        }
    }

    /// What has arrived, refreshes left out.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().filter(|seen| seen.target != "/auth/refresh").cloned().collect()
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.seen.lock().expect("no panic").iter().filter(|seen| seen.target == "/auth/refresh").count()
    }

    pub(crate) fn most_open_connections(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub(crate) fn config(&self) -> SessionConfig {
        SessionConfig::new(&self.url).expect("a URL").allow_loopback(true)
    }

    /// A session that is signed in with the access token `t1`.
    pub(crate) async fn session(&self) -> AuthSession {
        signed_in(self.config()).await
    }
}

pub(crate) async fn signed_in(config: SessionConfig) -> AuthSession {
    let session = AuthSession::open(config).await.expect("a session");
    session.adopt(Tokens::new("t1").refresh_token("r1")).await.expect("header-safe tokens");
    session
}

/// Accepts only this token, and says what RFC 6750 says to others.
pub(crate) fn guard(seen: &Seen, token: &str, answer: impl FnOnce() -> Reply) -> Reply {
    if seen.token() == Some(token) {
        answer()
    } else {
        Reply::new(401).header("www-authenticate", r#"Bearer error="invalid_token""#)
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<Option<Seen>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut seen = Seen { method, target, headers, body: Vec::new() };
    if let Some(length) = seen.header("content-length").and_then(|length| length.parse().ok()) {
        seen.body = exactly(stream, buffer, length).await?;
    } else if seen.header("transfer-encoding").is_some() {
        loop {
            let mut size = Vec::new();
            while !size.ends_with(b"\r\n") {
                size.extend(exactly(stream, buffer, 1).await?);
            }
            let size = String::from_utf8_lossy(&size);
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            seen.body.extend(exactly(stream, buffer, size).await?);
            exactly(stream, buffer, 2).await?;
            if size == 0 {
                break;
            }
        }
    }
    Ok(Some(seen))
}

async fn exactly(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.drain(..length).collect())
}
