//! Many callers on an expired token: one refresh, and then everybody at once.

pub(crate) mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use auth_session::{Auth, AuthSession, BootTime, Clock, StatusCode};
use bench::clients::{Bare, Client, Failure, signed_in_with_clock};
use bench::clock::now_ns;
use bench::server::Server;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::load::load;
use crate::{Bench, Outcome};
use waiting::announced;

const CALLERS: [usize; 4] = [10, 100, 1000, 10_000];
const ROUNDS: usize = 11;
/// Of the largest, which take seconds.
const FEWER_ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 2;
/// Of the memory of those who wait.
const WAITING_ROUNDS: usize = 5;
/// Within which staggered callers arrive.
const SPREAD: Duration = Duration::from_millis(200);
const BEYOND_ITS_LIFE: Duration = Duration::from_secs(2 * 3600);

/// The session that is measured, without its token.
struct WithoutToken(Arc<AuthSession>);

impl Client for WithoutToken {
    async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        let response = self.0.get(path).auth(Auth::None).send().await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(status.to_string().into()),
        }
    }
}

/// The system's clock, moved on.
#[derive(Clone, Debug, Default)]
pub(crate) struct MovableClock(Arc<AtomicU64>);

impl MovableClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn boot_time(&self) -> BootTime {
        // From there on it runs as the machine's does.
        BootTime::from_boot(
            Duration::from_secs(self.0.load(Ordering::SeqCst)) + Duration::from_nanos(now_ns()),
        )
    }

    fn wall_time(&self) -> SystemTime {
        SystemTime::now()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// All know that the token has expired, and wait for the same refresh.
    Simultaneous,
    /// One after the other; nobody knows, each gets a 401 first.
    Staggered,
}

pub(crate) fn run(bench: &mut Bench) -> Result<Outcome, Failure> {
    let runtime = auth_session::runtime()?;
    let clock = MovableClock::default();
    let session = Arc::new(runtime.block_on(signed_in_with_clock(&bench.http, "storm", clock.clone()))?);
    let floor = Arc::new(Bare::anonymous(&bench.http)?.bounded());
    let without_token = Arc::new(WithoutToken(Arc::clone(&session)));
    let mut cells = Vec::new();
    for callers in CALLERS {
        for arrival in [Arrival::Simultaneous, Arrival::Staggered] {
            let rounds = match (bench.quick, callers) {
                (true, _) => QUICK_ROUNDS,
                (false, 10_000..) => FEWER_ROUNDS,
                (false, _) => ROUNDS,
            };
            // Connections are there, for both.
            load(runtime, &session, "/me", 64, 640)?;
            load(runtime, &floor, "/public", 64, 640)?;
            let mut measured = Vec::new();
            for round in 0..rounds {
                let mut floors = || {
                    Ok::<_, Failure>((
                        replay(runtime, &floor, callers)?,
                        replay(runtime, &without_token, callers)?,
                    ))
                };
                // First one, then the other.
                let early = (round % 2 == 1).then(&mut floors).transpose()?;
                let mut figures = storm(&mut bench.server, runtime, &session, &clock, callers, arrival)?;
                let (floor_ms, without_token_ms) = match early {
                    Some(floors) => floors,
                    None => floors()?,
                };
                figures["floor_ms"] = floor_ms.into();
                figures["without_token_ms"] = without_token_ms.into();
                measured.push(figures);
            }
            cells.push(json!({
                "callers": callers,
                "arrival": format!("{arrival:?}").to_lowercase(),
                "rounds": measured,
            }));
            eprintln!("{callers} callers, {arrival:?}: done");
        }
    }
    let mut waiting = Vec::new();
    for callers in [1000, 10_000] {
        let rounds = if bench.quick { QUICK_ROUNDS } else { WAITING_ROUNDS };
        let bytes = (0..rounds).map(|_| waiting::measure(bench, callers)).collect::<Result<Vec<_>, _>>()?;
        waiting.push(json!({"callers": callers, "bytes_per_caller": bytes}));
    }
    Ok(Outcome::Measured(json!({"cells": cells, "waiting": waiting})))
}

/// How long it took from the refresh's answer to the last caller's, and what the server counted.
fn storm(
    server: &mut Server,
    runtime: &Handle,
    session: &Arc<AuthSession>,
    clock: &MovableClock,
    callers: usize,
    arrival: Arrival,
) -> Result<Value, Failure> {
    let before = server.tell("counters", 0)?;
    let counted = |name: &str| before[name].as_u64().unwrap_or(0);
    server.tell("expire_access_tokens", 0)?;
    server.tell("hold_refreshes", 0)?;
    if arrival == Arrival::Simultaneous {
        clock.advance(BEYOND_ITS_LIFE);
    }
    let waiting = Arc::new(Semaphore::new(0));
    let tasks: Vec<JoinHandle<Result<u64, Failure>>> = (0..callers)
        .map(|caller| {
            let (session, waiting) = (Arc::clone(session), Arc::clone(&waiting));
            runtime.spawn(async move {
                if arrival == Arrival::Staggered {
                    tokio::time::sleep(SPREAD.mul_f64(caller as f64 / callers as f64)).await;
                }
                announced(Client::get(&*session, "/me"), waiting).await?;
                Ok(now_ns())
            })
        })
        .collect();
    match arrival {
        Arrival::Simultaneous => {
            runtime.block_on(waiting.acquire_many(callers as u32))?.forget();
            server.tell("await_refresh_requests", counted("refresh_requests") + 1)?;
        }
        Arrival::Staggered => {
            server.tell("await_unauthorized", counted("unauthorized") + callers as u64)?;
        }
    }
    server.tell("release_refreshes", 0)?;
    let last = runtime.block_on(last_of(tasks))?;
    let after = server.tell("counters", 0)?;
    let delta = |name: &str| after[name].as_u64().unwrap_or(0) - counted(name);
    let refreshed_at = after["refreshed_at_ns"].as_u64().ok_or("no refresh")?;
    Ok(json!({
        "drain_ms": last.saturating_sub(refreshed_at) as f64 / 1e6,
        "refreshes": delta("refresh_requests"),
        "reuse_detected": delta("reuse_detected"),
        "unauthorized": delta("unauthorized"),
    }))
}

/// The same requests without any token, let go at once.
fn replay(runtime: &Handle, floor: &Arc<impl Client>, callers: usize) -> Result<f64, Failure> {
    let (go, gone) = watch::channel(false);
    let waiting = Arc::new(Semaphore::new(0));
    let tasks: Vec<JoinHandle<Result<u64, Failure>>> = (0..callers)
        .map(|_| {
            let (floor, waiting, mut gone) = (Arc::clone(floor), Arc::clone(&waiting), gone.clone());
            runtime.spawn(async move {
                let call = async {
                    gone.wait_for(|gone| *gone).await?;
                    floor.get("/public").await
                };
                announced(call, waiting).await?;
                Ok(now_ns())
            })
        })
        .collect();
    runtime.block_on(waiting.acquire_many(callers as u32))?.forget();
    let start = now_ns();
    go.send_replace(true);
    let last = runtime.block_on(last_of(tasks))?;
    Ok(last.saturating_sub(start) as f64 / 1e6)
}

async fn last_of(tasks: Vec<JoinHandle<Result<u64, Failure>>>) -> Result<u64, Failure> {
    let mut last = 0;
    for task in tasks {
        last = last.max(task.await??);
    }
    Ok(last)
}
