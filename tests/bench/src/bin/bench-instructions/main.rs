//! How many instructions a request with a valid token takes: a figure that other programs on the machine do not change,
//! which seconds are not.
//!
//! `bench-instructions session|reqwest COUNT [CALLERS]` sends so many without TLS, one after the other, or from so many
//! callers: reqwest has as many places as a session then.
//! `bench-instructions check LIMITS` runs both under callgrind and compares with the limits.

mod check;

use std::path::Path;
use std::process::ExitCode;

use bench::clients::{Bare, Client, Failure, Target, signed_in};
use bench::server::Server;

const USAGE: &str = "usage: bench-instructions session|reqwest COUNT [CALLERS]
       bench-instructions check LIMITS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check", limits] => check::check(Path::new(limits)),
        [client @ ("session" | "reqwest"), count, ref callers @ ..] if callers.len() <= 1 => {
            match (count.parse(), callers.first().map_or(Ok(1), |callers| callers.parse())) {
                (Ok(count), Ok(callers)) => send(client, count, callers).map(|()| true),
                _ => Err(USAGE.into()),
            }
        }
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

fn send(client: &str, count: usize, callers: usize) -> Result<(), Failure> {
    let server = Server::start(None, None)?;
    let target = Target { url: server.http.clone(), certificate: None };
    // Both on the library's runtime, so that callers and connections share threads in both.
    let runtime = auth_session::runtime()?;
    let requests = match client {
        "session" => runtime.spawn(async move {
            let session = signed_in(&target, "instructions").await?;
            get(session, count, callers).await
        }),
        _ => runtime.spawn(async move {
            let bare = Bare::signed_in(&target).await?;
            get(if callers > 1 { bare.bounded() } else { bare }, count, callers).await
        }),
    };
    runtime.block_on(requests)?
}

async fn get(client: impl Client + Clone, count: usize, callers: usize) -> Result<(), Failure> {
    if callers == 1 {
        // In this task: each further one makes the count vary.
        return get_in_turn(client, count).await;
    }
    let callers = (0..callers).map(|_| tokio::spawn(get_in_turn(client.clone(), count / callers)));
    for caller in callers.collect::<Vec<_>>() {
        caller.await??;
    }
    Ok(())
}

async fn get_in_turn(client: impl Client, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        client.get("/me").await?;
    }
    Ok(())
}
