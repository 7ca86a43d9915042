//! How many instructions a request with a valid token takes: a figure that other programs on the machine do not change,
//! which seconds are not.
//!
//! `bench-instructions session|reqwest COUNT` sends so many, one after the other, over one connection without TLS.
//! `bench-instructions check LIMITS` runs both under callgrind and compares with the limits.

mod check;

use std::path::Path;
use std::process::ExitCode;

use bench::clients::{Bare, Client, Failure, Target, signed_in};
use bench::server::Server;

const USAGE: &str = "usage: bench-instructions session|reqwest COUNT
       bench-instructions check LIMITS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check", limits] => check::check(Path::new(limits)),
        [client @ ("session" | "reqwest"), count] => match count.parse() {
            Ok(count) => send(client, count).map(|()| true),
            Err(_) => Err("the count is no number".into()),
        },
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn send(client: &str, count: usize) -> Result<(), Failure> {
    let server = Server::start(None, None)?;
    let target = Target { url: server.http.clone(), certificate: None };
    // Both on the library's runtime, so that callers and connections share threads in both.
    let runtime = auth_session::runtime()?;
    let requests = match client {
        "session" => {
            runtime.spawn(async move { get(signed_in(&target, "instructions").await?, count).await })
        }
        _ => runtime.spawn(async move { get(Bare::signed_in(&target).await?, count).await }),
    };
    runtime.block_on(requests)?
}

async fn get(client: impl Client, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        client.get("/me").await?;
    }
    Ok(())
}
