//! Rounds in which the sessions are in processes of their own, which share a store, and are killed and stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::callers::{Caller, Fate};
use crate::future::within;
use crate::history::Change;
use crate::outcomes::Got;
use crate::plan::{Errand, ProcessAct, User};
use crate::process::Process;
use crate::refreshes::Kill;
use crate::round::{LONGEST_CHANGE, MARGIN, PROBE, REQUEST_TIMEOUT, Scene, locked};
use crate::tally::Kind;

/// More than all times together that a process of a round is stopped.
const STOPPED: Duration = Duration::from_secs(3);

impl Scene {
    pub(crate) async fn start_processes(self: &Arc<Self>) {
        for number in 0..self.plan.processes {
            self.start_process(number, REQUEST_TIMEOUT).await;
            if number == 0 {
                self.sign_in_a_process(number).await;
            }
        }
    }

    /// One whose requests take so long at most.
    async fn start_process(&self, number: u64, longest: Duration) {
        let client = self.started.fetch_add(1, Ordering::Relaxed).to_string();
        match Process::start(&self.realm.api_url(), &self.directory(), longest, client).await {
            Ok(process) => {
                self.note_reason(&process.opened);
                locked(&self.processes).insert(number, Arc::new(process));
            }
            Err(error) => self.found(Kind::Other, format!("a process could not be started: {error}")),
        }
    }

    fn note_reason(&self, state: &Value) {
        let is_known = |change: &Change| change.user.is_some() && change.done.is_some();
        // Before the first sign-in that is why.
        let is_first = |reason: &str| reason == "never_signed_in" && !self.history().0.iter().any(is_known);
        if let Some(reason) = state["reason"].as_str().filter(|reason| !is_first(reason)) {
            locked(&self.reasons).insert(reason.to_owned());
        }
    }

    fn process(&self, number: u64) -> Option<Arc<Process>> {
        locked(&self.processes).get(&number).cloned()
    }

    pub(crate) async fn perform_in_a_process(self: &Arc<Self>, number: u64, act: ProcessAct) {
        let Some(process) = self.process(number) else { return };
        let scene = Arc::clone(self);
        match act {
            ProcessAct::Callers { count } => {
                for _ in 0..count {
                    self.spawn(Arc::clone(self).call_in(Arc::clone(&process)));
                }
            }
            ProcessAct::SignIn => self.spawn(async move { scene.sign_in_a_process(number).await }),
            ProcessAct::SignInAgain => self.spawn(async move {
                let state = process.ask(json!({"do": "state"})).await;
                if state.is_some_and(|state| state["state"] == "signed_out") {
                    scene.sign_in_a_process(number).await;
                }
            }),
            ProcessAct::SignOut => self.spawn(async move { scene.sign_out_a_process(&process).await }),
            ProcessAct::Resume => self.spawn(async move {
                // What comes of it is told with the next event, whenever that is.
                let resumed = within(MARGIN, None, process.ask(json!({"do": "resume"}))).await;
                if let Ok(Some(Some(resumed))) = resumed {
                    scene.note_reason(&resumed["state"]);
                }
            }),
            ProcessAct::StoreHangs { operation, after } => {
                self.count(|tally| *tally.store_faults.entry(format!("{operation} hangs")).or_default() += 1);
                // The answer comes when it hangs, if it ever does.
                self.spawn(async move {
                    let hangs = process.ask(json!({"do": "hang", "operation": operation, "after": after}));
                    let _ = within(MARGIN, None, hangs).await;
                });
            }
            ProcessAct::StoreGoesOn => self.spawn(async move {
                process.ask(json!({"do": "release"})).await;
            }),
            ProcessAct::Stop => {
                self.count(|tally| tally.stops += 1);
                process.stop().await;
            }
            ProcessAct::GoOn => process.go_on().await,
            ProcessAct::Kill => {
                self.kill(&process).await;
                self.start_process(number, REQUEST_TIMEOUT).await;
            }
        }
    }

    async fn kill(&self, process: &Process) {
        let kill = Kill { client: process.client.clone(), at: Instant::now() };
        self.count(|tally| tally.kills += 1);
        let wrong = process.kill().await;
        if process.was_killed() {
            locked(&self.kills).push(kill);
        }
        for what in wrong {
            self.found(Kind::Other, what);
        }
    }

    async fn call_in(self: Arc<Self>, process: Arc<Process>) {
        let fate = Fate::begin(&self, Caller::sound(Errand::Me, REQUEST_TIMEOUT));
        let longest = REQUEST_TIMEOUT + STOPPED + MARGIN;
        match within(longest, None, process.ask(json!({"do": "me"}))).await {
            Err(_) => fate.hung("a process does not answer"),
            // Nobody is there to be answered.
            Ok(None | Some(None)) if process.was_killed() => fate.cancelled(),
            Ok(None | Some(None)) => fate.lost("a process that nobody killed has ended without an answer"),
            Ok(Some(Some(answer))) => {
                let user = answer["user"].as_str().and_then(User::with_id);
                if user.is_some_and(|user| user != User::Ada) {
                    self.found(
                        Kind::Other,
                        "a process was answered in the name of somebody who never signed in",
                    );
                }
                self.look_at_code(answer["error"].as_str());
                let got = match answer["error"].as_str() {
                    Some(code) => Got::Error(code.to_owned()),
                    None => Got::Status(answer["status"].as_u64().unwrap_or_default() as u16),
                };
                fate.ended(got, String::new());
            }
        }
    }

    async fn sign_in_a_process(self: &Arc<Self>, number: u64) {
        let Some(process) = self.process(number) else { return };
        self.count(|tally| tally.sign_ins += 1);
        let change = self.called_elsewhere(Some(User::Ada));
        let answer =
            within(LONGEST_CHANGE + STOPPED + MARGIN, None, process.ask(json!({"do": "sign_in"}))).await;
        let answer = answer.map(Option::flatten).map_err(|_| "a sign-in in a process does not return");
        self.returned(&process, change, answer);
    }

    /// A process that knows of nobody who is signed in has nothing to sign out of, although another one may: only one that
    /// ended its session counts.
    async fn sign_out_a_process(&self, process: &Process) {
        self.count(|tally| tally.sign_outs += 1);
        let ended_before = last_sign_out(process).await;
        let change = self.called_elsewhere(None);
        let answer =
            within(LONGEST_CHANGE + STOPPED + MARGIN, None, process.ask(json!({"do": "sign_out"}))).await;
        let has_ended = last_sign_out(process).await != ended_before;
        let answer = answer.map(Option::flatten).map_err(|_| "a sign-out in a process does not return");
        if has_ended || !matches!(answer, Ok(Some(_))) {
            self.returned(process, change, answer);
        }
    }

    fn returned(&self, process: &Process, number: usize, answer: Result<Option<Value>, &str>) {
        let now = self.ticks.now();
        if let Ok(Some(answer)) = &answer {
            self.look_at_code(answer["error"].as_str());
        }
        match answer {
            Ok(Some(answer)) if answer["error"].is_null() => {
                self.change(number, |change| (change.begun, change.done) = (Some(now), Some(now)));
            }
            // A sign-out counts here all the same, and its tombstone is still to be written.
            Ok(Some(_)) => self.change(number, |change| change.failed = change.user.is_some()),
            // Nobody knows how far it came.
            Ok(None) if process.was_killed() => {}
            Ok(None) => {
                self.found(Kind::Lost, "a process that nobody killed has ended in the midst of a change")
            }
            Err(why) => self.found(Kind::Hung, why),
        }
    }

    /// Whatever their stores were told, and whoever was stopped.
    pub(crate) async fn release_processes(&self) {
        let processes: Vec<_> = locked(&self.processes).values().cloned().collect();
        for process in processes {
            process.go_on().await;
            let _ = within(MARGIN, None, process.ask(json!({"do": "release"}))).await;
        }
    }

    /// One process more, which finds what the others have left.
    pub(crate) async fn conclude_in_processes(self: &Arc<Self>) {
        let last = self.plan.processes;
        self.start_process(last, PROBE).await;
        let Some(process) = self.process(last) else { return };
        let history = self.history();
        let is_signed_in = process.opened["state"] == "signed_in";
        if history.is_signed_out_for_all() && is_signed_in {
            self.found(Kind::Other, "a process finds somebody signed in after the sign-out");
        }
        if is_signed_in {
            self.look_back_in(&process).await;
        }
        self.look_ahead_in(last, &process).await;
        let processes = std::mem::take(&mut *locked(&self.processes));
        for process in processes.values() {
            if let Ok(Some(Some(shown))) = within(MARGIN, None, process.ask(json!({"do": "state"}))).await {
                self.note_reason(&shown);
            }
            // For what it shows to be looked through.
            let _ = within(MARGIN, None, process.ask(json!({"do": "show"}))).await;
        }
        for process in processes.values() {
            for what in process.kill().await {
                self.found(Kind::Other, what);
            }
        }
    }

    async fn probe_in(&self, process: &Process) -> Value {
        match within(PROBE + MARGIN, None, process.ask(json!({"do": "me"}))).await {
            Ok(Some(Some(answer))) => answer,
            _ => {
                self.found(Kind::Hung, "a process does not answer after the round");
                Value::Null
            }
        }
    }

    async fn look_back_in(&self, process: &Process) {
        let mut answer = self.probe_in(process).await;
        if answer["status"] == 401 && answer["disposition"] == "refused" && self.was_stale() {
            answer = self.probe_in(process).await;
        }
        let ended = answer["disposition"] == "session_ended" || answer["error"] == "session_ended";
        if ended {
            let state = process.ask(json!({"do": "state"})).await.unwrap_or_default();
            self.note_reason(&state);
        } else if answer["status"] != 200 {
            let shown = process.ask(json!({"do": "show"})).await.unwrap_or_default();
            let decisions = shown["trace"].as_array().map(Vec::as_slice).unwrap_or_default();
            let last: Vec<String> = decisions.iter().rev().take(12).map(Value::to_string).collect();
            let text = format!("a session in a process does not work again: {answer}\n{}", last.join("\n"));
            self.found(Kind::Other, text);
        }
    }

    async fn look_ahead_in(self: &Arc<Self>, number: u64, process: &Process) {
        self.sign_in_a_process(number).await;
        let answer = self.probe_in(process).await;
        if answer["status"] != 200 {
            self.found(Kind::Other, format!("after a sign-in in a process, a request gets {answer}"));
        }
    }
}

/// When the session of a process last ended because the user wanted it so.
async fn last_sign_out(process: &Process) -> Option<Value> {
    let shown =
        within(MARGIN + STOPPED, None, process.ask(json!({"do": "show"}))).await.ok().flatten().flatten()?;
    let trace = shown["trace"].as_array()?;
    let by_user = |entry: &&Value| entry["decision"] == "signed_out" && entry["reason"] == "user";
    trace.iter().rev().find(by_user).map(|entry| entry["at_ms"].clone())
}
