//! Holds docs/conformance.md to what is there: every statement has its number, and every test that the page names is
//! a test of the file that it names, in whatever language.

use std::fs;
use std::path::PathBuf;

const PAGE: &str = include_str!("../../docs/conformance.md");

/// What a statement that no test shows says of itself.
const EXCUSES: [&str; 3] = ["**Not there**", "**Not yet**", "**The app's part**"];

/// A row of one of the two tables.
struct Row {
    number: usize,
    statement: &'static str,
    /// Links to files with the names of tests in them.
    shown_by: Vec<(&'static str, &'static str)>,
}

impl Row {
    fn read(line: &'static str) -> Self {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, statement, clause, shown_by] = cells[..] else { panic!("four columns: {line}") };
        assert!(!clause.is_empty(), "whose statement is it? {line}");
        let shown_by = shown_by.split("<br>").filter(|text| !text.is_empty());
        Self {
            number: number.parse().expect("a number"),
            statement,
            shown_by: shown_by.map(|text| named(text).unwrap_or_else(|| panic!("no test: {text}"))).collect(),
        }
    }
}

/// The path and the name in ``[path](../path) `name` ``.
fn named(text: &'static str) -> Option<(&'static str, &'static str)> {
    let (path, rest) = text.strip_prefix('[')?.split_once("](../")?;
    let (target, rest) = rest.split_once(')')?;
    let name = rest.trim().strip_prefix('`')?.strip_suffix('`')?;
    (path == target).then_some((path, name))
}

/// The rows of the table under this heading.
fn rows(heading: &str) -> Vec<Row> {
    let heading = format!("## {heading}");
    let table = PAGE.lines().skip_while(|line| **line != heading).skip_while(|line| !line.starts_with("|-"));
    table.skip(1).take_while(|line| line.starts_with('|')).map(Row::read).collect()
}

fn all_rows() -> impl Iterator<Item = Row> {
    ["RFCs", "MASVS v2"].into_iter().flat_map(rows)
}

fn in_the_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Whether the file holds a test of this name, and one that is run.
fn holds(path: &str, text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let begins = |beginning: String| lines.iter().position(|line| line.starts_with(&beginning));
    let attributes = |line: usize| {
        let above = lines[..line].iter().rev();
        above.take_while(|line| line.starts_with(['#', '@', '/'])).copied()
    };
    match path.rsplit('.').next() {
        Some("rs") => {
            let function = |keywords: &str| begins(format!("{keywords} {name}("));
            // A promise of several stores, of which a macro makes a test for each.
            if function("pub(super) fn").is_some() {
                return lines.iter().any(|line| line.strip_suffix(',') == Some(name));
            }
            function("fn").or_else(|| function("async fn")).is_some_and(|line| {
                let is_test = |line: &str| line == "#[test]" || line.starts_with("#[tokio::test");
                attributes(line).any(is_test) && !attributes(line).any(|line| line.starts_with("#[ignore"))
            })
        }
        Some("kt") => {
            begins(format!("fun `{name}`(")).is_some_and(|line| attributes(line).any(|line| line == "@Test"))
        }
        Some("swift") => name.starts_with("test") && begins(format!("func {name}(")).is_some(),
        Some("ts") => {
            ['\'', '"'].into_iter().any(|quote| begins(format!("test({quote}{name}{quote}")).is_some())
        }
        Some("json") => begins(format!("\"name\": \"{name}\"")).is_some(),
        Some("sh") => begins(format!("check \"{name}\"")).is_some(),
        _ => false,
    }
}

#[test]
fn every_statement_has_its_number_and_a_test_or_a_reason() {
    for (heading, statements) in [("RFCs", 60), ("MASVS v2", 26)] {
        let numbers: Vec<_> = rows(heading).iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=statements).collect::<Vec<_>>(), "{heading}");
    }
    for Row { number, statement, shown_by } in all_rows() {
        let is_excused = EXCUSES.iter().any(|excuse| statement.contains(excuse));
        assert!(is_excused || !shown_by.is_empty(), "{number}: {statement}");
    }
}

#[test]
fn every_test_that_the_page_names_is_a_test_of_that_file() {
    let mut missing = Vec::new();
    for (path, name) in all_rows().flat_map(|row| row.shown_by) {
        match fs::read_to_string(in_the_repository(path)) {
            Ok(text) if holds(path, &text, name) => {}
            Ok(_) => missing.push(format!("{path} has no test `{name}`")),
            Err(_) => missing.push(format!("there is no file {path}")),
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_page_that_the_page_links_to_is_there() {
    let targets: Vec<_> = PAGE.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(targets.len() > 100);
    for target in targets {
        assert!(in_the_repository("docs").join(target).is_file(), "{target}");
    }
}

#[test]
fn what_only_looks_like_a_test_is_none() {
    let rust = "#[test]\n#[allow(x)]\nfn is_one() {}\n\nfn helper() {}\n#[test]\n#[ignore]\nfn ignored() {}\n\
                pub(super) fn promised() {}\npub(super) fn shared() {}\npromised,\n\
                // fn in_a_comment() {}";
    for (name, expected) in [
        ("promised", true),
        ("shared", false),
        ("is_one", true),
        ("helper", false),
        ("ignored", false),
        ("is", false),
        ("in_a_comment", false),
    ] {
        assert_eq!(holds("a.rs", rust, name), expected, "{name}");
    }
    let kotlin = "@Test\nfun `is one`() {}\n\nfun `helps`() {}";
    assert!(holds("a.kt", kotlin, "is one") && !holds("a.kt", kotlin, "helps"));
    let swift = "func testIsOne() {}\nfunc helps() {}";
    assert!(holds("a.swift", swift, "testIsOne") && !holds("a.swift", swift, "helps"));
    let typescript = "test('is one', () => {});\ntest.skip('is skipped', () => {});";
    assert!(holds("a.ts", typescript, "is one") && !holds("a.ts", typescript, "is skipped"));
    assert!(!holds("a.md", "is one", "is one"));
}
