//! A session in a process of its own, the example `session-process` of the core, which may end at any moment.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::leaks;
use crate::round::locked;

/// A process that starts or ends takes no longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// What whoever waits for an answer is told through. There are no new ones once the process has gone.
type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Value>>>>>;

pub(crate) struct Process {
    id: u32,
    /// What the server knows its refresh requests by: no other process of the round has had it.
    pub(crate) client: String,
    child: AsyncMutex<Child>,
    input: AsyncMutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    killed: AtomicBool,
    /// Who reads what it says.
    listening: AsyncMutex<Vec<JoinHandle<()>>>,
    panics: Panics,
    /// How the session was found when it was opened.
    pub(crate) opened: Value,
}

/// Where threads of it have panicked; not with what words, which nobody has looked through for tokens.
type Panics = Arc<Mutex<Vec<String>>>;

/// The scripts build it beside this program.
fn program() -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("examples").join("session-process"))
}

impl Process {
    /// Opens a session on the store in this directory.
    pub(crate) async fn start(
        base_url: &str,
        directory: &Path,
        longest: Duration,
        client: String,
    ) -> io::Result<Self> {
        let timeout_ms = longest.as_millis() as u64;
        let arguments =
            json!({"base_url": base_url, "directory": directory, "timeout_ms": timeout_ms, "client": client});
        let mut child = Command::new(program()?)
            .arg(arguments.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("a process without its pipes");
        let (input, output) = (child.stdin.take().ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
        let errors = child.stderr.take().ok_or_else(gone)?;
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let (opened, first) = oneshot::channel();
        locked(&waiting).get_or_insert_default().insert(OPENED, opened);
        let panics = Panics::default();
        let listening = AsyncMutex::new(vec![
            tokio::spawn(listen(output, Some(Arc::clone(&waiting)), Panics::default())),
            tokio::spawn(listen(errors, None, Arc::clone(&panics))),
        ]);
        let opened = timeout(PATIENCE, first).await;
        let opened = opened.ok().and_then(Result::ok).ok_or_else(|| io::Error::other("it does not open"))?;
        let (child, input) = (AsyncMutex::new(child), AsyncMutex::new(input));
        let id = child.lock().await.id().ok_or_else(gone)?;
        let (next, killed) = (AtomicU64::new(OPENED + 1), AtomicBool::new(false));
        Ok(Self { id, client, child, input, waiting, next, killed, listening, panics, opened })
    }

    /// What comes of a command; `None` if the process has gone first.
    pub(crate) async fn ask(&self, mut command: Value) -> Option<Value> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        command["id"] = json!(number);
        let (tell, answer) = oneshot::channel();
        locked(&self.waiting).as_mut()?.insert(number, tell);
        // A process that has gone does not read: nobody is told then.
        let _ = self.input.lock().await.write_all(format!("{command}\n").as_bytes()).await;
        answer.await.ok()
    }

    /// Whether it went because it was killed; else nobody wanted it to go.
    pub(crate) fn was_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    /// Nothing of it runs any more when this returns. Returns what is wrong with how it lived and ended.
    pub(crate) async fn kill(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut child = self.child.lock().await;
        if let Ok(Some(status)) = child.try_wait() {
            wrong.push(format!("a process has ended by itself ({status})"));
        } else {
            // Before it is: whoever finds its pipes closed looks here.
            self.killed.store(true, Ordering::SeqCst);
            if child.start_kill().is_err() || timeout(PATIENCE, child.wait()).await.is_err() {
                wrong.push("a process does not end although it was killed".to_owned());
            }
        }
        // Its last words may still be in the pipes.
        for listening in self.listening.lock().await.drain(..) {
            if timeout(PATIENCE, listening).await.is_err() {
                wrong.push("the pipes of a process that has ended stay open".to_owned());
            }
        }
        wrong.extend(locked(&self.panics).drain(..).map(|place| format!("a panic in a process: {place}")));
        wrong
    }

    pub(crate) async fn stop(&self) {
        self.signal("STOP").await;
    }

    pub(crate) async fn go_on(&self) {
        self.signal("CONT").await;
    }

    /// As long as the child is not waited for, its number is its own.
    async fn signal(&self, name: &str) {
        let child = self.child.lock().await;
        if child.id() == Some(self.id) {
            // It may have been killed.
            let _ = Command::new("kill")
                .args(["-s", name, &self.id.to_string()])
                .stderr(Stdio::null())
                .status()
                .await;
        }
    }
}

/// The number of what is said first, without having been asked.
const OPENED: u64 = 0;

/// Everything that the process says is looked through for tokens; answers go to who waits for them.
async fn listen(output: impl AsyncRead + Unpin, waiting: Option<Waiting>, panics: Panics) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        leaks::note("process", &line);
        if line.contains("panicked at") {
            locked(&panics).push(line.clone());
        }
        let Some(waiting) = &waiting else { continue };
        let Ok(mut answer) = serde_json::from_str::<Value>(&line) else { continue };
        let number = answer["id"].as_u64().unwrap_or(OPENED);
        if let Some(members) = answer.as_object_mut() {
            members.remove("id");
        }
        let tell = locked(waiting).as_mut().and_then(|waiting| waiting.remove(&number));
        // Whoever asked may have given up.
        drop(tell.map(|tell| tell.send(answer)));
    }
    if let Some(waiting) = waiting {
        locked(&waiting).take();
    }
}
