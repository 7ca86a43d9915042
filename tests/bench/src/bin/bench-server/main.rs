//! `bench-server [--core N] [--certificate FILE]`: a token endpoint and a small API that do as little as they can, so
//! that what is measured is the client. Prints where it listens, obeys commands on standard input, and ends with it.
//!
//! It has one thread, and one core of its own where it is given one.

mod control;
mod service;
mod tls;
mod tokens;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lexopt::prelude::*;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use service::answer;
use tokens::Realm;

/// What a server of many streams allows at once: what is common (RFC 9113 section 6.5.2 recommends no fewer than 100).
const MOST_STREAMS: u32 = 256;
/// After a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(10);

struct Arguments {
    core: Option<usize>,
    certificate: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    let mut arguments = Arguments { core: None, certificate: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("core") => arguments.core = Some(parser.value()?.parse()?),
            Long("certificate") => arguments.certificate = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(mistake) => {
            eprintln!("{mistake}\nusage: bench-server [--core N] [--certificate FILE]");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(core) = arguments.core {
        bench::placement::pin_to(core)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let realm = Arc::new(Realm::default());
        let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut announcement = json!({"http": format!("http://{}", plain.local_addr()?)});
        tokio::spawn(serve(plain, Arc::clone(&realm)));
        if let Some(path) = arguments.certificate {
            let acceptor = tls::acceptor(&path)?;
            let secure = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            announcement["https"] = format!("https://localhost:{}", secure.local_addr()?.port()).into();
            tokio::spawn(serve_tls(secure, acceptor, Arc::clone(&realm)));
        }
        control::obey(&realm, &announcement).await?;
        Ok(())
    })
}

/// The next connection. A client that is gone again, or a lack of descriptors, is no reason to stop.
async fn accepted(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(_) => {
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

async fn serve(listener: TcpListener, realm: Arc<Realm>) {
    loop {
        let Some(stream) = accepted(&listener).await else { continue };
        let realm = Arc::clone(&realm);
        tokio::spawn(async move {
            // Small answers must not wait for an acknowledgement of the last one.
            if stream.set_nodelay(true).is_ok() {
                let service = service_fn(move |request| answer(Arc::clone(&realm), request));
                // A client that goes away ends its connection, and that is all.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}

async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor, realm: Arc<Realm>) {
    loop {
        let Some(stream) = accepted(&listener).await else { continue };
        let (realm, acceptor) = (Arc::clone(&realm), acceptor.clone());
        tokio::spawn(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let second = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request| answer(Arc::clone(&realm), request));
            let stream = TokioIo::new(stream);
            if second {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.max_concurrent_streams(MOST_STREAMS);
                let _ = builder.serve_connection(stream, service).await;
            } else {
                let _ = http1::Builder::new().serve_connection(stream, service).await;
            }
        });
    }
}
