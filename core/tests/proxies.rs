//! What a proxy that the system names sees of a session: in processes of their own, since it is named by the
//! environment.

#[path = "support/process.rs"]
mod process;

use std::path::Path;
use std::sync::{Arc, Mutex};

use process::{SessionProcess, answered, program, signed_in, start};
use serde_json::{Value, json};
use test_authority::RealmOptions;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

/// A proxy that lets nobody through without a password, and remembers what it was asked.
struct Proxy {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", socket.local_addr().expect("an address"));
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if stream.read_line(&mut head).await.expect("text") == 0 {
                        break;
                    }
                }
                seen.lock().expect("no panic").push(head);
                let refusal = b"HTTP/1.1 407 X\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n";
                // A client that has heard enough goes away.
                let _ = stream.write_all(refusal).await;
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }

    /// A session in a process whose system names this proxy for everything.
    async fn session(&self, base_url: &str, allow_loopback: bool, directory: &Path) -> SessionProcess {
        let mut command = Command::new(program());
        command.env_remove("NO_PROXY").env_remove("no_proxy");
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name.to_ascii_uppercase()).env(name, &self.url);
        }
        let arguments = json!({"base_url": base_url, "directory": directory, "timeout_ms": 60_000,
            "allow_loopback": allow_loopback});
        SessionProcess::run(command, arguments).await
    }
}

async fn state(process: &mut SessionProcess) -> Value {
    process.ask(json!({"do": "state"})).await
}

#[tokio::test]
async fn a_session_that_goes_without_tls_goes_through_no_proxy() {
    let (realm, proxy) = (start(RealmOptions::default()).await, Proxy::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = proxy.session(&realm.api_url(), true, folder.path()).await;
    assert_eq!(process.ask(json!({"do": "sign_in"})).await, json!({}));
    assert_eq!(process.get().await, answered());
    assert_eq!(proxy.heads(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_that_asks_for_a_password_gets_no_token_and_ends_no_session() {
    let proxy = Proxy::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = proxy.session("https://api.example.com", false, folder.path()).await;
    // The access token is `adopted`.
    assert_eq!(process.ask(json!({"do": "adopt"})).await, json!({}));
    assert_eq!(process.get().await, json!({"error": "network"}));
    assert_eq!(state(&mut process).await, signed_in());
    let heads = proxy.heads();
    assert!(!heads.is_empty());
    for head in heads {
        assert!(head.starts_with("CONNECT api.example.com:443 "), "{head}");
        assert!(!head.contains("adopted") && !head.to_ascii_lowercase().contains("authorization:"), "{head}");
    }
}
