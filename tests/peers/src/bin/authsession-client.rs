//! The library as a driven client: `authsession-client authsession ARGUMENTS-JSON`. `tests/peers/README.md` has the
//! protocol.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use auth_session::{AuthSession, JsonDialect, Method, SessionConfig, SessionState};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};

const NAME: &str = "authsession";

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
    Cancel {
        of: u64,
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

/// The requests that have begun, by the command that began them.
type UnderWay = Mutex<HashMap<u64, Vec<AbortHandle>>>;

struct Client {
    session: AuthSession,
    under_way: UnderWay,
}

impl Client {
    async fn start(arguments: Arguments) -> Result<Self, String> {
        let root_certificate = match &arguments.root_certificate {
            Some(path) => Some(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?),
            None => None,
        };
        let mut config = SessionConfig::new(&arguments.api_url)
            .map_err(|error| error.to_string())?
            .allow_loopback(true)
            .dialect(JsonDialect::new(arguments.login_url, arguments.refresh_url, arguments.logout_url));
        if let Some(certificate) = root_certificate {
            config = config.trust_development_anchor(certificate);
        }
        let session = AuthSession::open(config).await.map_err(|error| error.to_string())?;
        Ok(Self { session, under_way: UnderWay::default() })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<u64, Vec<AbortHandle>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request with its body read; whether it was answered with a success.
    async fn get(&self, path: &str) -> bool {
        self.session.get(path).send().await.is_ok_and(|response| response.status().is_success())
    }
}

/// Carries out the command of this `id`; what comes of it goes to `answers`, without the `id`.
async fn obey(id: u64, command: Command, client: &Arc<Client>, answers: &impl Fn(Value)) {
    let session = &client.session;
    let done = |result: Result<(), String>| match result {
        Ok(()) => json!({"done": true}),
        Err(error) => json!({"error": error}),
    };
    match command {
        Command::SignIn { email, password } => {
            let credentials = json!({"email": email, "password": password});
            answers(done(session.sign_in(credentials).await.map(drop).map_err(|error| error.to_string())));
        }
        Command::Requests { path, method, body, count } => {
            let Ok(method) = Method::from_bytes(method.as_bytes()) else {
                (0..count).for_each(|_| answers(json!({"error": "not a method"})));
                return;
            };
            let mut requests = JoinSet::new();
            let begin = |_| {
                let mut request = session.request(method.clone(), &path);
                if let Some(body) = &body {
                    request = request.body(body.clone());
                }
                requests.spawn(request.send())
            };
            let handles = (0..count).map(begin).collect();
            client.under_way().insert(id, handles);
            while let Some(outcome) = requests.join_next().await {
                answers(match outcome {
                    Ok(Ok(response)) => json!({"status": response.status().as_u16()}),
                    Ok(Err(error)) => json!({"error": error.code()}),
                    Err(error) if error.is_cancelled() => json!({"error": "cancelled"}),
                    Err(error) => json!({"error": error.to_string()}),
                });
            }
            client.under_way().remove(&id);
        }
        Command::Cancel { of } => {
            // Who no longer awaits a request drops it.
            client.under_way().get(&of).into_iter().flatten().for_each(AbortHandle::abort);
            answers(done(Ok(())));
        }
        Command::SignOut => answers(done(session.sign_out().await.map_err(|error| error.to_string()))),
        Command::NetworkChanged => {
            session.network_changed();
            answers(done(Ok(())));
        }
        Command::State => {
            let signed_in = !matches!(session.state(), SessionState::SignedOut { .. });
            answers(json!({"signed_in": signed_in}));
        }
        Command::Load(load) => answers(run_load(load, client).await),
        Command::Unknown => answers(json!({"error": "unknown command"})),
    }
}

async fn run_load(load: Load, client: &Arc<Client>) -> Value {
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
    client: &Arc<Client>,
    path: &Arc<str>,
    concurrency: usize,
    requests: usize,
) -> (usize, Vec<Duration>) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..concurrency.max(1) {
        let (client, path, next) = (Arc::clone(client), Arc::clone(path), Arc::clone(&next));
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
    let client = Arc::new(client);
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Line { id, command } = match serde_json::from_str(&line) {
            Ok(line) => line,
            Err(error) => {
                let _ = output.send(json!({"error": format!("not a command: {error}")}));
                continue;
            }
        };
        let (client, output) = (Arc::clone(&client), output.clone());
        tokio::spawn(async move {
            let answers = |mut answer: Value| {
                answer["id"] = json!(id);
                // Nobody is left to be told when the output is closed.
                let _ = output.send(answer);
            };
            obey(id, command, &client, &answers).await;
        });
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let arguments = match given.as_slice() {
        [name, arguments] if name == NAME => arguments,
        _ => {
            eprintln!("usage: authsession-client {NAME} ARGUMENTS-JSON");
            return ExitCode::from(2);
        }
    };
    let started = match serde_json::from_str(arguments) {
        Ok(arguments) => Client::start(arguments).await,
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
    let versions = json!({"auth-session": env!("CARGO_PKG_VERSION")});
    let _ = output.send(json!({"ready": true, "client": NAME, "versions": versions}));
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
