//! Clients of other languages, side by side with ours in their language: throughput and tail.

use std::sync::Arc;

use bench::clients::{Failure, signed_in};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::driven::{Driven, Language};
use crate::load::load;
use crate::{Bench, Outcome};

const CONCURRENCIES: [usize; 2] = [1, 64];
const ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 2;
/// Requests of one turn, and before the first turn: so many that a just-in-time compiler is done.
const REQUESTS: usize = 6000;
const WARMUP: usize = 20_000;
const QUICK_REQUESTS: usize = 300;

/// Ours first.
fn clients(language: Language) -> &'static [&'static str] {
    match language {
        // Where there is no engine of React Native, ours is the Rust client that the demo uses.
        Language::Node => &["axios-recipe", "axios-auth-refresh", "axios-jwt"],
        Language::Jvm => &["authsession-kotlin", "okhttp", "ktor"],
        Language::Swift => &["authsession-swift", "urlsession"],
    }
}

pub(crate) fn run(bench: &mut Bench) -> Result<Outcome, Failure> {
    let mut languages = Map::new();
    let mut failures = Vec::new();
    for language in Language::ALL {
        let measured = match language.missing() {
            Some(why) => {
                eprintln!("not run: {why}");
                json!({"not_run": why})
            }
            None => measure(bench, language).unwrap_or_else(|error| {
                eprintln!("FAILED: {}: {error}", language.name());
                failures.push(format!("{}: {error}", language.name()));
                json!({"failed": error.to_string()})
            }),
        };
        languages.insert(language.name().into(), measured);
    }
    if !failures.is_empty() {
        return Err(failures.join("; ").into());
    }
    Ok(Outcome::Measured(Value::Object(languages)))
}

/// Somebody who has a turn.
enum Contestant {
    Driven(Box<Driven>),
    /// A session in this process, called from an app's own runtime.
    Session(Arc<auth_session::AuthSession>, Runtime),
}

impl Contestant {
    fn turn(&mut self, concurrency: usize, requests: usize, warmup: usize) -> Result<Value, Failure> {
        match self {
            Self::Driven(driven) => {
                let arguments = json!({
                    "path": "/me", "concurrency": concurrency, "requests": requests, "warmup": warmup,
                });
                let answer = driven.tell("load", arguments)?;
                if answer["failed"].as_u64() != Some(0) {
                    return Err(format!("{} requests failed", answer["failed"]).into());
                }
                let seconds = answer["seconds"].as_f64().filter(|seconds| *seconds > 0.0).ok_or("no time")?;
                Ok(json!({
                    "per_second": requests as f64 / seconds,
                    "p50_us": answer["p50_us"],
                    "p99_us": answer["p99_us"],
                }))
            }
            Self::Session(session, runtime) => {
                if warmup > 0 {
                    load(runtime.handle(), session, "/me", concurrency, warmup)?;
                }
                Ok(load(runtime.handle(), session, "/me", concurrency, requests)?.figures())
            }
        }
    }
}

fn measure(bench: &Bench, language: Language) -> Result<Value, Failure> {
    let mut contestants = Vec::new();
    if language == Language::Node {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let session = runtime.block_on(signed_in(&bench.http, "beside node"))?;
        contestants.push(("authsession", Contestant::Session(Arc::new(session), runtime)));
    }
    let mut versions = Map::new();
    for name in clients(language) {
        let driven = Driven::start(bench, language, name).map_err(|error| format!("{name}: {error}"))?;
        versions.insert((*name).into(), driven.versions.clone());
        contestants.push((name, Contestant::Driven(Box::new(driven))));
    }
    let (rounds, requests, warmup) = match bench.quick {
        true => (QUICK_ROUNDS, QUICK_REQUESTS, QUICK_REQUESTS),
        false => (ROUNDS, REQUESTS, WARMUP),
    };
    let mut cells = Vec::new();
    for concurrency in CONCURRENCIES {
        let mut measured = Vec::new();
        for round in 0..rounds {
            let warmup = if round == 0 { warmup } else { 0 };
            let mut figures = Map::new();
            for (name, contestant) in &mut contestants {
                let turn = contestant.turn(concurrency, requests, warmup);
                figures.insert((*name).into(), turn.map_err(|error| format!("{name}: {error}"))?);
            }
            contestants.rotate_left(1);
            measured.push(Value::Object(figures));
        }
        cells.push(json!({"concurrency": concurrency, "rounds": measured}));
        eprintln!("{}, {concurrency} at once: done", language.name());
    }
    Ok(json!({"versions": versions, "cells": cells}))
}
