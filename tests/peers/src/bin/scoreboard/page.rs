//! The page `docs/scoreboard.md`: made of the results, and read back to say where two runs differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::board::{Board, Result};
use crate::clients::Client;
use crate::scenario::{Scenario, Uncounted};

/// By scenario and client.
pub(crate) type Cells = BTreeMap<(String, String), String>;

const INTRODUCTION: &str = "\
# Scoreboard

Written by `scripts/scoreboard.sh --write docs/scoreboard.md`; do not edit.

The same hard cases, put to this library and to what apps use instead. The cases are those of
[tests/scenarios](../tests/scenarios/README.md), which are this library's own tests, and some
[storms](../tests/peers/storms): many callers at once, and callers who go away. Each run of a cell has a client in a process
of its own and a new [test-authority](../tests/authority/README.md): a strict server that rotates refresh tokens, ends the
session when one is used twice, and counts everything. Each client is written as its users would write it from its own
documentation ([tests/peers/clients](../tests/peers/clients)), in a version that is pinned.

That the library is ok in its own tests is the least that one may expect. What the table is for: each row is something that
happens to apps, and says what it does to them.

## How it is judged

By consequences that every client has in common, not by how it is done:

- A caller that should succeed must get the success. A status of the server's own, such as 403, must reach the caller.
- With a session that is over or another's, a request must not succeed; any failure will do that reaches the caller, a
  401 or an error. Where the library gives the caller a 401 for another reason, anything that comes back will do.
- A caller hangs if for 15 seconds nothing has come back and nothing has moved at the server, which holds nothing any more:
  several times as long as the clients pause between attempts.
- The user is signed in or not: *signed out* means that the app has dropped the tokens of a session that goes on.
- Refreshes, requests and uses of a spent refresh token may be fewer than in the library's own tests, but not more.
  What the server carries out must be neither. A refresh token must not follow a redirect.
- Not compared: events, reasons, idempotency keys, how often a client retries below that bound, and time.
- In the client's favour: requests without a token that somebody sends who is signed out do no harm, since the server refuses
  them, and are only mentioned; where tokens have expired when they arrive, a refresh before each use is as it should be; a
  session that the server has ended without the client's knowledge may still look alive; a client with fewer connections than
  a row wants held at the server is held with as many as it has.

Most libraries leave two things to the app, and there all clients here do the same. The app drops the tokens when the refresh
endpoint answers 401, and at nothing else: not when it cannot be reached, answers another status, or answers nonsense. (What
axios-jwt does by itself, it does.) And who signs out is signed out at once, before the server hears of it. Clients with a limit
on connections to a host (OkHttp, Ktor's engine, `URLSession`) have it raised to 64, which is in their favour.

Each cell was run RUNS. What did not go wrong in each of them says in how many it did; a client's own callers race.
**Rows are not independent**: one defect shows wherever its circumstances come up, so the number of rows that are ok says how
much of this list a client gets through, not how many defects it has. The causes beside it come nearer to that; the number in
parentheses is that of rows, and a row can have several. The rules in full, and the protocol by which another client could be put to the
same rows, are in [tests/peers](../tests/peers/README.md).

## Reproduce a cell

```sh
scripts/scoreboard.sh --client CLIENT --scenario ROW -v
```

with the names at the top of the column and in the row, which builds what that client needs and shows each step. The command for
each cell that is not ok is at the [end of the page](#commands).
";

/// The rows of one kind, under a heading of their own.
struct Section {
    heading: &'static str,
    introduction: &'static str,
    holds: Option<Uncounted>,
}

/// The first holds what is counted.
const SECTIONS: [Section; 3] = [
    Section { heading: ROWS, introduction: "", holds: None },
    Section {
        heading: "## What needs this library's idempotency key; not counted",
        introduction: "\
The server forgives a refresh token that is used again only if the `Idempotency-Key` is the same, which no other client sends.
It shows what a server gains that knows the key, and nothing about the others.
",
        holds: Some(Uncounted::NeedsTheKey),
    },
    Section {
        heading: "## What the app decides; not counted",
        introduction: "\
That a 401 of the refresh endpoint ends the session is what all other apps here are written to do (see above). This library
has a rule of its own for it.
",
        holds: Some(Uncounted::IsThePolicy),
    },
];

const ROWS: &str = "## Rows";

/// The page of these clients and scenarios, each cell of which was run so often.
pub(crate) fn write(board: &Board, clients: &[&Client], scenarios: &[&Scenario], runs: usize) -> String {
    let times = if runs == 1 { "once".to_owned() } else { format!("{runs} times") };
    let mut page = INTRODUCTION.replace("RUNS", &times);
    let of = |section: &Section| -> Vec<&Scenario> {
        scenarios.iter().copied().filter(|scenario| scenario.uncounted() == section.holds).collect()
    };
    let counted = of(&SECTIONS[0]);
    page += "\n## Clients\n\n| client | what it is | versions | rows that are ok | what is behind the others |\n\
             |---|---|---|---|---|\n";
    for client in clients {
        let (name, description) = (client.name, client.description);
        let (versions, ok) = (board.versions(client), board.ok_count(client, &counted));
        let causes = board.causes(client, &counted);
        let causes: Vec<String> =
            causes.iter().map(|(cause, rows)| format!("{} ({rows})", cause.text())).collect();
        // A string takes every write.
        let _ = writeln!(
            page,
            "| `{name}` | {description} | {versions} | {ok} of {} | {} |",
            counted.len(),
            causes.join("; ")
        );
    }
    for section in &SECTIONS {
        let rows = of(section);
        if !rows.is_empty() {
            page += &format!("\n{}\n\n", section.heading);
            if !section.introduction.is_empty() {
                page += &format!("{}\n", section.introduction);
            }
            page += &table(board, clients, &rows);
        }
    }
    page + &commands(board, clients, scenarios)
}

fn table(board: &Board, clients: &[&Client], scenarios: &[&Scenario]) -> String {
    let mut table = String::from("| row |");
    for client in clients {
        let _ = write!(table, " `{}` |", client.name);
    }
    table += &format!("\n|---|{}\n", "---|".repeat(clients.len()));
    for scenario in scenarios {
        let _ = write!(table, "| `{}`<br>{} |", scenario.name, escape(&scenario.title));
        for client in clients {
            let _ = write!(table, " {} |", cell(board.result(client, scenario)));
        }
        table.push('\n');
    }
    table
}

fn cell(result: &Result) -> String {
    match result {
        Result::Ran { .. } => escape(&result.text()),
        Result::NotRun(_) => "did not run".to_owned(),
    }
}

/// What reproduces each cell that is not ok, to be copied.
fn commands(board: &Board, clients: &[&Client], scenarios: &[&Scenario]) -> String {
    let mut text = String::from("\n## Commands\n\nOne for each cell that is not ok.\n");
    for client in clients {
        let cells: Vec<&Scenario> =
            scenarios.iter().copied().filter(|scenario| !board.result(client, scenario).is_ok()).collect();
        if cells.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n<details><summary><code>{}</code></summary>\n\n```sh", client.name);
        for scenario in cells {
            // Where runs differ, one may show nothing.
            let runs = if board.result(client, scenario).varies() { " --runs 10" } else { "" };
            let (client, scenario) = (client.name, &scenario.name);
            let _ = writeln!(text, "scripts/scoreboard.sh --client {client} --scenario {scenario} -v{runs}");
        }
        text += "```\n\n</details>\n";
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The cells of a page.
pub(crate) fn read(page: &str) -> Cells {
    let mut cells = Cells::new();
    let mut clients: Vec<String> = Vec::new();
    let rows = page.lines().skip_while(|line| *line != ROWS).filter(|line| line.starts_with("| "));
    for line in rows {
        let mut columns = line.trim_matches('|').split(" | ").map(str::trim);
        let first = columns.next().unwrap_or_default();
        let named = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
        if first == "row" {
            clients = columns.map(named).collect();
        } else {
            let row = named(first);
            for (client, cell) in clients.iter().zip(columns) {
                cells.insert((row.clone(), client.clone()), cell.to_owned());
            }
        }
    }
    cells
}

/// The rows and clients that a page has none of; a line for each.
pub(crate) fn missing(cells: &Cells, clients: &[&Client], scenarios: &[&Scenario]) -> Vec<String> {
    let rows: BTreeSet<&str> = cells.keys().map(|(row, _)| row.as_str()).collect();
    let columns: BTreeSet<&str> = cells.keys().map(|(_, client)| client.as_str()).collect();
    let clients = clients.iter().filter(|client| !columns.contains(client.name));
    let scenarios = scenarios.iter().filter(|scenario| !rows.contains(scenario.name.as_str()));
    clients
        .map(|client| format!("has no column for {}", client.name))
        .chain(scenarios.map(|scenario| format!("has no row for {}", scenario.name)))
        .collect()
}

/// Where a later page says something else about the same cell, or knows others; a line for each.
pub(crate) fn differences(before: &Cells, after: &Cells) -> Vec<String> {
    let mut lines = Vec::new();
    for ((row, client), now) in after {
        match before.get(&(row.clone(), client.clone())) {
            Some(then) if then == now => {}
            Some(then) => lines.push(format!("{client} {row}: {now} (was: {then})")),
            None => lines.push(format!("{client} {row}: {now} (is new)")),
        }
    }
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    lines.extend(gone.map(|(row, client)| format!("{client} {row}: is gone")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::tests::{result, scenario};
    use crate::judgement::Cause::{NeedlessRefresh, SignedOut};

    fn clients() -> [&'static Client; 2] {
        ["authsession", "axios-recipe"].map(|name| Client::named(name).expect("a client"))
    }

    fn page(results: [Result; 2]) -> String {
        let scenario = scenario("late_401");
        let mut board = Board::default();
        for (client, result) in clients().iter().zip(results) {
            board.put(client, &scenario, result);
        }
        write(&board, &clients(), &[&scenario], 2)
    }

    fn ok() -> Result {
        result(&[&[], &[]])
    }

    fn signed_out() -> Result {
        result(&[&[(SignedOut, "signed out")], &[(SignedOut, "signed out")]])
    }

    fn key(client: &str) -> (String, String) {
        ("late_401".to_owned(), client.to_owned())
    }

    #[test]
    fn the_cells_of_a_page_can_be_read_back() {
        let worse = [(SignedOut, "signed out"), (NeedlessRefresh, "2 refreshes, not 1")];
        let cells = read(&page([ok(), result(&[&worse, &worse[..1]])]));
        assert_eq!(cells.len(), 2);
        assert_eq!(cells[&key("authsession")], "ok");
        assert_eq!(cells[&key("axios-recipe")], "signed out; 2 refreshes, not 1 (in 1 of 2 runs)");
    }

    #[test]
    fn what_differs_between_two_pages_is_said_cell_by_cell() {
        let before = read(&page([ok(), signed_out()]));
        let after = read(&page([ok(), ok()]));
        assert_eq!(differences(&before, &after), ["axios-recipe late_401: ok (was: signed out)"]);
        assert_eq!(differences(&before, &before), Vec::<String>::new());
        assert_eq!(differences(&Cells::new(), &after).len(), 2);
        assert_eq!(differences(&after, &Cells::new()).len(), 2);
    }

    #[test]
    fn a_row_or_a_client_that_a_page_has_none_of_is_missing() {
        let cells = read(&page([ok(), signed_out()]));
        let (late, early) = (scenario("late_401"), scenario("early_401"));
        assert_eq!(missing(&cells, &clients(), &[&late]), Vec::<String>::new());
        let okhttp = Client::named("okhttp").expect("a client");
        let both = missing(&cells, &[clients()[0], okhttp], &[&late, &early]);
        assert_eq!(both, ["has no column for okhttp", "has no row for early_401"]);
    }

    #[test]
    fn the_page_counts_the_rows_and_gives_a_command_for_each_cell_that_is_not_ok() {
        let page = page([ok(), signed_out()]);
        let command = "scripts/scoreboard.sh --client axios-recipe --scenario late_401 -v";
        assert!(page.lines().any(|line| line == command));
        assert!(!page.contains("--client authsession "));
        assert!(page.contains("Each cell was run 2 times."));
        let line = |client: &str| {
            let start = format!("| `{client}` |");
            page.lines().find(|line| line.starts_with(&start)).expect("a line").to_owned()
        };
        assert!(line("authsession").ends_with("| 1 of 1 |  |"));
        let behind = "the user is signed out of a session that goes on (1)";
        assert!(line("axios-recipe").ends_with(&format!("| 0 of 1 | {behind} |")));
    }

    #[test]
    fn the_command_for_a_cell_whose_runs_differ_runs_it_often() {
        let varying = page([ok(), result(&[&[(SignedOut, "signed out")], &[]])]);
        let command = "scripts/scoreboard.sh --client axios-recipe --scenario late_401 -v --runs 10";
        assert!(varying.lines().any(|line| line == command));
    }

    #[test]
    fn what_is_not_counted_has_a_section_of_its_own_and_can_be_read_back() {
        let mut needs_the_key = scenario("replay");
        needs_the_key.realm.idempotent_replay = true;
        let counted = scenario("late_401");
        let client = clients()[1];
        let mut board = Board::default();
        board.put(client, &counted, ok());
        board.put(client, &needs_the_key, signed_out());
        let page = write(&board, &[client], &[&needs_the_key, &counted], 2);
        assert!(page.contains("| 1 of 1 |"));
        let (before, after) = page.split_once(SECTIONS[1].heading).expect("the section");
        assert!(before.contains("`late_401`") && after.contains("| `replay`"));
        assert_eq!(read(&page).len(), 2);
    }
}
