//! A client in another process, driven by lines of JSON (`tests/peers/README.md`).

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bench::clients::Failure;
use serde_json::{Value, json};

use crate::Bench;

/// Longer than any load takes; a client that hangs must not hang the benchmark.
const PATIENCE: Duration = Duration::from_secs(240);

/// A client's process; it ends when this is dropped.
pub(crate) struct Driven {
    process: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
    /// Of the library that it is about, by name.
    pub(crate) versions: Value,
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from)
}

/// Where the native library lies as it ships.
pub(crate) fn library_directory() -> Option<PathBuf> {
    let directory = std::path::absolute(target_directory().join("mobile")).ok()?;
    directory.join("libauth_session_ffi.so").is_file().then_some(directory)
}

/// A program and the arguments that come before the name of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Node,
    Jvm,
    Swift,
}

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::Node, Self::Jvm, Self::Swift];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Jvm => "jvm",
            Self::Swift => "swift",
        }
    }

    /// Why its clients cannot be started, if that is so.
    pub(crate) fn missing(self) -> Option<String> {
        let needed = match self {
            Self::Node => root().join("tests/peers/clients/node/node_modules"),
            Self::Jvm => target_directory().join("peers/jvm/arguments"),
            Self::Swift => target_directory().join("peers/swift/client"),
        };
        (!needed.exists()).then(|| format!("the clients for {} are not built", self.name()))
    }

    fn command(self) -> Command {
        match self {
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(root().join("tests/peers/clients/node/client.mjs"));
                command
            }
            Self::Jvm => {
                let mut command = Command::new("java");
                command.arg(format!("@{}", target_directory().join("peers/jvm/arguments").display()));
                command
            }
            Self::Swift => Command::new(target_directory().join("peers/swift/client")),
        }
    }
}

fn root() -> PathBuf {
    std::env::var_os("AUTHSESSION_ROOT").map_or_else(|| ".".into(), PathBuf::from)
}

impl Driven {
    /// Starts the client, which is signed in afterwards.
    pub(crate) fn start(bench: &Bench, language: Language, name: &str) -> Result<Self, Failure> {
        let url = &bench.http.url;
        let arguments = json!({
            "api_url": url,
            "login_url": format!("{url}/auth/login"),
            "refresh_url": format!("{url}/auth/refresh"),
            "logout_url": format!("{url}/auth/logout"),
        });
        let mut command = language.command();
        if let Some(directory) = library_directory() {
            command.env("AUTHSESSION_LIBRARY_DIR", directory);
        }
        let mut process = command
            .arg(name)
            .arg(arguments.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let piped = || io::Error::other("the client has no pipes");
        let commands = Some(process.stdin.take().ok_or_else(piped)?);
        let answers = listen(process.stdout.take().ok_or_else(piped)?);
        let mut driven = Self { process, commands, answers, versions: Value::Null };
        let ready = driven.read().map_err(|error| format!("{name} does not start: {error}"))?;
        driven.versions = ready["versions"].clone();
        driven.tell("sign_in", json!({"email": "ada@example.com", "password": "correct horse"}))?;
        Ok(driven)
    }

    /// Gives a command and returns the answer to it.
    pub(crate) fn tell(&mut self, command: &str, mut arguments: Value) -> Result<Value, Failure> {
        arguments["id"] = 1.into();
        arguments["do"] = command.into();
        let commands = self.commands.as_mut().ok_or("the client has ended")?;
        commands.write_all(format!("{arguments}\n").as_bytes())?;
        commands.flush()?;
        let answer = self.read()?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("{command}: {error}").into()),
            None => Ok(answer),
        }
    }

    fn read(&mut self) -> Result<Value, Failure> {
        let line = self.answers.recv_timeout(PATIENCE).map_err(|_| "no answer")?;
        Ok(serde_json::from_str(&line)?)
    }
}

fn listen(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // Ends with the process, or when nobody listens any more.
        let _ = BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
    });
    receiver
}

impl Drop for Driven {
    fn drop(&mut self) {
        // It ends with its standard input; one that does not is ended.
        self.commands = None;
        for _ in 0..100 {
            match self.process.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(50)),
                _ => return,
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
