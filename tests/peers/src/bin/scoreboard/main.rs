//! The scoreboard: puts the scenarios and storms to clients in processes of their own, and says of each what went wrong.
//! `scripts/scoreboard.sh` builds what it needs and runs it.

mod arguments;
mod board;
mod cell;
mod clients;
mod driven;
mod judgement;
mod page;
mod places;
mod scenario;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use arguments::{Arguments, USAGE};
use board::{Board, Result as CellResult};
use clients::{CLIENTS, Client};
use scenario::Scenario;

/// How many cells run at once: a cell mostly waits, and more would take each other's processor.
const CELLS_AT_ONCE: usize = 5;

fn say(text: &str) {
    // Nobody reads on where the output is closed.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The scenarios, then the storms, or those of a folder; those that are named, where some are.
fn choose(names: &[String], folder: Option<&Path>) -> Result<Vec<Scenario>, String> {
    let own = [places::scenarios_folder(), places::storms_folder()];
    let folders = folder.map_or(own.to_vec(), |folder| vec![folder.to_owned()]);
    let mut scenarios = Vec::new();
    for folder in &folders {
        scenarios.extend(scenario::load(folder)?);
    }
    if let Some(unknown) = names.iter().find(|name| scenarios.iter().all(|scenario| scenario.name != **name))
    {
        return Err(format!("there is no scenario {unknown}; --list names them"));
    }
    if !names.is_empty() {
        scenarios.retain(|scenario| names.contains(&scenario.name));
    }
    Ok(scenarios)
}

async fn run_all(
    clients: &[&'static Client],
    scenarios: &[Arc<Scenario>],
    runs: usize,
    verbose: bool,
) -> Board {
    let places = Arc::new(Semaphore::new(if verbose { 1 } else { CELLS_AT_ONCE }));
    let mut cells = JoinSet::new();
    for scenario in scenarios {
        for client in clients {
            let (client, scenario, places) = (*client, Arc::clone(scenario), Arc::clone(&places));
            cells.spawn(async move {
                let _place = places.acquire_owned().await.expect("nobody closes it");
                let mut outcomes = Vec::new();
                for _ in 0..runs {
                    if verbose {
                        say(&format!("{} {}:", client.name, scenario.name));
                    }
                    outcomes.push(cell::run(client, &scenario, verbose).await);
                }
                (client, scenario, outcomes)
            });
        }
    }
    let mut board = Board::default();
    while let Some(cell) = cells.join_next().await {
        let (client, scenario, outcomes) = cell.expect("a cell does not panic");
        if let Some(Ok(outcome)) = outcomes.first() {
            board.put_versions(client, outcome.versions.clone());
        }
        let result = CellResult::of(outcomes);
        say(&format!("{:<29} {:<32} {}", client.name, scenario.name, result.text()));
        board.put(client, &scenario, result);
    }
    board
}

/// The tier: what it prints last is what `scripts/test.sh` reads.
fn test(board: &Board, clients: &[&Client], scenarios: &[&Scenario], runs: usize, committed: &Path) -> bool {
    let before = page::read(&std::fs::read_to_string(committed).unwrap_or_default());
    let after = page::read(&page::write(board, clients, scenarios, runs));
    for difference in page::differences(&before, &after) {
        say(&format!("differs from {}: {difference}", committed.display()));
    }
    let (passed, mut failed) = board.test(clients, scenarios);
    let missing = page::missing(&before, clients, scenarios);
    failed.extend(missing.iter().map(|missing| format!("{} {missing}", committed.display())));
    for failure in &failed {
        say(&format!("FAILED  {failure}"));
    }
    say(&format!("{passed} passed, {} failed", failed.len()));
    failed.is_empty() && passed > 0
}

async fn run(arguments: Arguments) -> Result<bool, String> {
    let scenarios: Vec<Arc<Scenario>> =
        choose(&arguments.scenarios, arguments.folder.as_deref())?.into_iter().map(Arc::new).collect();
    if arguments.list {
        say("clients:");
        CLIENTS.iter().for_each(|client| say(&format!("  {}", client.name)));
        say("scenarios:");
        scenarios.iter().for_each(|scenario| say(&format!("  {:<32} {}", scenario.name, scenario.title)));
        return Ok(true);
    }
    let board = run_all(&arguments.clients, &scenarios, arguments.runs(), arguments.verbose).await;
    let scenarios: Vec<&Scenario> = scenarios.iter().map(Arc::as_ref).collect();
    for client in &arguments.clients {
        let ok = board.ok_count(client, &scenarios);
        say(&format!("{:<29} {ok} of {} ok", client.name, scenarios.len()));
    }
    if let Some(path) = &arguments.write {
        let page = page::write(&board, &arguments.clients, &scenarios, arguments.runs());
        std::fs::write(path, page).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(committed) = &arguments.test {
        return Ok(test(&board, &arguments.clients, &scenarios, arguments.runs(), committed));
    }
    let all_ran = arguments.clients.iter().all(|client| {
        scenarios.iter().all(|scenario| !matches!(board.result(client, scenario), CellResult::NotRun(_)))
    });
    Ok(all_ran)
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) if arguments.help => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
