//! What came of it, for people and for programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use auth_session::{AuthSession, SessionState, SignOutReason, TraceEntry};
use serde_json::json;

use crate::load::Outcome;

pub(crate) struct Report {
    start: Instant,
    latencies: Vec<Duration>,
    failed: BTreeMap<String, usize>,
    refreshes: u64,
    refresh_failures: u64,
    signed_out: Option<&'static str>,
    wall: Duration,
    trace: Vec<TraceEntry>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self {
            start: Instant::now(),
            latencies: Vec::new(),
            failed: BTreeMap::new(),
            refreshes: 0,
            refresh_failures: 0,
            signed_out: None,
            wall: Duration::ZERO,
            trace: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, outcomes: Vec<Outcome>) {
        for Outcome { failure, latency } in outcomes {
            self.latencies.push(latency);
            if let Some(failure) = failure {
                *self.failed.entry(failure).or_default() += 1;
            }
        }
    }

    /// Takes over what the session itself has counted.
    pub(crate) fn end(mut self, session: Option<&AuthSession>) -> Self {
        self.wall = self.start.elapsed();
        self.latencies.sort_unstable();
        if let Some(session) = session {
            self.trace = session.trace();
            let statistics = session.statistics();
            self.refreshes = statistics.refreshes;
            self.refresh_failures = statistics.failed_refresh_attempts;
            self.signed_out = match session.state() {
                SessionState::SignedOut { reason: SignOutReason::NeverSignedIn } => None,
                SessionState::SignedOut { reason } => Some(reason.name()),
                _ => None,
            };
        }
        self
    }

    pub(crate) fn all_succeeded(&self) -> bool {
        self.failed.is_empty()
    }

    /// The session's decisions, for people; they go to standard error.
    pub(crate) fn show_trace(&self) {
        for entry in &self.trace {
            eprintln!("{entry}");
        }
    }

    pub(crate) fn show(&self, json: bool) {
        print(&if json { self.as_json() } else { self.as_table() });
    }

    fn succeeded(&self) -> usize {
        self.latencies.len() - self.failed.values().sum::<usize>()
    }

    fn percentile(&self, hundredths: usize) -> Option<u128> {
        let last = self.latencies.len().checked_sub(1)?;
        self.latencies.get(last * hundredths / 100).map(Duration::as_micros)
    }

    fn as_json(&self) -> String {
        json!({
            "requests": self.latencies.len(),
            "succeeded": self.succeeded(),
            "failed": self.failed,
            "refreshes": self.refreshes,
            "refresh_failures": self.refresh_failures,
            "signed_out": self.signed_out,
            "p50_us": self.percentile(50),
            "p99_us": self.percentile(99),
            "wall_ms": self.wall.as_millis(),
        })
        .to_string()
    }

    fn as_table(&self) -> String {
        let milliseconds = |value: Option<u128>| {
            value.map_or("-".into(), |value| format!("{:.1} ms", value as f64 / 1000.0))
        };
        let mut rows =
            vec![("requests", self.latencies.len().to_string()), ("succeeded", self.succeeded().to_string())];
        let failed: Vec<_> = self.failed.iter().map(|(what, count)| format!("{count} {what}")).collect();
        rows.push(("failed", if failed.is_empty() { "0".into() } else { failed.join(", ") }));
        rows.extend([
            ("refreshes", self.refreshes.to_string()),
            ("failed refresh attempts", self.refresh_failures.to_string()),
            ("signed out", self.signed_out.unwrap_or("no").into()),
            ("median latency", milliseconds(self.percentile(50))),
            ("99th percentile", milliseconds(self.percentile(99))),
            ("time in all", milliseconds(Some(self.wall.as_micros()))),
        ]);
        rows.iter().map(|(name, value)| format!("  {name:<25}{value}")).collect::<Vec<_>>().join("\n")
    }
}

/// The one place that writes to standard output. A reader that has gone away is no failure of ours.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
