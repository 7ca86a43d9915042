//! The library as a driven client speaks the protocol of `tests/peers/README.md`.

use std::process::Stdio;

use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

struct Client {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl Client {
    /// With the line by which it says that it is up.
    async fn start(realm: &Realm) -> (Self, Value) {
        let url = realm.api_url();
        let arguments = json!({
            "api_url": url, "login_url": format!("{url}/auth/login"),
            "refresh_url": format!("{url}/auth/refresh"), "logout_url": format!("{url}/auth/logout"),
        });
        let mut process = Command::new(env!("CARGO_BIN_EXE_authsession-client"))
            .args(["authsession", &arguments.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let input = process.stdin.take().expect("a pipe");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let mut client = Self { process, input, lines, next: 1 };
        let ready = client.line().await;
        (client, ready)
    }

    async fn line(&mut self) -> Value {
        let line = self.lines.next_line().await.expect("text").expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Gives a command, and returns its `id`.
    async fn tell(&mut self, mut command: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        command["id"] = json!(id);
        self.input.write_all(format!("{command}\n").as_bytes()).await.expect("it listens");
        id
    }

    /// So many answers to a command, without their `id`.
    async fn ask(&mut self, command: Value, answers: usize) -> Vec<Value> {
        let id = self.tell(command).await;
        let mut got = Vec::new();
        for _ in 0..answers {
            let mut answer = self.line().await;
            assert_eq!(answer["id"].take(), json!(id));
            answer.as_object_mut().expect("an object").remove("id");
            got.push(answer);
        }
        got
    }

    async fn one(&mut self, command: Value) -> Value {
        self.ask(command, 1).await.remove(0)
    }

    /// Closes its standard input, at which it is to end.
    async fn end(mut self) -> bool {
        drop(self.input);
        self.process.wait().await.expect("it ends").success()
    }
}

fn sign_in() -> Value {
    json!({"do": "sign_in", "email": "ada@example.com", "password": "correct horse"})
}

fn load(requests: usize) -> Value {
    json!({"do": "load", "path": "/me", "concurrency": 3, "requests": requests, "warmup": 2})
}

#[tokio::test]
async fn the_library_does_what_it_is_told_and_ends_when_nobody_tells_it_anything() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let (mut client, ready) = Client::start(&realm).await;
    assert_eq!((&ready["ready"], &ready["client"]), (&json!(true), &json!("authsession")));
    assert_eq!(client.one(json!({"do": "state"})).await, json!({"signed_in": false}));
    assert_eq!(client.one(sign_in()).await, json!({"done": true}));
    assert_eq!(client.one(json!({"do": "state"})).await, json!({"signed_in": true}));

    realm.command("expire_access_tokens", json!({})).await.expect("a command");
    let requests = json!({"do": "requests", "path": "/me", "method": "GET", "body": null, "count": 5});
    assert_eq!(client.ask(requests.clone(), 5).await, vec![json!({"status": 200}); 5]);
    let order = json!({"do": "requests", "path": "/echo", "method": "POST", "body": "order", "count": 1});
    assert_eq!(client.one(order).await, json!({"status": 200}));
    let counters = realm.counters();
    assert_eq!((counters.refreshes, counters.echoed_bytes), (1, 5));

    assert_eq!(client.one(json!({"do": "network_changed"})).await, json!({"done": true}));
    assert_eq!(client.one(json!({"do": "sign_out"})).await, json!({"done": true}));
    assert_eq!(client.one(json!({"do": "state"})).await, json!({"signed_in": false}));
    assert_eq!(client.ask(requests, 5).await, vec![json!({"error": "signed_out"}); 5]);
    assert_eq!(client.one(json!({"do": "dance"})).await, json!({"error": "unknown command"}));
    assert!(client.end().await);
}

#[tokio::test]
async fn requests_that_are_cancelled_come_back_at_once_and_others_go_on() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let (mut client, _) = Client::start(&realm).await;
    assert_eq!(client.one(sign_in()).await, json!({"done": true}));
    let hold = json!({"endpoint": "resource", "path": "/slow", "when": "before"});
    realm.command("hold", hold).await.expect("a command");
    let requests = json!({"do": "requests", "path": "/slow", "method": "GET", "body": null, "count": 2});
    let requests = client.tell(requests).await;
    realm.command("await_held", json!({"endpoint": "resource", "count": 2})).await.expect("a command");
    let cancel = client.tell(json!({"do": "cancel", "of": requests})).await;
    let mut answers = vec![client.line().await, client.line().await, client.line().await];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    let cancelled = json!({"id": requests, "error": "cancelled"});
    assert_eq!(answers, [cancelled.clone(), cancelled, json!({"id": cancel, "done": true})]);
    let get = json!({"do": "requests", "path": "/me", "method": "GET", "body": null, "count": 1});
    assert_eq!(client.one(get).await, json!({"status": 200}));
}

#[tokio::test]
async fn a_load_sends_what_it_is_told_and_counts_what_fails() {
    let realm = Realm::start(RealmOptions::default()).await.expect("a realm");
    let (mut client, _) = Client::start(&realm).await;
    assert_eq!(client.one(sign_in()).await, json!({"done": true}));
    let report = client.one(load(10)).await;
    assert_eq!((&report["requests"], &report["failed"]), (&json!(10), &json!(0)));
    assert_eq!(realm.counters().resource_ok, 12);
    let time = |part: &str| report[part].as_f64().expect("a number");
    assert!(0.0 < time("p50_us") && time("p50_us") <= time("p99_us"));
    assert!(time("p99_us") <= time("max_us") && time("max_us") <= time("seconds") * 1e6);

    realm.command("fault", json!({"endpoint": "resource", "status": 404})).await.expect("a command");
    assert_eq!(client.one(load(10)).await["failed"], json!(10));
    assert!(client.end().await);
}
