//! Clients of other languages, side by side with ours in their language: throughput and tail.

use std::process::Command;

use bench::clients::Failure;
use serde_json::{Map, Value, json};

use crate::driven::{Driven, Language, target_directory};
use crate::{Bench, Outcome};

const CONCURRENCIES: [usize; 2] = [1, 64];
const ROUNDS: usize = 5;
const QUICK_ROUNDS: usize = 2;
/// Requests of one turn: so many of each caller's that its first one is not the one in a hundred.
const REQUESTS: usize = 4000;
const REQUESTS_OF_A_CALLER: usize = 200;
/// Before the first turn: so many that a just-in-time compiler is done.
const WARMUP: usize = 20_000;
/// Before every other: those who had to let connections go while the others had their turns open them again.
const WARMUP_OF_A_CALLER: usize = 10;
const QUICK_REQUESTS: usize = 640;

/// Ours first.
fn clients(language: Language) -> &'static [&'static str] {
    match language {
        // Ours is the demo, a program in Rust: there is no engine of React Native here.
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
    /// The demo, against this server. It starts anew for each turn, and its figures hold its sign-in as well.
    Demo(String),
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
            Self::Demo(url) => demo(url, concurrency, requests),
        }
    }
}

fn demo(url: &str, concurrency: usize, requests: usize) -> Result<Value, Failure> {
    let output = Command::new(target_directory().join("release/examples/demo"))
        .args(["--base-url", url, "--credentials", "{}", "--resource", "/me", "--allow-loopback", "--json"])
        .args(["--requests", &requests.to_string(), "--concurrency", &concurrency.to_string()])
        .output()?;
    let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
    let report: Value = serde_json::from_slice(last)?;
    if !output.status.success() || report["succeeded"].as_u64() != Some(requests as u64) {
        return Err(format!("the demo: {report}").into());
    }
    let milliseconds = report["wall_ms"].as_f64().filter(|time| *time > 0.0).ok_or("no time")?;
    Ok(json!({
        "per_second": requests as f64 * 1000.0 / milliseconds,
        "p50_us": report["p50_us"],
        "p99_us": report["p99_us"],
    }))
}

fn measure(bench: &Bench, language: Language) -> Result<Value, Failure> {
    let mut contestants = Vec::new();
    if language == Language::Node {
        contestants.push(("demo", Contestant::Demo(bench.http.url.clone())));
    }
    let mut versions = Map::new();
    for name in clients(language) {
        let driven = Driven::start(bench, language, name).map_err(|error| format!("{name}: {error}"))?;
        versions.insert((*name).into(), driven.versions.clone());
        contestants.push((name, Contestant::Driven(Box::new(driven))));
    }
    let mut cells = Vec::new();
    for concurrency in CONCURRENCIES {
        let (rounds, requests, first_warmup) = match bench.quick {
            true => (QUICK_ROUNDS, QUICK_REQUESTS, QUICK_REQUESTS),
            false => (ROUNDS, REQUESTS.max(concurrency * REQUESTS_OF_A_CALLER), WARMUP),
        };
        let mut measured = Vec::new();
        for round in 0..rounds {
            let warmup = if round == 0 { first_warmup } else { concurrency * WARMUP_OF_A_CALLER };
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
