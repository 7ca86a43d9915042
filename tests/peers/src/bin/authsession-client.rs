//! The library as a driven client: `authsession-client [NAME] ARGUMENTS-JSON`, where NAME is `authsession` (the default)
//! or `reqwest`, the HTTP client alone with a fixed token, for benchmarks. `tests/peers/README.md` has the protocol.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auth_session::{AuthSession, JsonDialect, Method, SessionConfig, SessionState};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    api_url: String,
    login_url: String,
    refresh_url: String,
    logout_url: String,
    /// The path of a PEM file.
    root_certificate: Option<String>,
}

/// A line of standard input. Its answers have the same `id`.
#[derive(Deserialize)]
struct Line {
    id: u64,
    #[serde(flatten)]
    command: Command,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Command {
    SignIn {
        email: String,
        password: String,
    },
    Requests {
        path: String,
        method: String,
        body: Option<String>,
        count: usize,
    },
    SignOut,
    NetworkChanged,
    State,
    Load(Load),
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Load {
    path: String,
    concurrency: usize,
    requests: usize,
    warmup: usize,
}

#[derive(Clone)]
enum Client {
    Session(AuthSession),
    Bare(Bare),
}

/// reqwest with the settings that the library gives it, and a token that never changes.
#[derive(Clone)]
struct Bare {
    http: reqwest::Client,
    api_url: Arc<str>,
    login_url: Arc<str>,
    token: Arc<std::sync::OnceLock<String>>,
}

impl Client {
    async fn start(name: &str, arguments: Arguments) -> Result<Self, String> {
        let root_certificate = match &arguments.root_certificate {
            Some(path) => Some(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?),
            None => None,
        };
        match name {
            "authsession" => {
                let mut config = SessionConfig::new(&arguments.api_url)
                    .map_err(|error| error.to_string())?
                    .allow_loopback(true)
                    .dialect(JsonDialect::new(
                        arguments.login_url,
                        arguments.refresh_url,
                        arguments.logout_url,
                    ));
                if let Some(certificate) = root_certificate {
                    config = config.trust_development_anchor(certificate);
                }
                AuthSession::open(config).await.map(Self::Session).map_err(|error| error.to_string())
            }
            "reqwest" => Ok(Self::Bare(Bare {
                http: bare_client(root_certificate.as_deref())?,
                api_url: arguments.api_url.into(),
                login_url: arguments.login_url.into(),
                token: Arc::default(),
            })),
            _ => Err(format!("there is no client {name}; there are authsession and reqwest")),
        }
    }

    fn versions(&self) -> Value {
        match self {
            Self::Session(_) => json!({"auth-session": env!("CARGO_PKG_VERSION")}),
            // The one that the workspace pins.
            Self::Bare(_) => json!({"reqwest": "0.13.5"}),
        }
    }

    /// One request with its body read; whether it was answered with a success.
    async fn get(&self, path: &str) -> bool {
        match self {
            Self::Session(session) => {
                session.get(path).send().await.is_ok_and(|response| response.status().is_success())
            }
            Self::Bare(bare) => bare.get(path).await,
        }
    }
}

impl Bare {
    async fn get(&self, path: &str) -> bool {
        let token = self.token.get().map_or("none", String::as_str);
        let request = self.http.get(format!("{}{path}", self.api_url)).bearer_auth(token);
        match request.send().await {
            Ok(response) => response.status().is_success() && response.bytes().await.is_ok(),
            Err(_) => false,
        }
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<(), String> {
        let credentials = json!({"email": email, "password": password}).to_string();
        let request =
            self.http.post(&*self.login_url).header("Content-Type", "application/json").body(credentials);
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let body = request.send().await.map_err(failed)?.bytes().await.map_err(failed)?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let token = answer["access_token"].as_str().ok_or("no access token in the answer")?;
        self.token.set(token.to_owned()).map_err(|_| "signed in already".to_owned())
    }
}

/// The settings of `core/src/transport.rs`.
fn bare_client(root_certificate: Option<&[u8]>) -> Result<reqwest::Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(certificate) = root_certificate {
        let certificate =
            CertificateDer::from_pem_slice(certificate).map_err(|error| format!("not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(30))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| error.without_url().to_string())
}

/// Carries out a command; what comes of it goes to `answers`, without the `id`.
async fn obey(command: Command, client: &Client, answers: &impl Fn(Value)) {
    let done = |result: Result<(), String>| match result {
        Ok(()) => json!({"done": true}),
        Err(error) => json!({"error": error}),
    };
    match (command, client) {
        (Command::SignIn { email, password }, Client::Session(session)) => {
            let credentials = json!({"email": email, "password": password});
            answers(done(session.sign_in(credentials).await.map(drop).map_err(|error| error.to_string())));
        }
        (Command::SignIn { email, password }, Client::Bare(bare)) => {
            answers(done(bare.sign_in(&email, &password).await));
        }
        (Command::Requests { path, method, body, count }, Client::Session(session)) => {
            let Ok(method) = Method::from_bytes(method.as_bytes()) else {
                (0..count).for_each(|_| answers(json!({"error": "not a method"})));
                return;
            };
            let mut requests = tokio::task::JoinSet::new();
            for _ in 0..count {
                let mut request = session.request(method.clone(), &path);
                if let Some(body) = &body {
                    request = request.body(body.clone());
                }
                requests.spawn(request.send());
            }
            while let Some(outcome) = requests.join_next().await {
                answers(match outcome {
                    Ok(Ok(response)) => json!({"status": response.status().as_u16()}),
                    Ok(Err(error)) => json!({"error": error.code()}),
                    Err(error) => json!({"error": error.to_string()}),
                });
            }
        }
        (Command::SignOut, Client::Session(session)) => {
            answers(done(session.sign_out().await.map_err(|error| error.to_string())));
        }
        (Command::NetworkChanged, Client::Session(session)) => {
            session.network_changed();
            answers(done(Ok(())));
        }
        (Command::State, Client::Session(session)) => {
            let signed_in = !matches!(session.state(), SessionState::SignedOut { .. });
            answers(json!({"signed_in": signed_in}));
        }
        (Command::Load(load), client) => answers(run_load(load, client).await),
        _ => answers(json!({"error": "unknown command"})),
    }
}

async fn run_load(load: Load, client: &Client) -> Value {
    let Load { path, concurrency, requests, warmup } = load;
    let path: Arc<str> = path.into();
    send_all(client, &path, concurrency, warmup).await;
    let start = Instant::now();
    let (failed, mut durations) = send_all(client, &path, concurrency, requests).await;
    let seconds = start.elapsed().as_secs_f64();
    durations.sort_unstable();
    let percentile = |part: f64| {
        let last = durations.len().saturating_sub(1);
        let index = ((durations.len() as f64 * part).ceil() as usize).saturating_sub(1).min(last);
        durations.get(index).map_or(0.0, |duration| duration.as_secs_f64() * 1e6)
    };
    json!({
        "requests": durations.len(), "failed": failed, "seconds": seconds,
        "p50_us": percentile(0.5), "p99_us": percentile(0.99), "max_us": percentile(1.0),
    })
}

/// So many requests from so many callers that each send one after the other: how many failed, and how long each took.
async fn send_all(
    client: &Client,
    path: &Arc<str>,
    concurrency: usize,
    requests: usize,
) -> (usize, Vec<Duration>) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..concurrency.max(1) {
        let (client, path, next) = (client.clone(), Arc::clone(path), Arc::clone(&next));
        callers.spawn(async move {
            let (mut failed, mut durations) = (0, Vec::with_capacity(requests / concurrency.max(1) + 1));
            while next.fetch_add(1, Ordering::Relaxed) < requests {
                let start = Instant::now();
                let succeeded = client.get(&path).await;
                durations.push(start.elapsed());
                failed += usize::from(!succeeded);
            }
            (failed, durations)
        });
    }
    let (mut failed, mut durations) = (0, Vec::with_capacity(requests));
    while let Some(caller) = callers.join_next().await {
        let (its_failed, its_durations) = caller.expect("a caller does not panic");
        failed += its_failed;
        durations.extend(its_durations);
    }
    (failed, durations)
}

async fn serve(client: Client, output: UnboundedSender<Value>) {
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Line { id, command } = match serde_json::from_str(&line) {
            Ok(line) => line,
            Err(error) => {
                let _ = output.send(json!({"error": format!("not a command: {error}")}));
                continue;
            }
        };
        let (client, output) = (client.clone(), output.clone());
        tokio::spawn(async move {
            let answers = |mut answer: Value| {
                answer["id"] = json!(id);
                // Nobody is left to be told when the output is closed.
                let _ = output.send(answer);
            };
            obey(command, &client, &answers).await;
        });
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let (name, arguments) = match given.as_slice() {
        [arguments] => ("authsession", arguments),
        [name, arguments] => (name.as_str(), arguments),
        _ => {
            eprintln!("usage: authsession-client [authsession | reqwest] ARGUMENTS-JSON");
            return ExitCode::from(2);
        }
    };
    let started = match serde_json::from_str(arguments) {
        Ok(arguments) => Client::start(name, arguments).await,
        Err(error) => Err(format!("the arguments: {error}")),
    };
    let client = match started {
        Ok(client) => client,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let (output, mut lines) = unbounded_channel();
    let _ = output.send(json!({"ready": true, "client": name, "versions": client.versions()}));
    // One task writes, so that every line is whole.
    tokio::spawn(async move {
        let mut out = stdout();
        while let Some(line) = lines.recv().await {
            if out.write_all(format!("{line}\n").as_bytes()).await.is_err() || out.flush().await.is_err() {
                return;
            }
        }
    });
    serve(client, output).await;
    ExitCode::SUCCESS
}
