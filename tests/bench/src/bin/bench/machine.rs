//! On what, with what and when it was measured.

use std::process::Command;

use bench::placement::Placement;
use serde_json::{Value, json};

/// No names of hosts or users, and no paths.
pub(crate) fn describe(placement: Placement) -> Value {
    json!({
        "cpu": first_after("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "memory_mib": first_after("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
            .map(|kibibytes| kibibytes / 1024),
        "kernel": said("uname", &["-r"]).map(|release| {
            // What follows the number is the build's.
            let end = release.find(|character: char| !character.is_ascii_digit() && character != '.');
            format!("Linux {}", &release[..end.unwrap_or(release.len())])
        }),
        "rustc": said("rustc", &["--version"]),
        "commit": said("git", &["rev-parse", "--short=12", "HEAD"]),
        "changed_since_commit": said("git", &["status", "--porcelain", "--untracked-files=no"])
            .is_some_and(|changes| !changes.is_empty()),
        "date": said("date", &["-u", "+%Y-%m-%d"]),
        "reqwest": version_of("reqwest"),
        "node": said("node", &["--version"]),
        "server_and_client_on_cores_of_their_own": placement.server.is_some(),
    })
}

fn first_after(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// That of a package which this program is built with.
fn version_of(package: &str) -> Option<&'static str> {
    let lock = include_str!("../../../../../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")))?;
    entry.split("version = \"").nth(1)?.split('"').next()
}
