//! A cell of the scoreboard: one scenario put to one client, both new.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use test_authority::Realm;
use tokio::time::{Instant, timeout, timeout_at};

use crate::clients::Client;
use crate::driven::{Answers, Driven};
use crate::judgement::{Cause, Finding, Settled, Since, Wanted, is_a_loop, judge_callers, judge_counter};
use crate::scenario::{Listener, Requests, Scenario, Step};

/// How long nothing may come back, and the server see nothing, before those who wait count as hanging. Several times as
/// long as clients pause between the attempts of one refresh; only those who hang take so long.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same while the server holds something: who waits then is awaited once more when it does not.
const PATIENCE_WITH_A_HOLD: Duration = Duration::from_secs(5);
/// How long all of a step may take, if something moves now and then.
const MOST: Duration = Duration::from_secs(120);
/// How long a client may take to sign in and out and to say its state. The first request of a new process, which the
/// sign-in is, takes its time on a busy machine, and nothing is judged by it.
const COMMAND: Duration = Duration::from_secs(60);
/// How often it is looked whether something moves.
const LOOK: Duration = Duration::from_millis(500);
/// How long the server may see nothing more of what a scenario waits for, before a client counts as one that does not
/// have as many requests under way at once. Longer than a connection takes that the system tries for the third time.
const STANDSTILL: Duration = Duration::from_secs(5);
/// An answer that the server has counted is still on its way, and nothing tells when a client has it that then waits for
/// something else. A scenario that waits for refused requests means those whose callers know.
const ON_THE_WAY: Duration = Duration::from_millis(300);

/// What came of a cell.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) versions: BTreeMap<String, String>,
    /// What went wrong; empty where nothing did.
    pub(crate) findings: Vec<Finding>,
    /// What is worth saying though it does no harm.
    pub(crate) remarks: Vec<String>,
}

/// Who signs in: a user after the other, so that what is done with the tokens of the next session is done in the name of
/// somebody else.
const USERS: [(&str, &str); 2] =
    [("ada@example.com", "correct horse"), ("bob@example.com", "battery staple")];

/// # Errors
/// The client could not be started, or the scenario is not one.
pub(crate) async fn run(client: &Client, scenario: &Scenario, verbose: bool) -> Result<Outcome, String> {
    let realm = Realm::start(scenario.realm.clone()).await.map_err(|error| error.to_string())?;
    let endpoints = match scenario.client.token_endpoints {
        Listener::Api => realm.api_url(),
        Listener::Auth => realm.auth_url(),
    };
    let arguments = json!({
        "api_url": realm.api_url(),
        "login_url": format!("{endpoints}/auth/login"),
        "refresh_url": format!("{endpoints}/auth/refresh"),
        "logout_url": format!("{endpoints}/auth/logout"),
    });
    let driven = Driven::start(client, &arguments, verbose).await?;
    let mut cell = Cell::new(scenario, realm, driven, verbose);
    cell.run().await?;
    let remarks = cell.remarks.into_values().collect();
    Ok(Outcome { versions: cell.client.versions, findings: cell.findings.into_list(), remarks })
}

/// How the wait for callers ended.
enum Waited {
    Enough,
    /// With so many requests at the server.
    ForALoop(u64),
}

fn requests_seen(realm: &Realm) -> u64 {
    let counters = realm.counters();
    counters.refresh_requests + counters.resource_requests
}

/// Whether the client has too much to do to answer at once.
async fn is_busy(client: &mut Driven) -> bool {
    let start = Instant::now();
    // The first answer may have been on its way; after the second, it has looked at everything that had come before.
    for _ in 0..2 {
        let _ = client.ask(json!({"do": "state"}), MOST).await;
    }
    start.elapsed() > LOOK
}

/// Requests that have begun.
struct Callers {
    count: usize,
    answers: Answers,
    settled: Vec<Settled>,
    sign_ins: usize,
    sign_outs: usize,
    /// Why no more will come back.
    ended: bool,
}

impl Callers {
    fn are_back(&self) -> bool {
        self.settled.len() == self.count || self.ended
    }

    /// Waits until all are back, or for a while nothing has moved, or they are only sent over and over.
    async fn settle(&mut self, realm: &Realm, client: &mut Driven, patience: Duration) -> Waited {
        let most_patience = patience;
        let end = Instant::now() + MOST;
        let seen_at_first = requests_seen(realm);
        let (mut seen, mut patience) = (seen_at_first, Instant::now() + most_patience);
        while !self.are_back() {
            let look = patience.min(Instant::now() + LOOK);
            match timeout_at(look, self.answers.next()).await {
                Ok(Some(answer)) => {
                    self.settled.push(match answer["status"].as_u64() {
                        Some(status) => Settled::Status(status as u16),
                        None => Settled::Failed(answer["error"].as_str().unwrap_or("no answer").to_owned()),
                    });
                    patience = Instant::now() + most_patience;
                }
                Ok(None) => self.ended = true,
                // A client that is busy is not one that hangs.
                Err(_) if Instant::now() >= patience.min(end) => {
                    if Instant::now() >= end || !is_busy(client).await {
                        break;
                    }
                    patience = Instant::now() + most_patience;
                }
                Err(_) => {
                    let now = requests_seen(realm);
                    if is_a_loop(self.count, now - seen_at_first) {
                        return Waited::ForALoop(now - seen_at_first);
                    }
                    if now != seen {
                        (seen, patience) = (now, Instant::now() + most_patience);
                    }
                }
            }
        }
        Waited::Enough
    }

    /// `50 × 200, 1 × ECONNRESET`
    fn summary(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for settled in &self.settled {
            let text = match settled {
                Settled::Status(status) => status.to_string(),
                Settled::Failed(error) => error.clone(),
            };
            *counts.entry(text).or_default() += 1;
        }
        let mut parts: Vec<String> = counts.iter().map(|(text, count)| format!("{count} × {text}")).collect();
        let waiting = self.count - self.settled.len();
        if waiting > 0 {
            parts.push(format!("{waiting} wait"));
        }
        parts.join(", ")
    }
}

/// What went wrong, in the order in which it did. A later look at the same thing takes the place of the earlier.
#[derive(Default)]
struct Findings(Vec<(String, Finding)>);

impl Findings {
    fn add(&mut self, about: String, finding: Finding) {
        match self.0.iter_mut().find(|(known, _)| *known == about) {
            Some((_, known)) => *known = finding,
            None => self.0.push((about, finding)),
        }
    }

    fn has(&self, about: &str) -> bool {
        self.0.iter().any(|(known, _)| known == about)
    }

    fn into_list(mut self) -> Vec<Finding> {
        // A refresh is asked for, and the request that caused it is sent again.
        let follow: &[&str] = if self.has("refreshes") {
            &["refresh_requests", "resource_requests", "resource_unauthorized"]
        } else if self.has("refresh_requests") {
            &["resource_requests", "resource_unauthorized"]
        } else if self.has("resource_requests") {
            &["resource_unauthorized"]
        } else {
            &[]
        };
        self.0.retain(|(about, _)| !follow.contains(&about.as_str()));
        // The worst comes first.
        self.0.sort_by_key(|(_, finding)| finding.cause != Cause::SignedOut);
        let mut findings: Vec<Finding> = Vec::new();
        for (_, finding) in self.0 {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }
}

const CALLERS: &str = "callers";

struct Cell<'a> {
    scenario: &'a Scenario,
    realm: Realm,
    client: Driven,
    verbose: bool,
    started: BTreeMap<String, Callers>,
    /// Those whom a hold at the server keeps, and how they are to come back when it is gone.
    left: Vec<(Callers, Wanted)>,
    /// The endpoints at which the server holds requests.
    holding: Vec<String>,
    /// The client has fewer connections than the server holds requests, so that others may have to wait for one.
    out_of_connections: bool,
    waited: usize,
    /// Requests that have begun.
    begun: u64,
    /// Those among them that the library would not have sent, since nobody is signed in.
    harmless: u64,
    sign_ins: usize,
    sign_outs: usize,
    /// Whether the user is to be signed in, where that is known.
    signed_in: Option<bool>,
    /// The client has lost the session, so that what follows fails for that reason.
    lost: bool,
    /// Nothing further can be said about this client.
    over: bool,
    findings: Findings,
    /// By the counter that they are about.
    remarks: BTreeMap<String, String>,
    step: usize,
}

impl<'a> Cell<'a> {
    fn new(scenario: &'a Scenario, realm: Realm, client: Driven, verbose: bool) -> Self {
        Self {
            scenario,
            realm,
            client,
            verbose,
            started: BTreeMap::new(),
            left: Vec::new(),
            holding: Vec::new(),
            out_of_connections: false,
            waited: 0,
            begun: 0,
            harmless: 0,
            sign_ins: 0,
            sign_outs: 0,
            signed_in: None,
            lost: false,
            over: false,
            findings: Findings::default(),
            remarks: BTreeMap::new(),
            step: 0,
        }
    }

    async fn run(&mut self) -> Result<(), String> {
        for step in &self.scenario.steps {
            self.step += 1;
            self.carry_out(step).await.map_err(|error| format!("step {}: {error}", self.step))?;
            if self.over {
                return Ok(());
            }
        }
        self.settle_left().await;
        if !self.over && self.signed_in.is_some() {
            self.compare_session(None).await;
        }
        Ok(())
    }

    async fn carry_out(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::SignIn => self.sign_in().await,
            Step::SignOut => self.sign_out().await,
            Step::NetworkChanged => {
                self.say("network_changed");
                let answer = self.client.ask(json!({"do": "network_changed"}), COMMAND).await;
                self.must_work("the change of network", answer);
            }
            Step::Cancel { r#as } => {
                let callers = self.started.remove(r#as).ok_or(format!("{as} was not started"))?;
                self.say(&format!("cancel {as}"));
                let command = json!({"do": "cancel", "of": callers.answers.id});
                let answer = self.client.ask(command, COMMAND).await;
                self.must_work("the cancellation", answer);
                // What was cancelled may still have to hear of it.
                is_busy(&mut self.client).await;
            }
            Step::Authority { command, body } => return self.authority(command, body).await,
            Step::Start { r#as, requests } => {
                let callers = self.start(requests).await;
                self.started.insert(r#as.clone(), callers);
            }
            Step::Finish { r#as, expect } => {
                let callers = self.started.remove(r#as).ok_or(format!("{as} was not started"))?;
                self.expect_end(expect.ends_the_session());
                self.finish(callers, expect.wanted(), r#as).await;
            }
            Step::Request { requests, expect } => {
                if expect.is_unsent() {
                    self.harmless += requests.count as u64;
                }
                let callers = self.start(requests).await;
                self.expect_end(expect.ends_the_session());
                self.finish(callers, expect.wanted(), &requests.path).await;
            }
            Step::ExpectState { state, reason } => {
                self.signed_in = Some(state == "signed_in");
                self.compare_session(reason.as_deref()).await;
            }
            Step::ExpectEvents { .. } => {}
            Step::ExpectCounters { counters } => self.compare_counters(counters),
        }
        Ok(())
    }

    async fn sign_in(&mut self) {
        let (email, password) = USERS[self.sign_ins % USERS.len()];
        self.say(&format!("sign_in {email}"));
        let command = json!({"do": "sign_in", "email": email, "password": password});
        let answer = self.client.ask(command, COMMAND).await;
        self.over = answer.is_err();
        self.must_work("the sign-in", answer);
        self.sign_ins += 1;
        self.signed_in = Some(true);
        self.lost = false;
    }

    async fn sign_out(&mut self) {
        self.say("sign_out");
        let answer = self.client.ask(json!({"do": "sign_out"}), COMMAND).await;
        self.must_work("the sign-out", answer);
        self.sign_outs += 1;
        self.signed_in = Some(false);
    }

    fn must_work(&mut self, what: &str, answer: Result<Value, String>) {
        if let Err(error) = answer {
            self.find(what, Finding::new(Cause::Broken, format!("{what} {error}")));
        }
    }

    async fn authority(&mut self, command: &str, body: &Value) -> Result<(), String> {
        let endpoint = body["endpoint"].as_str().unwrap_or_default().to_owned();
        match command {
            "hold" => self.holding.push(endpoint),
            "release" => self.holding.retain(|held| *held != endpoint),
            "await_held" | "await_counter" => {
                self.wait_for(command, body).await;
                return Ok(());
            }
            _ => {}
        }
        self.say(&format!("server: {command} {body}"));
        self.realm.command(command, body.clone()).await?;
        if self.holding.is_empty() {
            self.settle_left().await;
        }
        Ok(())
    }

    /// Waits for what the server is to see of the client, as long as it sees more and more.
    async fn wait_for(&mut self, command: &str, body: &Value) {
        self.say(&format!("server: {command} {body}"));
        let mut seen = requests_seen(&self.realm);
        let mut standstill = Instant::now() + STANDSTILL;
        while Instant::now() < standstill {
            let wait = self.realm.command(command, body.clone());
            if timeout(LOOK, wait).await.is_ok_and(|outcome| outcome.is_ok()) {
                if body["counter"] == "resource_unauthorized" {
                    tokio::time::sleep(ON_THE_WAY).await;
                    is_busy(&mut self.client).await;
                }
                return;
            }
            let now = requests_seen(&self.realm);
            if now != seen || is_busy(&mut self.client).await {
                (seen, standstill) = (now, Instant::now() + STANDSTILL);
            }
        }
        match body["endpoint"].as_str().or(body["counter"].as_str()).unwrap_or_default() {
            // The client does not have so many requests under way at once; those that it has are enough.
            "resource" | "resource_unauthorized" => {
                self.out_of_connections = true;
                self.say("no further request is under way");
            }
            "logouts" => {
                let text = "the server does not hear of the sign-out";
                self.find("logouts", Finding::new(Cause::ServerSession, text));
            }
            // What comes of it is seen in what the callers get.
            _ => self.say("it does not happen"),
        }
    }

    async fn start(&mut self, requests: &Requests) -> Callers {
        let Requests { path, method, body, count } = requests;
        self.say(&format!("{count} × {method} {path}"));
        let command = json!({"do": "requests", "path": path, "method": method, "body": body, "count": count});
        let answers = self.client.tell(command).await;
        self.begun += *count as u64;
        let (sign_ins, sign_outs) = (self.sign_ins, self.sign_outs);
        Callers { count: *count, answers, settled: Vec::new(), sign_ins, sign_outs, ended: false }
    }

    fn expect_end(&mut self, ends: bool) {
        if ends {
            self.signed_in = None;
        }
    }

    fn patience(&self) -> Duration {
        if self.holding.is_empty() { PATIENCE } else { PATIENCE_WITH_A_HOLD }
    }

    async fn finish(&mut self, mut callers: Callers, wanted: Wanted, name: &str) {
        let patience = self.patience();
        let waited = callers.settle(&self.realm, &mut self.client, patience).await;
        self.say(&format!("{name}: {}", callers.summary()));
        if self.is_a_loop(waited) {
            return;
        }
        if callers.are_back() || self.holding.is_empty() {
            self.judge(&callers, wanted).await;
            return;
        }
        // A client without a free connection cannot do otherwise.
        if !self.out_of_connections {
            self.waited += callers.count - callers.settled.len();
            let waited = self.waited;
            let text =
                if waited == 1 { "a caller waits".to_owned() } else { format!("{waited} callers wait") };
            self.find("waiting", Finding::new(Cause::Waiting, format!("{text} for the refresh")));
        }
        self.left.push((callers, wanted));
    }

    /// Those whom a hold has kept must come back when it is gone.
    async fn settle_left(&mut self) {
        self.out_of_connections = false;
        let patience = self.patience();
        for (mut callers, wanted) in std::mem::take(&mut self.left) {
            let waited = callers.settle(&self.realm, &mut self.client, patience).await;
            self.say(&format!("those who waited: {}", callers.summary()));
            if !self.is_a_loop(waited) {
                self.judge(&callers, wanted).await;
            }
        }
    }

    async fn judge(&mut self, callers: &Callers, wanted: Wanted) {
        if callers.ended && callers.settled.len() < callers.count {
            self.find("process", Finding::new(Cause::Broken, "the client's process ends"));
            self.over = true;
            return;
        }
        let since = if callers.sign_ins < self.sign_ins {
            Since::SignedInAgain
        } else if callers.sign_outs < self.sign_outs {
            Since::SignedOut
        } else {
            Since::Nothing
        };
        let findings = judge_callers(wanted, callers.count, &callers.settled, since);
        if findings.is_empty() {
            return;
        }
        // A client that has lost the session can but fail; that it has is the finding.
        if matches!(wanted, Wanted::Answer(_)) && callers.are_back() {
            if self.signed_in == Some(true) && !self.lost {
                self.compare_session(None).await;
                if self.lost {
                    self.find_all(CALLERS, findings);
                    return;
                }
            }
            if self.lost {
                return;
            }
        }
        self.find_all(&format!("{CALLERS} of step {}", self.step), findings);
    }

    fn find_all(&mut self, about: &str, findings: Vec<Finding>) {
        for finding in findings {
            self.find(format!("{about}: {:?}", finding.cause), finding);
        }
    }

    fn is_a_loop(&mut self, waited: Waited) -> bool {
        let Waited::ForALoop(requests) = waited else { return false };
        self.say(&format!("{requests} requests"));
        self.find("loop", Finding::new(Cause::Loop, "sends the same request over and over"));
        self.over = true;
        true
    }

    async fn compare_session(&mut self, reason: Option<&str>) {
        let answer = self.client.ask(json!({"do": "state"}), COMMAND).await;
        let Ok(answer) = answer else {
            self.must_work("the question for the state", answer);
            return;
        };
        let is_signed_in = answer["signed_in"] == true;
        self.say(if is_signed_in { "state: signed in" } else { "state: signed out" });
        match (self.signed_in, is_signed_in) {
            (Some(true), false) => {
                self.lost = true;
                self.find("signed out", Finding::new(Cause::SignedOut, "signed out"));
            }
            // A client that has not asked once more cannot know that the server has ended the session. It learns of it
            // when it next asks.
            (Some(false), true) if reason == Some("rotation_lost") => self.signed_in = None,
            (Some(false), true) if self.sign_outs > 0 => {
                let text = "signed in again after the sign-out";
                self.find("still signed in", Finding::new(Cause::Revived, text));
            }
            (Some(false), true) => {
                self.find("still signed in", Finding::new(Cause::SessionEndUnseen, "still signed in"));
            }
            _ => {}
        }
    }

    fn compare_counters(&mut self, expected: &BTreeMap<String, u64>) {
        let seen = self.realm.counters();
        let tokenless = seen.resource_without_token;
        // After a sign-out a token must not travel on. A session that the server has ended may still look alive.
        let harmless = if self.sign_outs > 0 { self.harmless.min(tokenless) } else { self.harmless };
        let actual = json!(seen);
        for (name, expected) in expected {
            let actual = actual[name].as_u64().unwrap_or_default();
            self.say(&format!("{name}: {actual}"));
            let allowed = match name.as_str() {
                "resource_requests" | "resource_unauthorized" => expected + harmless,
                "refreshes" | "refresh_requests" if self.scenario.has_tokens_that_arrive_expired() => {
                    self.begun.max(*expected)
                }
                _ => *expected,
            };
            let surplus = actual.saturating_sub(*expected);
            if name == "resource_requests" && (1..=harmless.min(tokenless)).contains(&surplus) {
                let what = if surplus == 1 {
                    "request without a token reaches"
                } else {
                    "requests without a token reach"
                };
                self.remarks.insert(name.clone(), format!("{surplus} {what} the server"));
            }
            // Before the end, a session of the server's may be over sooner than with the library.
            if name == "active_families" && !self.is_last_look_at(name) {
                continue;
            }
            // What a caller has not got was not carried out; that has been said.
            let is_said = self.lost || self.findings.0.iter().any(|(about, _)| says_what_callers_got(about));
            if is_said && matches!(name.as_str(), "resource_ok" | "echoed_bytes") && actual < *expected {
                continue;
            }
            // Where nothing is to be refreshed, that somebody asks says it all.
            if name == "refreshes" && *expected == 0 && self.findings.has("refresh_requests") {
                continue;
            }
            if let Some(finding) = judge_counter(name, allowed, actual) {
                self.find(name.clone(), finding);
            }
        }
    }

    /// Whether no later step compares this counter.
    fn is_last_look_at(&self, counter: &str) -> bool {
        !self.scenario.steps[self.step..]
            .iter()
            .any(|step| matches!(step, Step::ExpectCounters { counters } if counters.contains_key(counter)))
    }

    fn find(&mut self, about: impl Into<String>, finding: Finding) {
        self.say(&format!("FINDING: {}", finding.text));
        self.findings.add(about.into(), finding);
    }

    fn say(&self, text: &str) {
        if self.verbose {
            // Nobody reads on where the output is closed.
            let _ = writeln!(std::io::stdout(), "  step {:>2}  {text}", self.step);
        }
    }
}

fn says_what_callers_got(about: &str) -> bool {
    about.starts_with(CALLERS) || about == "waiting"
}
