//! Shows what a session does, against a strict authorization server in the same process or against your
//! own backend. `--help` says how.

mod arguments;
mod backend;
mod load;
mod report;
mod story;

use std::process::ExitCode;

use arguments::Command;
use report::Report;

/// Why there is nothing to report about requests.
enum Failure {
    /// Signing in or reading the store failed; the report holds what was done until then.
    NotSignedIn(Box<Report>, auth_session::Error),
    /// The demo's own server could not be started, or something is broken.
    Broken(String),
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(mistake) => {
            eprintln!("{mistake}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    let (json, trace, outcome) = match command {
        Command::Help => {
            report::print(arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Command::Story { json, trace } => (json, trace, story::run(json).await),
        Command::Backend(backend) => (backend.json, backend.trace, backend::run(*backend).await),
    };
    let traced = match &outcome {
        Ok(report) => Some(report),
        Err(Failure::NotSignedIn(report, _)) => Some(&**report),
        Err(Failure::Broken(_)) => None,
    };
    if let Some(report) = traced.filter(|_| trace) {
        report.show_trace();
    }
    match outcome {
        Ok(report) => {
            report.show(json);
            ExitCode::from(if report.all_succeeded() { 0 } else { 1 })
        }
        Err(Failure::NotSignedIn(report, error)) => {
            eprintln!("{error} ({})", error.code());
            report.show(json);
            ExitCode::from(3)
        }
        Err(Failure::Broken(what)) => {
            eprintln!("{what}");
            ExitCode::from(1)
        }
    }
}
