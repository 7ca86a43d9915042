//! A client that reads bytes.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use test_authority::{Realm, RealmOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn realm() -> Realm {
    Realm::start(RealmOptions::default()).await.expect("a realm")
}

pub(crate) async fn tell(realm: &Realm, command: &str, arguments: Value) -> Value {
    realm.command(command, arguments).await.expect("the command is carried out")
}

pub(crate) fn address(url: &str) -> &str {
    url.strip_prefix("http://").expect("a plain URL")
}

pub(crate) async fn send(url: &str, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(url)).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a request is small");
    stream
}

pub(crate) fn get(url: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address(url))
}

pub(crate) fn post(url: &str, path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        address(url),
        body.len()
    )
}

/// What comes until the end, and how that is.
pub(crate) async fn receive(mut stream: TcpStream) -> (String, Result<(), ErrorKind>) {
    let mut bytes = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an end");
    (String::from_utf8_lossy(&bytes).into_owned(), end.map(|_| ()).map_err(|error| error.kind()))
}

pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head and a body").1
}
