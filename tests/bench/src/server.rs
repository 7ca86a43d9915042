//! The server's process.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Without TLS, HTTP/1.1.
    pub http: String,
    /// With TLS, HTTP/2 to whoever offers it.
    pub https: Option<String>,
}

impl Server {
    /// Starts the program that lies beside this one, on a core of its own if one is named, and with TLS if there is a
    /// file for the certificate.
    ///
    /// # Errors
    /// It does not start, or says nothing.
    pub fn start(core: Option<usize>, certificate: Option<&Path>) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?.with_file_name("bench-server"));
        if let Some(core) = core {
            command.arg("--core").arg(core.to_string());
        }
        if let Some(path) = certificate {
            command.arg("--certificate").arg(path);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let piped = || io::Error::other("the server has no pipes");
        let commands = Some(process.stdin.take().ok_or_else(piped)?);
        let answers = BufReader::new(process.stdout.take().ok_or_else(piped)?);
        let mut server = Self { process, commands, answers, http: String::new(), https: None };
        let announcement = server.read()?;
        server.http = announcement["http"].as_str().unwrap_or_default().to_owned();
        server.https = announcement["https"].as_str().map(str::to_owned);
        Ok(server)
    }

    /// Carries out a command and returns its answer. Blocks.
    ///
    /// # Errors
    /// The server is gone, or does not know the command.
    pub fn tell(&mut self, command: &str, count: u64) -> io::Result<Value> {
        let line = format!("{}\n", json!({"do": command, "count": count}));
        let commands = self.commands.as_mut().ok_or_else(|| io::Error::other("the server has ended"))?;
        commands.write_all(line.as_bytes())?;
        commands.flush()?;
        let answer = self.read()?;
        match answer["error"].as_str() {
            Some(error) => Err(io::Error::other(error.to_owned())),
            None => Ok(answer),
        }
    }

    /// A counter of the server's.
    ///
    /// # Errors
    /// Those of [`tell`](Self::tell).
    pub fn counter(&mut self, name: &str) -> io::Result<u64> {
        let counters = self.tell("counters", 0)?;
        counters[name].as_u64().ok_or_else(|| io::Error::other(format!("no counter {name}")))
    }

    /// How long the server's one thread has run, in nanoseconds: the share of a time in which it was busy.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn busy_ns(&self) -> io::Result<u64> {
        let statistics = std::fs::read_to_string(format!("/proc/{}/schedstat", self.process.id()))?;
        statistics
            .split_whitespace()
            .next()
            .and_then(|nanoseconds| nanoseconds.parse().ok())
            .ok_or_else(|| io::Error::other("no time in schedstat"))
    }

    fn read(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_str(&line).map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its standard input.
        self.commands = None;
        let _ = self.process.wait();
    }
}
