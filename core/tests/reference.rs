//! Holds `docs/reference.md` against the code.

use std::collections::BTreeSet;
use std::path::Path;

use auth_session::{Disposition, Error, Event, SignOutReason};

/// The names in the first column of the table under this heading.
fn published(heading: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = rest.split("\n## ").next().expect("a section");
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect()
}

fn set(names: impl IntoIterator<Item = &'static str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_reason_is_published() {
    assert_eq!(published("Reasons for being signed out"), set(SignOutReason::ALL.map(SignOutReason::name)));
}

#[test]
fn every_event_is_published() {
    assert_eq!(published("Events"), set(Event::NAMES));
}

#[test]
fn every_disposition_is_published() {
    assert_eq!(published("Dispositions of an answer"), set(Disposition::ALL.map(Disposition::name)));
}

#[test]
fn every_error_code_is_published() {
    assert_eq!(published("Error codes"), set(Error::CODES));
}
