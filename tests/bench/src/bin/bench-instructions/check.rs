//! Counts under callgrind and compares.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use bench::clients::Failure;
use serde::Deserialize;

/// The difference between the two is what the requests take: start-up, sign-in and the first connection cancel.
const FEW: u64 = 200;
const MANY: u64 = 2200;
/// Of each count; the lowest is taken. Which thread is awake when varies, and can only add to the scheduler's work.
const RUNS: usize = 5;

/// What is committed.
#[derive(Deserialize)]
struct Limits {
    /// What a request of a session took when this was last set.
    instructions_per_request: f64,
    /// By how much of it that may differ, either way: what got cheaper is to be kept.
    tolerance: f64,
    /// How many times as many instructions as bare reqwest a session may take.
    most_times_reqwest: f64,
}

/// Prints the figures and the tally of the tier; true if all is within the limits.
pub(crate) fn check(path: &Path) -> Result<bool, Failure> {
    let limits: Limits = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let session = per_request("session")?;
    let reqwest = per_request("reqwest")?;
    let ratio = session / reqwest;
    let expected = limits.instructions_per_request;
    let (least, most) = (expected * (1.0 - limits.tolerance), expected * (1.0 + limits.tolerance));
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "instructions per request: session {session:.0}, reqwest {reqwest:.0}, ratio {ratio:.4}"
    )?;
    let checks = [
        (format!("a request takes at most {most:.0} instructions"), session <= most),
        (
            format!("and no less than {least:.0}; else lower the figure in the file of limits"),
            session >= least,
        ),
        (
            format!("at most {} times as many as reqwest", limits.most_times_reqwest),
            ratio <= limits.most_times_reqwest,
        ),
    ];
    let failed = checks.iter().filter(|(_, holds)| !holds).count();
    for (name, holds) in &checks {
        writeln!(output, "{}  {name}", if *holds { "ok    " } else { "FAILED" })?;
    }
    writeln!(output, "{} passed, {failed} failed", checks.len() - failed)?;
    Ok(failed == 0)
}

fn per_request(client: &str) -> Result<f64, Failure> {
    let few = lowest(client, FEW)?;
    let many = lowest(client, MANY)?;
    Ok((many - few) as f64 / (MANY - FEW) as f64)
}

fn lowest(client: &str, count: u64) -> Result<u64, Failure> {
    (0..RUNS).try_fold(u64::MAX, |lowest, _| Ok(lowest.min(instructions(client, count)?)))
}

fn instructions(client: &str, count: u64) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=no"])
        .arg(std::env::current_exe()?)
        .args([client, &count.to_string()])
        .output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{client} under valgrind: {}\n{report}", output.status).into());
    }
    let counted = report.lines().find_map(|line| line.split_once("Collected :"));
    let (_, counted) = counted.ok_or("valgrind says no count")?;
    Ok(counted.trim().parse()?)
}
