//! Random callers, faults, cancels, sign-outs, store failures, clock jumps, suspends and kills against the library, for as
//! long as asked. See `docs/faults.md`.

mod arguments;
mod callers;
mod clock;
#[path = "../../../core/tests/support/fault_table.rs"]
mod fault_table;
mod faults;
mod future;
mod history;
mod leaks;
mod outcomes;
mod plan;
mod process;
mod processes;
mod random;
mod refreshes;
mod resources;
mod round;
mod run;
mod stalls;
mod tally;
mod verdicts;

use std::io::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use arguments::Task;
use faults::Faults;
use plan::Plan;
use random::{Random, seed_of_round};

/// The exit code of programs that were called wrongly.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let task = match arguments::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{error}\n\n{}", arguments::USAGE);
            return ExitCode::from(MISUSED);
        }
    };
    let held = match task {
        Task::Help => {
            say(arguments::USAGE);
            true
        }
        Task::Plan { seed, round } => {
            say(&Plan::new(seed_of_round(seed, round), &Faults::new()).to_string());
            true
        }
        Task::Round { seed, round } => run::run(seed, run::Extent::Round(round)),
        Task::Run { seed, most } => run::run(seed.unwrap_or_else(drawn), run::Extent::Time(most)),
    };
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Short enough to be typed.
fn drawn() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos() as u64);
    Random::new(now).next() % 1_000_000_000
}

/// To standard output; whoever has closed it does not want to know.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
