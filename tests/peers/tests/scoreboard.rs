//! The runner of the scoreboard finds what goes wrong: with the library as the client, and scenarios that expect of it
//! what it does not do.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn scoreboard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scoreboard")).args(arguments).output().expect("the runner runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn write(folder: &Path, name: &str, realm: Value, steps: Value) {
    let scenario = json!({"name": name, "title": "a scenario", "realm": realm, "steps": steps});
    std::fs::write(folder.join(format!("{name}.json")), scenario.to_string()).expect("a scenario is written");
}

/// What the cells say of one scenario each, by the scenarios' names.
fn run(scenarios: &[(&str, Value)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, steps) in scenarios {
        write(folder.path(), name, json!({}), steps.clone());
    }
    let path = folder.path().to_str().expect("text");
    let output = scoreboard(&["--client", "authsession", "--folder", path]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let finding = |name: &str| {
        let cell =
            |line: &str| Some(line.strip_prefix("authsession")?.trim().strip_prefix(name)?.trim().to_owned());
        text(&output.stdout).lines().find_map(cell).expect("a line for each scenario")
    };
    scenarios.iter().map(|(name, _)| finding(name)).collect()
}

fn authority(command: &str, body: Value) -> Value {
    json!({"do": "authority", "command": command, "body": body})
}

#[test]
fn what_a_scenario_expects_of_counters_and_callers_is_compared() {
    let expired = || vec![json!({"do": "sign_in"}), authority("expire_access_tokens", json!({}))];
    let with = |steps: &[Value]| json!([&expired()[..], steps].concat());
    let get = |count: usize, status: u16| json!({"do": "request", "path": "/me", "count": count, "expect": {"status": status}});
    let counters = |counters: Value| json!({"do": "expect_counters", "counters": counters});
    let found = run(&[
        ("right", with(&[get(5, 200), counters(json!({"refreshes": 1, "resource_ok": 5}))])),
        ("refreshes", with(&[get(5, 200), counters(json!({"refresh_requests": 0, "refreshes": 0}))])),
        ("fewer", with(&[get(5, 200), counters(json!({"refresh_requests": 9, "logouts": 9}))])),
        ("carried_out", with(&[get(5, 200), counters(json!({"resource_ok": 4}))])),
        ("status", with(&[get(5, 403), get(1, 403)])),
        ("not_signed_out", json!([{"do": "sign_in"}, {"do": "expect_state", "state": "signed_out"}])),
    ]);
    let expected = [
        "ok",
        "1 refresh request, not 0",
        "ok",
        "5 requests carried out, not 4",
        "0 of 5 get the 403; the caller gets 200",
        "still signed in",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_session_that_is_lost_is_the_worst_and_is_found_without_being_asked_for() {
    let lost = |rest: &[Value]| {
        let commands =
            ["expire_access_tokens", "revoke_refresh_tokens"].map(|name| authority(name, json!({})));
        json!([&[json!({"do": "sign_in"})], &commands[..], rest].concat())
    };
    let get = |expect: Value| json!({"do": "request", "path": "/me", "count": 3, "expect": expect});
    let found = run(&[
        ("unasked", lost(&[get(json!({"status": 401, "disposition": "refresh_failed"}))])),
        (
            "with_more",
            lost(&[
                get(json!({"status": 200})),
                json!({"do": "expect_counters", "counters": {"refresh_requests": 0}}),
            ]),
        ),
    ]);
    assert_eq!(found, ["signed out", "signed out; 0 of 3 succeed; 1 refresh request, not 0"]);
}

#[test]
fn who_waits_at_the_server_waits_and_who_waits_for_ever_hangs() {
    let hold = || authority("hold", json!({"endpoint": "resource", "path": "/slow", "when": "before"}));
    let get = || json!({"do": "request", "path": "/slow", "count": 3, "expect": {"status": 200}});
    let release = || authority("release", json!({"endpoint": "resource"}));
    let found = run(&[
        ("released", json!([{"do": "sign_in"}, hold(), get(), release()])),
        ("never_released", json!([{"do": "sign_in"}, hold(), get()])),
    ]);
    assert_eq!(found, ["3 callers wait for the refresh", "3 callers wait for the refresh; 3 of 3 hang"]);
}

#[test]
fn a_success_with_a_session_that_is_over_is_found() {
    let refused = json!({"status": 401, "disposition": "session_changed"});
    let found = run(&[(
        "next_session",
        json!([
            {"do": "sign_in"},
            authority("hold", json!({"endpoint": "resource", "path": "/slow", "when": "before"})),
            {"do": "start", "as": "late", "path": "/slow"},
            authority("await_held", json!({"endpoint": "resource", "count": 1})),
            {"do": "sign_in"},
            authority("release", json!({"endpoint": "resource"})),
            {"do": "finish", "as": "late", "expect": refused},
        ]),
    )]);
    assert_eq!(found, ["succeeds with the tokens of the next user"]);
}

#[test]
fn the_tier_fails_when_ours_is_not_ok_and_says_where_the_page_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    let page = folder.path().join("page.md");
    let page = page.to_str().expect("text");
    let expecting = |state: &str| {
        write(
            folder.path(),
            "state",
            json!({}),
            json!([{"do": "sign_in"}, {"do": "expect_state", "state": state}]),
        );
    };
    expecting("signed_in");
    let client = ["--client", "authsession", "--folder", path];
    let good = scoreboard(&[&client[..], &["--write", page, "--test", page]].concat());
    assert!(good.status.success(), "{}", text(&good.stdout));
    assert!(text(&good.stdout).ends_with("\n2 passed, 0 failed\n"));
    assert!(!text(&good.stdout).contains("differs"));

    expecting("signed_out");
    let bad = scoreboard(&[&client[..], &["--test", page]].concat());
    assert!(!bad.status.success());
    assert!(text(&bad.stdout).ends_with("\n1 passed, 1 failed\n"), "{}", text(&bad.stdout));
    assert!(text(&bad.stdout).contains("authsession state: still signed in (was: ok)"));
}

#[test]
fn the_tier_fails_when_the_page_lacks_a_client_or_a_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    let page = folder.path().join("page.md");
    let page = page.to_str().expect("text");
    let client = ["--client", "authsession", "--folder", path];
    write(folder.path(), "first", json!({}), json!([{"do": "sign_in"}]));
    assert!(scoreboard(&[&client[..], &["--write", page]].concat()).status.success());
    write(folder.path(), "second", json!({}), json!([{"do": "sign_in"}]));
    let without_a_row = scoreboard(&[&client[..], &["--test", page]].concat());
    assert!(!without_a_row.status.success());
    assert!(text(&without_a_row.stdout).contains("page.md has no row for second\n"));
    std::fs::write(page, "").expect("an empty page");
    let empty = scoreboard(&[&client[..], &["--test", page]].concat());
    assert!(text(&empty.stdout).contains("page.md has no column for authsession\n"));
    assert!(text(&empty.stdout).ends_with("\n3 passed, 3 failed\n"), "{}", text(&empty.stdout));
}

#[test]
fn callers_who_go_away_are_not_awaited() {
    let found = run(&[(
        "gone",
        json!([
            {"do": "sign_in"},
            authority("hold", json!({"endpoint": "resource", "path": "/slow", "when": "before"})),
            {"do": "start", "as": "gone", "path": "/slow", "count": 3},
            authority("await_held", json!({"endpoint": "resource", "count": 3})),
            {"do": "cancel", "as": "gone"},
            {"do": "request", "path": "/me", "expect": {"status": 200}},
        ]),
    )]);
    assert_eq!(found, ["ok"]);
}

#[test]
fn the_next_sign_in_is_another_users() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    write(folder.path(), "users", json!({}), json!([{"do": "sign_in"}, {"do": "sign_in"}]));
    let output = scoreboard(&["--client", "authsession", "--folder", path, "-v"]);
    let steps: Vec<&str> = text(&output.stdout).lines().filter(|line| line.contains("sign_in")).collect();
    assert_eq!(steps, ["  step  1  sign_in ada@example.com", "  step  2  sign_in bob@example.com"]);
}

#[test]
fn a_refresh_before_each_use_of_tokens_that_arrive_expired_is_no_fault_and_others_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    let steps = json!([
        {"do": "sign_in"},
        authority("expire_access_tokens", json!({})),
        {"do": "request", "path": "/me", "expect": {"status": 200}},
        {"do": "expect_counters", "counters": {"refreshes": 0}},
    ]);
    write(folder.path(), "on_arrival", json!({"expires_in": 0.000001}), steps.clone());
    write(folder.path(), "later", json!({}), steps);
    let output = scoreboard(&["--client", "authsession", "--folder", path, "--runs", "2"]);
    let cell = |name: &str| {
        let line = text(&output.stdout).lines().find(|line| line.contains(name)).expect("a line");
        line.split_once(name).expect("its name").1.trim().to_owned()
    };
    assert_eq!(cell("on_arrival"), "ok");
    assert_eq!(cell("later"), "1 refresh, not 0");
}

#[test]
fn what_cannot_be_run_is_said_before_anything_runs() {
    let error = |arguments: &[&str]| {
        let output = scoreboard(arguments);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr).to_owned()
    };
    assert!(error(&["--client", "nobody"]).contains("there is no client nobody"));
    assert!(error(&["--scenario", "nothing"]).contains("there is no scenario nothing; --list names them"));
    assert!(error(&["--folder", "nowhere"]).contains("nowhere"));
}
