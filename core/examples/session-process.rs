//! A session in a process of its own, for tests that stop and kill it. It opens a session on a [`FileStore`]
//! and does what it is told by JSON lines on its standard input, each of them at once; what comes of it goes
//! out as JSON lines. See `core/tests/support/process.rs`.

use std::sync::Arc;
use std::time::Duration;

use auth_session::{
    Additions, AuthSession, Error, FaultyStore, FileStore, JsonDialect, SessionConfig, SessionState,
    StoreFault, StoreOperation, Tokens,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::Mutex;

/// For ever, as seen by a test.
const PATIENCE: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Arguments {
    base_url: String,
    directory: String,
    timeout_ms: u64,
    #[serde(default)]
    read_only: bool,
    #[serde(default = "yes")]
    allow_loopback: bool,
    /// What the server is to know its refresh requests by.
    client: Option<String>,
}

/// A line of standard input. The answer has the same `id`.
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
        email: Option<String>,
    },
    /// Tokens of an earlier version of the app.
    Import {
        access_token: String,
        refresh_token: String,
    },
    /// So many requests at once.
    Get {
        path: String,
        #[serde(default = "once")]
        times: usize,
    },
    /// A request that tells who is signed in.
    Me,
    /// Everything that may be shown of the session.
    Show,
    SignOut,
    Adopt,
    Resume,
    State,
    /// The next operation of this kind hangs, before or after it takes effect; the answer comes when it does.
    Hang {
        operation: String,
        after: bool,
    },
    /// What hangs goes on.
    Release,
}

fn once() -> usize {
    1
}

fn yes() -> bool {
    true
}

type Store = Arc<FaultyStore<FileStore>>;

#[tokio::main]
async fn main() {
    let arguments = std::env::args().nth(1).expect("one argument");
    let arguments: Arguments = serde_json::from_str(&arguments).expect("a JSON object");
    let store: Store = Arc::new(FaultyStore::new(FileStore::new(arguments.directory)));
    let refresh = match arguments.client {
        Some(client) => Additions::new().header("X-Client", client),
        None => Additions::new(),
    };
    let config = SessionConfig::new(&arguments.base_url)
        .expect("a URL")
        .dialect(JsonDialect::default().refresh(refresh))
        .allow_loopback(arguments.allow_loopback)
        .request_timeout(Duration::from_millis(arguments.timeout_ms))
        .read_only(arguments.read_only)
        .store(Arc::clone(&store));
    let session = AuthSession::open(config).await.expect("a session");
    let output = Arc::new(Mutex::new(stdout()));
    say(&output, state(&session)).await;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        let Line { id, command } = serde_json::from_str(&line).expect("a command");
        let (session, store, output) = (session.clone(), Arc::clone(&store), Arc::clone(&output));
        // The script is set before the next command is read.
        if let Command::Hang { operation, after } = &command {
            let fault = if *after { StoreFault::HangAfter } else { StoreFault::Hang };
            store.script(named(operation), fault, 1);
        }
        tokio::spawn(async move {
            let mut answer = obey(command, &session, store).await;
            answer["id"] = json!(id);
            say(&output, answer).await;
        });
    }
}

async fn obey(command: Command, session: &AuthSession, store: Store) -> Value {
    let done = |result: Result<(), Error>| match result {
        Ok(()) => json!({}),
        Err(error) => json!({"error": error.code()}),
    };
    match command {
        Command::SignIn { email } => {
            let password = if email.is_some() { "battery staple" } else { "correct horse" };
            let email = email.as_deref().unwrap_or("ada@example.com");
            done(session.sign_in(json!({"email": email, "password": password})).await.map(|_| ()))
        }
        Command::Import { access_token, refresh_token } => {
            match session.import(Tokens::new(access_token).refresh_token(refresh_token)).await {
                Ok(imported) => json!({"imported": imported}),
                Err(error) => json!({"error": error.code()}),
            }
        }
        Command::Get { path, times: 1 } => get(session, &path).await,
        Command::Get { path, times } => {
            let requests: Vec<_> = (0..times)
                .map(|_| {
                    let (session, path) = (session.clone(), path.clone());
                    tokio::spawn(async move { get(&session, &path).await })
                })
                .collect();
            let mut answers: Vec<Value> = Vec::new();
            let mut counts: Vec<usize> = Vec::new();
            for request in requests {
                let answer = request.await.expect("no panic");
                match answers.iter().position(|known| *known == answer) {
                    Some(known) => counts[known] += 1,
                    None => {
                        answers.push(answer);
                        counts.push(1);
                    }
                }
            }
            json!({"answers": answers, "counts": counts})
        }
        Command::Me => match session.get("/me").send().await {
            Ok(answer) => json!({
                "status": answer.status().as_u16(),
                "disposition": answer.disposition().name(),
                "user": answer.json::<Value>().ok().map(|me| me["id"].clone()),
            }),
            Err(error) => json!({"error": error.code()}),
        },
        Command::Show => {
            json!({"session": format!("{session:?} {:?}", session.state()), "trace": session.trace()})
        }
        Command::SignOut => done(session.sign_out().await),
        Command::Adopt => done(session.adopt(Tokens::new("adopted")).await),
        Command::Resume => {
            let mut events = session.events();
            session.resume();
            match events.next().await {
                Some(event) => json!({"event": event.name(), "state": state(session)}),
                None => json!({}),
            }
        }
        Command::State => state(session),
        Command::Hang { operation, .. } => {
            let hanging = move || store.await_hanging(named(&operation), PATIENCE);
            let hangs = tokio::task::spawn_blocking(hanging).await.expect("no panic");
            json!({"hangs": hangs})
        }
        Command::Release => {
            store.release();
            json!({})
        }
    }
}

async fn get(session: &AuthSession, path: &str) -> Value {
    match session.get(path).send().await {
        Ok(answer) => {
            json!({"status": answer.status().as_u16(), "disposition": answer.disposition().name()})
        }
        Err(error) => json!({"error": error.code()}),
    }
}

fn named(operation: &str) -> StoreOperation {
    match operation {
        "load" => StoreOperation::Load,
        "save" => StoreOperation::Save,
        "erase" => StoreOperation::Erase,
        "lease" => StoreOperation::Lease,
        _ => panic!("there is no operation {operation}"),
    }
}

fn state(session: &AuthSession) -> Value {
    match session.state() {
        SessionState::SignedOut { reason } => json!({"state": "signed_out", "reason": reason.name()}),
        state => json!({"state": state.name()}),
    }
}

async fn say(output: &Mutex<tokio::io::Stdout>, answer: Value) {
    let mut output = output.lock().await;
    output.write_all(format!("{answer}\n").as_bytes()).await.expect("the test reads");
    output.flush().await.expect("the test reads");
}
