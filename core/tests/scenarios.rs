//! Runs the scenarios of `tests/scenarios`, which every language runs unchanged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_session::{AuthSession, Error, Event, JsonDialect, Method, Response, SessionConfig, SessionState};
use serde::Deserialize;
use serde_json::{Value, json};
use test_authority::{Realm, RealmOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    #[serde(rename = "title")]
    _title: String,
    #[serde(default)]
    realm: RealmOptions,
    #[serde(default)]
    client: Client,
    steps: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    #[serde(default)]
    token_endpoints: Listener,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Listener {
    #[default]
    Api,
    Auth,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    SignIn {},
    SignOut {},
    NetworkChanged {},
    Authority {
        command: String,
        #[serde(default = "empty")]
        body: Value,
    },
    Start {
        r#as: String,
        path: String,
        #[serde(default = "get")]
        method: String,
        body: Option<String>,
        #[serde(default = "one")]
        count: usize,
    },
    Finish {
        r#as: String,
        expect: Expected,
    },
    Request {
        path: String,
        #[serde(default = "get")]
        method: String,
        body: Option<String>,
        #[serde(default = "one")]
        count: usize,
        expect: Expected,
    },
    ExpectState {
        state: String,
        reason: Option<String>,
    },
    ExpectEvents {
        events: Vec<String>,
    },
    ExpectCounters {
        counters: BTreeMap<String, u64>,
    },
}

fn empty() -> Value {
    json!({})
}

fn get() -> String {
    "GET".into()
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: Option<u16>,
    disposition: Option<String>,
    error: Option<String>,
}

impl Expected {
    fn check(&self, outcome: &Result<Response, Error>) -> Result<(), String> {
        let fits = match (outcome, &self.error) {
            (Ok(response), None) => {
                self.status.is_none_or(|status| response.status().as_u16() == status)
                    && self.disposition.as_deref().is_none_or(|name| response.disposition().name() == name)
            }
            (Err(error), Some(code)) => error.code() == code,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(match outcome {
            Ok(response) => format!("answered {} ({})", response.status(), response.disposition().name()),
            Err(error) => format!("failed with {}: {error}", error.code()),
        })
    }
}

type Requests = Vec<JoinHandle<Result<Response, Error>>>;

struct Run {
    realm: Realm,
    session: AuthSession,
    events: watch::Receiver<Vec<String>>,
    started: BTreeMap<String, Requests>,
}

impl Run {
    async fn prepare(scenario: &Scenario) -> Self {
        let realm = Realm::start(scenario.realm.clone()).await.expect("a realm");
        let endpoints = match scenario.client.token_endpoints {
            Listener::Api => realm.api_url(),
            Listener::Auth => realm.auth_url(),
        };
        let config = SessionConfig::new(&realm.api_url())
            .expect("a URL")
            .account(&scenario.name)
            .allow_loopback(true)
            .dialect(JsonDialect::new(
                format!("{endpoints}/auth/login"),
                format!("{endpoints}/auth/refresh"),
                format!("{endpoints}/auth/logout"),
            ));
        let session = AuthSession::open(config).await.expect("a session");
        let (sender, events) = watch::channel(Vec::new());
        let mut stream = session.events();
        tokio::spawn(async move {
            while let Some(event) = stream.next().await {
                sender.send_modify(|names| names.push(describe(&event)));
            }
        });
        Self { realm, session, events, started: BTreeMap::new() }
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::SignIn {} => {
                let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
                let answer = self.session.sign_in(credentials).await.map_err(|error| error.to_string())?;
                ensure(answer["user"]["id"] == "u1", || format!("the sign-in answered {}", *answer))
            }
            Step::SignOut {} => self.session.sign_out().await.map_err(|error| error.to_string()),
            Step::NetworkChanged {} => {
                self.session.network_changed();
                Ok(())
            }
            Step::Authority { command, body } => self.realm.command(command, body.clone()).await.map(|_| ()),
            Step::Start { r#as, path, method, body, count } => {
                let requests = self.start(path, method, body.as_deref(), *count);
                self.started.insert(r#as.clone(), requests);
                Ok(())
            }
            Step::Finish { r#as, expect } => {
                let requests = self.started.remove(r#as).ok_or(format!("{as} was not started"))?;
                finish(requests, expect).await
            }
            Step::Request { path, method, body, count, expect } => {
                finish(self.start(path, method, body.as_deref(), *count), expect).await
            }
            Step::ExpectState { state, reason } => {
                let actual = self.session.state();
                let actual_reason = match &actual {
                    SessionState::SignedOut { reason } => Some(reason.name()),
                    _ => None,
                };
                let fits = actual.name() == state
                    && reason.as_deref().is_none_or(|reason| Some(reason) == actual_reason);
                ensure(fits, || format!("the state is {} ({actual_reason:?})", actual.name()))
            }
            Step::ExpectEvents { events } => {
                let enough = self.events.wait_for(|seen| seen.len() >= events.len());
                let _ = timeout(PATIENCE, enough).await;
                let seen = self.events.borrow().clone();
                ensure(&seen == events, || format!("the events are {seen:?}"))
            }
            Step::ExpectCounters { counters } => {
                let actual = json!(self.realm.counters());
                for (name, expected) in counters {
                    ensure(actual[name] == *expected, || format!("{name} is {}", actual[name]))?;
                }
                Ok(())
            }
        }
    }

    fn start(&self, path: &str, method: &str, body: Option<&str>, count: usize) -> Requests {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        (0..count)
            .map(|_| {
                let mut request = self.session.request(method.clone(), path);
                if let Some(body) = body {
                    request = request.body(body.to_owned());
                }
                tokio::spawn(request.send())
            })
            .collect()
    }
}

async fn finish(requests: Requests, expect: &Expected) -> Result<(), String> {
    for request in requests {
        let outcome = timeout(PATIENCE, request).await.map_err(|_| "a request hangs")?;
        expect.check(&outcome.map_err(|error| error.to_string())?)?;
    }
    Ok(())
}

fn ensure(condition: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(otherwise()) }
}

fn describe(event: &Event) -> String {
    match event {
        Event::SignedOut { reason } => format!("{}:{}", event.name(), reason.name()),
        _ => event.name().to_owned(),
    }
}

async fn run(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let scenario: Scenario = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut run = Run::prepare(&scenario).await;
    for (number, step) in scenario.steps.iter().enumerate() {
        run.step(step).await.map_err(|error| format!("step {}: {error}", number + 1))?;
    }
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// For the table that shows all languages side by side.
fn publish(results: &BTreeMap<String, String>) {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let folder = target.join("scenarios");
    std::fs::create_dir_all(&folder).expect("a folder for the results");
    let report = json!({"language": "rust", "results": results});
    std::fs::write(folder.join("rust.json"), report.to_string()).expect("the results are written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_runs_as_written() {
    let mut results = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("tests/scenarios")).expect("the scenarios") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let outcome = run(&path).await;
            results.insert(name, outcome.err().unwrap_or_else(|| "ok".into()));
        }
    }
    publish(&results);
    assert!(!results.is_empty(), "there are scenarios");
    let failed = results.iter().filter(|(_, outcome)| *outcome != "ok");
    let failed: Vec<String> = failed.map(|(name, outcome)| format!("{name}: {outcome}")).collect();
    assert!(failed.is_empty(), "{} of {} scenarios:\n{}", failed.len(), results.len(), failed.join("\n"));
}
