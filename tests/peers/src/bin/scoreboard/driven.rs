//! A client in a process of its own, which is told by JSON lines what to do. `tests/peers/README.md` has the protocol.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::clients::Client;
use crate::places::target;

/// A virtual machine that starts on a busy computer takes its time.
const START: Duration = Duration::from_secs(60);

/// Requests on loopback must not go through a proxy that the machine may have.
const PROXY_VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// A virtual machine that lives for a second is quicker without its optimising compiler and its parallel collector.
const SHORT_LIVED_JVM: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

type Waiting = Arc<Mutex<HashMap<u64, UnboundedSender<Value>>>>;

#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) versions: BTreeMap<String, String>,
    input: ChildStdin,
    next: AtomicU64,
    waiting: Waiting,
    /// Killed when it is dropped.
    _process: Child,
}

#[derive(Deserialize)]
struct Ready {
    ready: bool,
    versions: BTreeMap<String, String>,
}

/// The answers to one command. The stream ends when the process does.
#[derive(Debug)]
pub(crate) struct Answers {
    /// The command that is answered.
    pub(crate) id: u64,
    lines: UnboundedReceiver<Value>,
}

impl Answers {
    pub(crate) async fn next(&mut self) -> Option<Value> {
        self.lines.recv().await
    }
}

impl Driven {
    /// # Errors
    /// Says why the client is not up.
    pub(crate) async fn start(client: &Client, arguments: &Value, verbose: bool) -> Result<Self, String> {
        let (program, own_arguments) = client.command();
        let mut command = Command::new(&program);
        for variable in PROXY_VARIABLES {
            command.env_remove(variable);
        }
        let mut process = command
            .args(own_arguments)
            .arg(arguments.to_string())
            .env("AUTHSESSION_LIBRARY_DIR", target().join("debug"))
            .env("JAVA_TOOL_OPTIONS", SHORT_LIVED_JVM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if verbose { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}; scripts/scoreboard.sh builds it", program.display()))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a process without pipes".to_owned());
        };
        let mut lines = BufReader::new(output).lines();
        let first = timeout(START, lines.next_line()).await.map_err(|_| "it does not get ready")?;
        let first =
            first.map_err(|error| error.to_string())?.ok_or("it ends at once; -v shows what it says")?;
        let Ready { ready, versions } =
            serde_json::from_str(&first).map_err(|error| format!("its first line: {error}"))?;
        if !ready {
            return Err("it is not ready".to_owned());
        }
        let waiting = Waiting::default();
        tokio::spawn(hand_out(lines, Arc::clone(&waiting)));
        Ok(Self { versions, input, next: AtomicU64::new(1), waiting, _process: process })
    }

    /// Tells it something.
    pub(crate) async fn tell(&mut self, mut command: Value) -> Answers {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        command["id"] = json!(id);
        let (sender, lines) = unbounded_channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        let line = format!("{command}\n");
        if self.input.write_all(line.as_bytes()).await.is_err() || self.input.flush().await.is_err() {
            // The process is gone: so is who would answer.
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
        Answers { id, lines }
    }

    /// Tells it something that has one answer.
    ///
    /// # Errors
    /// Says that there was none, or that it was an error.
    pub(crate) async fn ask(&mut self, command: Value, patience: Duration) -> Result<Value, String> {
        let mut answers = self.tell(command).await;
        let answer = timeout(patience, answers.next()).await.map_err(|_| "does not come back")?;
        let answer = answer.ok_or("the client has ended")?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("fails: {error}")),
            None => Ok(answer),
        }
    }
}

async fn hand_out(mut lines: Lines<BufReader<ChildStdout>>, waiting: Waiting) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(id) = answer["id"].as_u64() else { continue };
        if let Some(sender) = waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            // Who no longer waits need not be told.
            let _ = sender.send(answer);
        }
    }
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
