//! The page `docs/scoreboard.md`: made of the results, and read back to say where two runs differ.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::board::{Board, Result};
use crate::clients::Client;
use crate::scenario::Scenario;

/// By scenario and client.
pub(crate) type Cells = BTreeMap<(String, String), String>;

const INTRODUCTION: &str = "\
# Scoreboard

Written by `scripts/scoreboard.sh --write docs/scoreboard.md`; do not edit.

The same hard cases, put to this library and to what apps use instead. The cases are those of
[tests/scenarios](../tests/scenarios/README.md), which are this library's own tests, and some
[storms](../tests/peers/storms): many callers at once. Each cell is a run with a client in a process of its own and a
new [test-authority](../tests/authority/README.md): a strict server that rotates refresh tokens, ends the session when
one is used twice, and counts everything. Each client is written as its users would write it from its own documentation
([tests/peers/clients](../tests/peers/clients)), in a version that is pinned.

That the library is ok in its own tests is the least that one may expect. What the table is for: each row is something that
happens to apps, and says what it does to them.

## How it is judged

By consequences that every client has in common, not by how it is done:

- A caller that should succeed must get the success. A status of the server's own, such as 403, must reach the caller.
- With a session that is over or another's, a request must not succeed; any failure will do that reaches the caller, a
  401 or an error. Where the library gives the caller a 401 for another reason, anything that comes back will do.
- A caller hangs if for 5 seconds nothing has come back and nothing has moved at the server, which holds nothing any more.
- The user is signed in or not: *signed out* means that the app has dropped the tokens of a session that goes on.
- Refreshes, requests and uses of a spent refresh token may be fewer than in the library's own tests, but not more.
  What the server carries out must be neither. A refresh token must not follow a redirect.
- Not compared: events, reasons, idempotency keys, how often a client retries below that bound, and time.
- In the client's favour: requests that somebody sends who is signed out may reach the server, where they are refused,
  but for the row whose subject this is; a session that the server has ended without the client's knowledge may still
  look alive; a client with fewer connections than a row wants held at the server is held with as many as it has.

A cell is *ok* or says what went wrong, all of it, in that one run. Where a client's own callers race, another run may find
less or more. The rules in full, and the protocol by which another
client could be put to the same rows, are in [tests/peers](../tests/peers/README.md).

## Reproduce a cell

```sh
scripts/scoreboard.sh --client CLIENT --scenario ROW -v
```

with the names at the top of the column and in the row, which builds what that client needs and shows each step:
";

/// The page of these clients and scenarios.
pub(crate) fn write(board: &Board, clients: &[&Client], scenarios: &[&Scenario]) -> String {
    let mut page = String::from(INTRODUCTION);
    let example = clients.iter().find(|client| !client.is_ours).or(clients.first());
    if let (Some(client), Some(scenario)) = (example, scenarios.first()) {
        page +=
            &format!("`scripts/scoreboard.sh --client {} --scenario {} -v`.\n", client.name, scenario.name);
    }
    page += "\n## Clients\n\n| client | what it is | versions | rows that are ok |\n|---|---|---|---|\n";
    for client in clients {
        let (name, description) = (client.name, client.description);
        let (versions, ok) = (board.versions(client), board.ok_count(client, scenarios));
        // A string takes every write.
        let _ = writeln!(page, "| `{name}` | {description} | {versions} | {ok} of {} |", scenarios.len());
    }
    page += "\n## Rows\n\n| row |";
    for client in clients {
        let _ = write!(page, " `{}` |", client.name);
    }
    page += &format!("\n|---|{}\n", "---|".repeat(clients.len()));
    for scenario in scenarios {
        let _ = write!(page, "| `{}`<br>{} |", scenario.name, escape(&scenario.title));
        for client in clients {
            let _ = write!(page, " {} |", cell(board.result(client, scenario)));
        }
        page.push('\n');
    }
    page
}

fn cell(result: &Result) -> String {
    match result {
        Result::Ok => "ok".to_owned(),
        Result::Findings(findings) => {
            findings.iter().map(|finding| escape(finding)).collect::<Vec<_>>().join("; ")
        }
        Result::NotRun(_) => "did not run".to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The cells of a page.
pub(crate) fn read(page: &str) -> Cells {
    let mut cells = Cells::new();
    let mut clients: Vec<String> = Vec::new();
    let rows = page.lines().skip_while(|line| *line != "## Rows").filter(|line| line.starts_with("| "));
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

    fn page(results: [Result; 2]) -> String {
        let scenario: Scenario =
            serde_json::from_str(r#"{"name": "late_401", "title": "A 401 | late", "steps": []}"#)
                .expect("a scenario");
        let clients = ["authsession", "axios-recipe"].map(|name| Client::named(name).expect("a client"));
        let mut board = Board::default();
        for (client, result) in clients.iter().zip(results) {
            board.put(client, &scenario, result);
        }
        write(&board, &clients, &[&scenario])
    }

    fn key(client: &str) -> (String, String) {
        ("late_401".to_owned(), client.to_owned())
    }

    #[test]
    fn the_cells_of_a_page_can_be_read_back() {
        let findings = vec!["signed out".to_owned(), "2 refreshes, not 1".to_owned()];
        let cells = read(&page([Result::Ok, Result::Findings(findings)]));
        assert_eq!(cells.len(), 2);
        assert_eq!(cells[&key("authsession")], "ok");
        assert_eq!(cells[&key("axios-recipe")], "signed out; 2 refreshes, not 1");
    }

    #[test]
    fn what_differs_between_two_pages_is_said_cell_by_cell() {
        let before = read(&page([Result::Ok, Result::Findings(vec!["signed out".to_owned()])]));
        let after = read(&page([Result::Ok, Result::Ok]));
        assert_eq!(differences(&before, &after), ["axios-recipe late_401: ok (was: signed out)"]);
        assert_eq!(differences(&before, &before), Vec::<String>::new());
        assert_eq!(differences(&Cells::new(), &after).len(), 2);
        assert_eq!(differences(&after, &Cells::new()).len(), 2);
    }

    #[test]
    fn the_page_counts_the_rows_and_names_a_command_that_reproduces_a_cell() {
        let page = page([Result::Ok, Result::Findings(vec!["signed out".to_owned()])]);
        assert!(page.contains("`scripts/scoreboard.sh --client axios-recipe --scenario late_401 -v`"));
        assert!(
            page.lines().any(|line| line.starts_with("| `authsession` |") && line.ends_with("| 1 of 1 |"))
        );
        assert!(
            page.lines().any(|line| line.starts_with("| `axios-recipe` |") && line.ends_with("| 0 of 1 |"))
        );
    }
}
