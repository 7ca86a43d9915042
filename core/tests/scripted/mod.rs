//! A server that answers, byte for byte, what a test says, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, VecDeque<Vec<u8>>>,
    asked: HashMap<String, Vec<Asked>>,
}

/// The server. It closes each connection after one answer.
pub(crate) struct Scripted {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    changed: watch::Receiver<()>,
}

impl Scripted {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", socket.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = Arc::clone(&script);
        let (sender, changed) = watch::channel(());
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), sender.clone()));
            }
        });
        Self { url, script, changed }
    }

    /// Adds an answer for a path. The last one is given for ever; a path without one answers 404.
    pub(crate) fn answer(&self, path: &str, status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) {
        self.answer_cut(path, status, headers, body, 0);
    }

    /// Adds an answer that announces this many bytes more than come.
    pub(crate) fn answer_cut(
        &self,
        path: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
        missing: usize,
    ) {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 {status} X\r\n");
        if status != 204 {
            bytes += &format!("content-length: {}\r\n", body.len() + missing);
        }
        for (name, value) in headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        bytes += "connection: close\r\n\r\n";
        let bytes = [bytes.as_bytes(), body].concat();
        self.script().answers.entry(path.to_owned()).or_default().push_back(bytes);
    }

    /// What was asked of a path, in order.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.script().asked.get(path).cloned().unwrap_or_default()
    }

    /// What was asked of a path, once that is so many requests.
    pub(crate) async fn when_asked(&self, path: &str, times: usize) -> Vec<Asked> {
        let mut changed = self.changed.clone();
        let asked = changed.wait_for(|()| self.asked(path).len() >= times);
        timeout(PATIENCE, asked).await.expect("it is asked in time").expect("the server is there");
        self.asked(path)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic")
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>, changed: watch::Sender<()>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut start = line.split(' ');
    let (method, path) = (start.next()?.to_owned(), start.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let answer = {
        let mut script = script.lock().expect("no panic");
        let body = String::from_utf8_lossy(&body).into_owned();
        script.asked.entry(path.clone()).or_default().push(Asked { method, headers, body });
        match script.answers.get_mut(&path) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        }
    };
    changed.send_replace(());
    let answer = answer.unwrap_or_else(|| b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n".to_vec());
    // A client that has heard enough goes away.
    stream.write_all(&answer).await.ok()?;
    stream.shutdown().await.ok()
}

/// A JWT with this payload, and no signature.
pub(crate) fn unsigned_jwt(payload: &[u8]) -> String {
    format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(payload))
}

/// RFC 4648 section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .enumerate()
            .fold(0, |bits, (place, byte)| bits | (u32::from(*byte) << (16 - 8 * place)));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
