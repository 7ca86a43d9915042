//! `bench [--quick] [--only PART]… [--output FILE]`: measures auth-session beside others and writes what it measured, as
//! it was measured; `scripts/performance.py` makes a page of it. Fails if a part fails; a part whose clients are not built
//! says so.

mod crossings;
mod driven;
mod load;
mod machine;
mod opening;
mod peers;
mod requests;
mod size;
mod storm;

use std::path::PathBuf;
use std::process::ExitCode;

use bench::clients::{Failure, Target};
use bench::placement::{Placement, pin_to};
use bench::server::Server;
use lexopt::prelude::*;
use serde_json::{Map, Value, json};

const USAGE: &str = "usage: bench [--quick] [--only PART]... [--output FILE]
parts: requests storm peers crossings opening size";

/// What every part needs.
struct Bench {
    /// Little of everything: to see that it works.
    quick: bool,
    server: Server,
    http: Target,
    https: Target,
}

/// A part that cannot be measured here, and why: no failure.
enum Outcome {
    Measured(Value),
    NotRun(String),
}

type Part = fn(&mut Bench) -> Result<Outcome, Failure>;

const PARTS: [(&str, Part); 6] = [
    ("requests", requests::run),
    ("storm", storm::run),
    ("opening", opening::run),
    ("size", size::run),
    ("peers", peers::run),
    ("crossings", crossings::run),
];

struct Arguments {
    quick: bool,
    only: Vec<String>,
    output: PathBuf,
}

fn main() -> ExitCode {
    // The measurements that need a fresh process are this program again.
    let mut words = std::env::args().skip(1);
    let outcome = match words.next().as_deref() {
        Some("waiting") => storm::waiting::child(words.collect()),
        Some("opening") => opening::child(words.collect()),
        _ => arguments().map_err(|mistake| format!("{mistake}\n{USAGE}").into()).and_then(run),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let mut arguments =
        Arguments { quick: false, only: Vec::new(), output: target.join("bench").join("results.json") };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => arguments.quick = true,
            Long("only") => {
                let part = parser.value()?.string()?;
                if !PARTS.iter().any(|(name, _)| *name == part) {
                    return Err(format!("there is no part {part}").into());
                }
                arguments.only.push(part);
            }
            Long("output") => arguments.output = parser.value()?.into(),
            other => return Err(other.unexpected()),
        }
    }
    Ok(arguments)
}

/// True if no part failed.
fn run(arguments: Arguments) -> Result<bool, Failure> {
    let placement = Placement::choose()?;
    let machine = machine::describe(placement);
    // Before any thread is started, so that all of them, and all clients in other processes, stay there.
    if let Some(core) = placement.client {
        pin_to(core)?;
    }
    let directory = tempfile::tempdir()?;
    let certificate = directory.path().join("certificate.pem");
    let server = Server::start(placement.server, Some(&certificate))?;
    let http = Target { url: server.http.clone(), certificate: None };
    let https = Target {
        url: server.https.clone().ok_or("the server speaks no TLS")?,
        certificate: Some(std::fs::read(&certificate)?),
    };
    let mut bench = Bench { quick: arguments.quick, server, http, https };
    let mut parts = Map::new();
    let mut failed = false;
    for (name, part) in PARTS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            parts.insert(name.into(), json!({"not_run": "left out of this run"}));
            continue;
        }
        eprintln!("=== {name}");
        let measured = match part(&mut bench) {
            Ok(Outcome::Measured(measured)) => measured,
            Ok(Outcome::NotRun(why)) => {
                eprintln!("not run: {why}");
                json!({"not_run": why})
            }
            Err(error) => {
                eprintln!("FAILED: {error}");
                failed = true;
                json!({"failed": error.to_string()})
            }
        };
        parts.insert(name.into(), measured);
    }
    let results = json!({"machine": machine, "quick": arguments.quick, "parts": parts});
    if let Some(directory) = arguments.output.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(&arguments.output, serde_json::to_vec_pretty(&results)?)?;
    Ok(!failed)
}
