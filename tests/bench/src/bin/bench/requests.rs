//! Requests with a valid token: a session beside reqwest with the same settings.

use std::sync::Arc;

use auth_session::AuthSession;
use bench::clients::{Bare, Failure, Target, signed_in};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};

use crate::load::{Load, load};
use crate::{Bench, Outcome};

const CONCURRENCIES: [usize; 3] = [1, 64, 1000];
/// Of each client in each cell; odd, so that there is one in the middle.
const ROUNDS: usize = 21;
const QUICK_ROUNDS: usize = 3;
/// How long a client is measured before the next one is, in seconds: so short that what else the machine does falls on
/// all alike.
const TURN: f64 = 0.25;
const QUICK_TURN: f64 = 0.05;
/// Requests to find out how many fit into a turn, with as many again to warm up.
const CALIBRATION: usize = 2000;

const PATH: &str = "/me";
const HTTP_1: &str = "HTTP/1.1";

pub(crate) fn run(bench: &mut Bench) -> Result<Outcome, Failure> {
    let library = auth_session::runtime()?;
    let own =
        Builder::new_multi_thread().worker_threads(library.metrics().num_workers()).enable_all().build()?;
    let mut cells = Vec::new();
    for (protocol, target) in [(HTTP_1, bench.http.clone()), ("HTTP/2 over TLS", bench.https.clone())] {
        // As the bindings call it, and as an app in Rust with a runtime of its own does.
        for (callers, handle) in [("library", library), ("own", own.handle())] {
            let clients = Clients::new(handle, &target, &format!("{protocol} {callers}"))?;
            for concurrency in CONCURRENCIES {
                let rounds = measure(bench, handle, &clients, protocol, concurrency)?;
                cells.push(json!({
                    "protocol": protocol,
                    "callers_on": callers,
                    "concurrency": concurrency,
                    "rounds": rounds,
                }));
                eprintln!("{protocol}, {concurrency} at once, callers on the {callers} runtime: done");
            }
        }
    }
    Ok(Outcome::Measured(json!({"cells": cells})))
}

struct Clients {
    session: Arc<AuthSession>,
    reqwest: Arc<Bare>,
    bounded: Arc<Bare>,
}

impl Clients {
    fn new(runtime: &Handle, target: &Target, account: &str) -> Result<Self, Failure> {
        runtime.block_on(async {
            let session = Arc::new(signed_in(target, account).await?);
            // Each with connections of its own.
            let reqwest = Arc::new(Bare::signed_in(target).await?);
            let bounded = Arc::new(Bare::signed_in(target).await?.bounded());
            Ok(Self { session, reqwest, bounded })
        })
    }

    fn load(
        &self,
        name: &str,
        runtime: &Handle,
        concurrency: usize,
        requests: usize,
    ) -> Result<Load, Failure> {
        match name {
            "session" => load(runtime, &self.session, PATH, concurrency, requests),
            "reqwest" => load(runtime, &self.reqwest, PATH, concurrency, requests),
            _ => load(runtime, &self.bounded, PATH, concurrency, requests),
        }
    }
}

/// Rounds in which every client has its turn, in alternating order.
fn measure(
    bench: &Bench,
    runtime: &Handle,
    clients: &Clients,
    protocol: &str,
    concurrency: usize,
) -> Result<Vec<Value>, Failure> {
    let (rounds, turn) = if bench.quick { (QUICK_ROUNDS, QUICK_TURN) } else { (ROUNDS, TURN) };
    // A session queues what goes beyond its bound. reqwest does not: there it is shown with and without the same bound. Over
    // HTTP/2 it is the server that bounds both.
    let mut order = vec!["session", "reqwest"];
    if concurrency > bench::clients::MOST_AT_ONCE && protocol == HTTP_1 {
        order.push("reqwest-bounded");
    }
    for client in &order {
        clients.load(client, runtime, concurrency, CALIBRATION)?;
    }
    let rate = clients.load("reqwest", runtime, concurrency, CALIBRATION)?.per_second();
    let requests = ((rate * turn) as usize).max(concurrency * 2);
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let mut figures = serde_json::Map::new();
        for client in &order {
            // Connections that were let go during the others' turns are there again.
            clients.load(client, runtime, concurrency, concurrency * 2)?;
            let busy = bench.server.busy_ns()?;
            let load = clients.load(client, runtime, concurrency, requests)?;
            let busy = bench.server.busy_ns()?.saturating_sub(busy);
            let mut of_client = load.figures();
            of_client["server_busy"] = (busy as f64 / load.elapsed.as_nanos() as f64).into();
            figures.insert((*client).to_owned(), of_client);
        }
        measured.push(Value::Object(figures));
        // Whoever comes first finds other things in the caches than whoever comes second.
        order.rotate_left(1);
    }
    Ok(measured)
}
