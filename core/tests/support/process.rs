//! Sessions in processes of their own, which a test stops and kills.

// Each test binary uses a part of this.
#![allow(dead_code)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use test_authority::{Counters, Realm, RealmOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Nothing here takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// `cargo test` builds the examples beside the tests.
pub(crate) fn program() -> PathBuf {
    let mut path = std::env::current_exe().expect("this test");
    path.pop();
    path.pop();
    path.join("examples").join("session-process")
}

/// The example `session-process`.
pub(crate) struct SessionProcess {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// How the session was found when it was opened.
    pub(crate) opened: Value,
    next: u64,
    answers: HashMap<u64, Value>,
}

/// A command that has been given.
#[derive(Clone, Copy)]
pub(crate) struct Given(u64);

impl SessionProcess {
    /// Opens a session on the store in this directory, whose requests take this long at most.
    pub(crate) async fn open_for(realm: &Realm, directory: &Path, most: Duration) -> Self {
        Self::spawn(Command::new(program()), realm, directory, most).await
    }

    pub(crate) async fn open(realm: &Realm, directory: &Path) -> Self {
        Self::open_for(realm, directory, PATIENCE).await
    }

    /// One that only reads.
    pub(crate) async fn open_reader(realm: &Realm, directory: &Path) -> Self {
        let mut arguments = arguments(realm, directory, PATIENCE);
        arguments["read_only"] = json!(true);
        Self::run(Command::new(program()), arguments).await
    }

    /// With a command that runs the program, and gets its argument.
    pub(crate) async fn spawn(command: Command, realm: &Realm, directory: &Path, most: Duration) -> Self {
        Self::run(command, arguments(realm, directory, most)).await
    }

    /// With a command that runs the program, and this argument.
    pub(crate) async fn run(mut command: Command, arguments: Value) -> Self {
        command.arg(arguments.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the example session-process is built with the tests");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut process =
            Self { child, input, output, opened: Value::Null, next: 0, answers: HashMap::new() };
        process.opened = process.line().await;
        process
    }

    async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("a line in time");
        let line = line.expect("text").expect("the process runs");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Gives a command.
    pub(crate) async fn tell(&mut self, mut command: Value) -> Given {
        self.next += 1;
        command["id"] = json!(self.next);
        self.input.write_all(format!("{command}\n").as_bytes()).await.expect("the process runs");
        Given(self.next)
    }

    /// What came of it.
    pub(crate) async fn answer(&mut self, given: Given) -> Value {
        loop {
            if let Some(mut answer) = self.answers.remove(&given.0) {
                answer.as_object_mut().expect("an object").remove("id");
                return answer;
            }
            let answer = self.line().await;
            self.answers.insert(answer["id"].as_u64().expect("the number of a command"), answer);
        }
    }

    pub(crate) async fn ask(&mut self, command: Value) -> Value {
        let given = self.tell(command).await;
        self.answer(given).await
    }

    pub(crate) async fn get(&mut self) -> Value {
        self.ask(json!({"do": "get", "path": "/me"})).await
    }

    /// Scripts the store; the answer comes when the operation hangs.
    pub(crate) async fn hang(&mut self, operation: &str, after: bool) -> Given {
        self.tell(json!({"do": "hang", "operation": operation, "after": after})).await
    }

    /// Stops it with SIGSTOP, and returns when it has stopped.
    pub(crate) async fn stop(&self) {
        let id = self.signal("STOP").await;
        self.until_stopped(id).await;
    }

    /// Lets it go on.
    pub(crate) async fn go_on(&self) {
        self.signal("CONT").await;
    }

    /// Kills it with SIGKILL; nothing of it runs any more when this returns.
    pub(crate) async fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.start_kill();
        self.wait().await;
    }

    async fn signal(&self, name: &str) -> u32 {
        let id = self.child.id().expect("the process runs");
        let status = Command::new("kill").args(["-s", name, &id.to_string()]).status().await;
        assert!(status.expect("the system has kill").success());
        id
    }

    /// A signal arrives in its own time; Linux says in `stat` when the process has stopped.
    async fn until_stopped(&self, id: u32) {
        let stat = format!("/proc/{id}/stat");
        let stopped = async {
            while !std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, stopped).await.expect("it stops");
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").expect("it ends")
    }
}

fn arguments(realm: &Realm, directory: &Path, most: Duration) -> Value {
    json!({"base_url": realm.api_url(), "directory": directory, "timeout_ms": most.as_millis() as u64})
}

pub(crate) fn answered() -> Value {
    json!({"status": 200, "disposition": "answered"})
}

pub(crate) fn signed_in() -> Value {
    json!({"state": "signed_in"})
}

pub(crate) fn signed_out(reason: &str) -> Value {
    json!({"state": "signed_out", "reason": reason})
}

pub(crate) async fn start(options: RealmOptions) -> Realm {
    Realm::start(options).await.expect("a realm")
}

pub(crate) async fn command(realm: &Realm, name: &str, arguments: Value) {
    realm.command(name, arguments).await.expect("the command is carried out");
}

/// The refresh requests, those among them that brought new tokens, and reuse.
pub(crate) fn refreshes(realm: &Realm) -> (u64, u64, u64) {
    let Counters { refresh_requests, refreshes, reuse_detected, .. } = realm.counters();
    (refresh_requests, refreshes, reuse_detected)
}
