//! What a caller that waits for a refresh takes of memory, in a process that has done nothing else.

use std::future::poll_fn;
use std::io::{BufRead, Write};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bench::clients::{Client, Failure, Target, signed_in_with_clock};
use tokio::sync::Semaphore;

use super::MovableClock;
use crate::Bench;

const BEYOND_ITS_LIFE: Duration = Duration::from_secs(2 * 3600);

/// Says so when the future has been polled for the first time, and waits or is done.
pub(super) async fn announced<F: Future>(future: F, waiting: Arc<Semaphore>) -> F::Output {
    let mut future = pin!(future);
    let mut waiting = Some(waiting);
    poll_fn(move |context| {
        let progress = future.as_mut().poll(context);
        if let Some(waiting) = waiting.take() {
            waiting.add_permits(1);
        }
        progress
    })
    .await
}

/// Bytes of resident memory for each caller.
pub(super) fn measure(bench: &mut Bench, callers: usize) -> Result<u64, Failure> {
    bench.server.tell("hold_refreshes", 0)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["waiting", &callers.to_string(), &bench.http.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    std::io::BufReader::new(output).read_line(&mut line)?;
    bench.server.tell("release_refreshes", 0)?;
    let ended = child.wait()?;
    if !ended.success() {
        return Err(format!("the process of those who wait: {ended}").into());
    }
    Ok(line.trim().parse()?)
}

/// `bench waiting CALLERS URL`: while refreshes are held at the server.
pub(crate) fn child(arguments: Vec<String>) -> Result<bool, Failure> {
    let [callers, url] = &arguments[..] else { return Err("waiting: CALLERS URL".into()) };
    let callers: usize = callers.parse()?;
    let target = Target { url: url.clone(), certificate: None };
    let clock = MovableClock::default();
    let runtime = auth_session::runtime()?;
    let session = Arc::new(runtime.block_on(signed_in_with_clock(&target, "waiting", clock.clone()))?);
    runtime.block_on(Client::get(&*session, "/me"))?;
    clock.advance(BEYOND_ITS_LIFE);
    let waiting = Arc::new(Semaphore::new(0));
    let spawn = || {
        let (session, waiting) = (Arc::clone(&session), Arc::clone(&waiting));
        runtime.spawn(async move { announced(Client::get(&*session, "/me"), waiting).await.map(drop) })
    };
    // The first one begins the refresh, which takes memory of its own.
    let first = spawn();
    runtime.block_on(waiting.acquire())?.forget();
    let mut tasks = Vec::with_capacity(callers);
    let before = resident_bytes()?;
    tasks.extend((0..callers).map(|_| spawn()));
    runtime.block_on(waiting.acquire_many(callers as u32))?.forget();
    let grown = resident_bytes()?.saturating_sub(before);
    writeln!(std::io::stdout(), "{}", grown / callers as u64)?;
    tasks.push(first);
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok(true)
    })
}

fn resident_bytes() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}
