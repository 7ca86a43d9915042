//! The demo as its user runs it: arguments, exit codes, and the object that programs read.

use std::process::Stdio;

use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const CREDENTIALS: &str = r#"{"email":"ada@example.com","password":"correct horse"}"#;

/// `cargo test` builds the examples beside the tests.
fn demo() -> Command {
    let mut path = std::env::current_exe().expect("this test");
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples").join("demo"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// The exit code, the last line of standard output as JSON, and everything that was written.
async fn run(command: &mut Command) -> (Option<i32>, Value, String) {
    let output = command.output().await.expect("the demo runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    let last = out.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    (output.status.code(), last, out + &err)
}

async fn realm() -> Realm {
    Realm::start(RealmOptions::default()).await.expect("a realm")
}

fn json_flags(realm: &Realm, resource: &str) -> Vec<String> {
    let url = realm.api_url();
    ["--base-url", &url, "--resource", resource, "--requests", "40", "--concurrency", "10"]
        .into_iter()
        .chain(["--allow-loopback", "--json", "--credentials"])
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_story_ends_well() {
    let (code, report, _) = run(demo().arg("--json")).await;
    assert_eq!(code, Some(0));
    assert_eq!((&report["requests"], &report["succeeded"]), (&json!(201), &json!(201)));
    assert_eq!((&report["refreshes"], &report["signed_out"]), (&json!(2), &json!("user")));
    assert!(report["p50_us"].as_u64() <= report["p99_us"].as_u64());
    let (code, _, shown) = run(&mut demo()).await;
    assert_eq!(code, Some(0));
    assert!(shown.contains("100 of 100 succeeded"), "{shown}");
    let (_, report, shown) = run(demo().args(["--trace", "--json"])).await;
    assert_eq!(report["refreshes"], 2);
    assert!(shown.contains("refresh: a server refused the access token"), "{shown}");
}

#[tokio::test]
async fn wrong_arguments_exit_with_2_and_name_the_flag() {
    for (arguments, said) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["--requests", "none"], "--requests"),
        (&["--base-url", "http://127.0.0.1:1"], "--credentials"),
        (&["--credentials", "{", "--base-url", "x", "--resource", "/me"], "--credentials"),
        (&["--credentials", "@no-such-file"], "--credentials"),
        (&["--dialect", "saml", "--resource", "/me"], "--dialect"),
        (&["--dialect", "oauth2", "--resource", "/me"], "--refresh-token"),
        (&["--concurrency", "0"], "--concurrency"),
        (&["--store", "memory"], "--store"),
        (&["stray"], "stray"),
    ] {
        let (code, _, shown) = run(demo().args(arguments)).await;
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(shown.contains(said), "{arguments:?}: {shown}");
    }
}

#[tokio::test]
async fn it_tries_a_backend_with_json() {
    let realm = realm().await;
    let (code, report, _) = run(demo().args(json_flags(&realm, "/me")).arg(CREDENTIALS)).await;
    assert_eq!(code, Some(0));
    assert_eq!((&report["requests"], &report["succeeded"]), (&json!(40), &json!(40)));
    assert_eq!((&report["failed"], &report["signed_out"]), (&json!({}), &Value::Null));
    assert_eq!(realm.counters().logouts, 0, "it does not sign out");
}

#[tokio::test]
async fn requests_that_fail_are_counted_by_kind_and_exit_with_1() {
    let realm = realm().await;
    let (code, report, _) = run(demo().args(json_flags(&realm, "/forbidden")).arg(CREDENTIALS)).await;
    assert_eq!(code, Some(1));
    assert_eq!(report["failed"], json!({"http_403": 40}));
}

#[tokio::test]
async fn a_sign_in_that_fails_exits_with_3_and_still_reports() {
    let realm = realm().await;
    let wrong = r#"{"email":"ada@example.com","password":"canary"}"#;
    let (code, report, shown) = run(demo().args(json_flags(&realm, "/me")).arg(wrong)).await;
    assert_eq!((code, &report["requests"]), (Some(3), &json!(0)));
    assert!(shown.contains("sign_in_rejected") && !shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn secrets_may_come_from_a_file_from_standard_input_and_from_the_environment() {
    let realm = realm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials");
    std::fs::write(&path, CREDENTIALS).expect("a file");
    let flags = json_flags(&realm, "/me");
    let (code, ..) = run(demo().args(&flags).arg(format!("@{}", path.display()))).await;
    assert_eq!(code, Some(0));
    let (code, ..) =
        run(demo().args(&flags[..flags.len() - 1]).env("AUTHSESSION_CREDENTIALS", CREDENTIALS)).await;
    assert_eq!(code, Some(0));
    let mut command = demo();
    command.args(&flags).arg("-").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().expect("the demo runs");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(CREDENTIALS.as_bytes()).await.expect("it reads");
    drop(input);
    assert_eq!(process.wait().await.expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn it_tries_an_oauth_2_server_and_a_stored_session_wins_over_the_flags() {
    let realm = realm().await;
    let tokens = realm.command("issue_tokens", json!({})).await.expect("tokens");
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("file:{}", folder.path().display());
    let flags: Vec<String> = [
        ("--dialect", "oauth2"),
        ("--token-endpoint", &format!("{}/oauth/token", realm.auth_url())),
        ("--client-id", "demo"),
        ("--refresh-token", tokens["refresh_token"].as_str().expect("a token")),
        ("--resource", &format!("{}/me", realm.api_url())),
        ("--store", &store),
        ("--rounds", "3"),
        ("--requests", "20"),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()])
    .chain(["--allow-loopback".to_owned(), "--json".to_owned()])
    .collect();
    let (code, report, _) = run(demo().args(&flags)).await;
    assert_eq!((code, &report["requests"], &report["refreshes"]), (Some(0), &json!(60), &json!(1)));
    realm.command("expire_access_tokens", json!({})).await.expect("expired");
    // The refresh token of the command line is used up: only the stored one works.
    let (code, report, _) = run(demo().args(&flags)).await;
    assert_eq!((code, &report["refreshes"], &report["refresh_failures"]), (Some(0), &json!(1), &json!(0)));
    realm.command("revoke_refresh_tokens", json!({})).await.expect("revoked");
    realm.command("expire_access_tokens", json!({})).await.expect("expired");
    let (code, report, _) = run(demo().args(&flags)).await;
    assert_eq!((code, &report["signed_out"]), (Some(1), &json!("rejected")));
}
