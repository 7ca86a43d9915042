//! From opening a session to the first answer with its token, in a process that has just started.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use auth_session::{AuthSession, FileStore, SessionConfig, Tokens};
use bench::clients::{Bare, Client, Failure, Target, settings};
use serde_json::{Map, Value, json};

use crate::{Bench, Outcome};

const ROUNDS: usize = 21;
const QUICK_ROUNDS: usize = 3;
const ACCOUNT: &str = "opening";

pub(crate) fn run(bench: &mut Bench) -> Result<Outcome, Failure> {
    let directory = tempfile::tempdir()?;
    let runtime = auth_session::runtime()?;
    let access_token = runtime.block_on(async {
        let config = settings(&bench.http, ACCOUNT)?.store(FileStore::new(directory.path()));
        let session = AuthSession::open(config).await?;
        session.sign_in(json!({})).await?;
        session.close().await;
        Ok::<_, Failure>(Bare::signed_in(&bench.http).await?.token().unwrap_or_default().to_owned())
    })?;
    let rounds = if bench.quick { QUICK_ROUNDS } else { ROUNDS };
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let mut figures = Map::new();
        figures.insert("memory".into(), start("memory", &access_token, &bench.http.url)?);
        figures
            .insert("file".into(), start("file", &directory.path().display().to_string(), &bench.http.url)?);
        figures.insert("reqwest".into(), start("reqwest", &access_token, &bench.http.url)?);
        measured.push(Value::Object(figures));
    }
    Ok(Outcome::Measured(json!({
        "rounds": measured,
        "not_here": "Keychain and Keystore need their systems",
    })))
}

fn start(kind: &str, argument: &str, url: &str) -> Result<Value, Failure> {
    let output = Command::new(std::env::current_exe()?).args(["opening", kind, argument, url]).output()?;
    if !output.status.success() {
        return Err(format!("{kind}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// `bench opening memory|reqwest TOKEN URL`, `bench opening file DIRECTORY URL`.
pub(crate) fn child(arguments: Vec<String>) -> Result<bool, Failure> {
    let begun = Instant::now();
    let [kind, argument, url] = &arguments[..] else { return Err("opening: KIND ARGUMENT URL".into()) };
    let target = Target { url: url.clone(), certificate: None };
    let config = settings(&target, ACCOUNT)?;
    let opened = auth_session::runtime()?.block_on(async {
        if kind == "reqwest" {
            let bare = Bare::with_token(&target, argument)?;
            let opened = begun.elapsed();
            bare.get("/me").await?;
            return Ok(opened);
        }
        let session = open(kind, argument, config).await?;
        let opened = begun.elapsed();
        Client::get(&session, "/me").await?;
        Ok::<_, Failure>(opened)
    })?;
    let figures = json!({
        "open_us": opened.as_secs_f64() * 1e6,
        "first_answer_us": begun.elapsed().as_secs_f64() * 1e6,
    });
    writeln!(std::io::stdout(), "{figures}")?;
    Ok(true)
}

async fn open(kind: &str, argument: &str, config: SessionConfig) -> Result<AuthSession, Failure> {
    if kind == "file" {
        return Ok(AuthSession::open(config.store(FileStore::new(Path::new(argument)))).await?);
    }
    let session = AuthSession::open(config).await?;
    session.adopt(Tokens::new(argument)).await?;
    Ok(session)
}
