//! One round: a realm, a store and a session of its own, and what the plan does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use auth_session::{
    AuthSession, Error, FaultyStore, FileStore, InMemoryStore, JsonDialect, OAuth2Dialect, Response,
    SecretStore, SessionConfig, SessionState, StoreFault, StoreOperation, Tokens,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_authority::{Realm, RealmOptions, Redemption};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep_until, timeout};

use crate::callers::{self, Caller};
use crate::clock::MovableClock;
use crate::faults::{self, Faults};
use crate::future::{begin, within};
use crate::history::{Change, History, Ticks};
use crate::leaks::{self, Secrets};
use crate::outcomes::{self, Outcome, Weather};
use crate::plan::{Action, Dialect, Endpoint, Errand, POLICY_MS, Plan, Policy, Server, Store, User};
use crate::process::Process;
use crate::refreshes::{self, Circumstances, Kill};
use crate::tally::{Finding, Kind, Tally};
use crate::verdicts::Evidence;

/// How late a caller may be before it counts as hung. On two cores the worst of thousands is late by a quarter of a second,
/// and by less than one where this process is outdone by a compiler; the rest is for a machine that is busier still.
pub(crate) const MARGIN: Duration = Duration::from_secs(3);
/// Of requests that do not say otherwise, and of sign-ins.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// After a round it is asked whether a request is answered, not how soon: a refresh that is on its way may need its ten
/// seconds.
pub(crate) const PROBE: Duration = Duration::from_secs(20);
/// A sign-in waits for a revocation (2 s), sends, and waits until it is saved (2 s); a sign-out does less.
pub(crate) const LONGEST_CHANGE: Duration = Duration::from_secs(9);
/// What is owed when everybody has gone: a refresh (10 s), or a revocation (10 s), and a write.
const LONGEST_END: Duration = Duration::from_secs(25);
/// Longer than any backoff, and shorter than an access token lives.
const PAST_BACKOFF_MS: i64 = 600_000;

pub(crate) type SoakStore = FaultyStore<Arc<dyn SecretStore>>;

pub(crate) struct Scene {
    pub(crate) plan: Plan,
    pub(crate) realm: Realm,
    pub(crate) ticks: Ticks,
    clock: MovableClock,
    store: Arc<SoakStore>,
    handles: Mutex<Vec<AuthSession>>,
    history: Mutex<History>,
    tally: Mutex<Tally>,
    findings: Mutex<Vec<Finding>>,
    outages: Mutex<Vec<Instant>>,
    pub(crate) kills: Mutex<Vec<Kill>>,
    /// How many processes have been started.
    pub(crate) started: AtomicU64,
    pub(crate) processes: Mutex<BTreeMap<u64, Arc<Process>>>,
    folder: TempDir,
    tasks: Mutex<JoinSet<()>>,
    listener: Mutex<Option<JoinHandle<()>>>,
    pub(crate) reasons: Mutex<BTreeSet<String>>,
    /// How many callers there have been.
    pub(crate) callers: AtomicU64,
    pub(crate) outcomes: Mutex<Vec<Outcome>>,
    foul_since: Mutex<Option<Instant>>,
    expiries: Mutex<Vec<(Instant, Instant)>>,
    /// Since when nothing goes wrong any more.
    quiet: Mutex<Option<Instant>>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of a round.
pub(crate) struct Report {
    pub(crate) tally: Tally,
    pub(crate) findings: Vec<Finding>,
}

/// Carries out a plan.
pub(crate) async fn run(plan: &Plan, faults: &Faults) -> Report {
    let began = Instant::now();
    let folder = tempfile::tempdir().expect("a folder for the round");
    let inner: Arc<dyn SecretStore> = match plan.store {
        Store::Memory => Arc::new(InMemoryStore::new()),
        Store::File => Arc::new(FileStore::new(folder.path().join("sessions"))),
    };
    let scene = Arc::new(Scene {
        plan: plan.clone(),
        realm: Realm::start(options(plan.server)).await.expect("loopback has free ports"),
        ticks: Ticks::default(),
        clock: MovableClock::new(),
        store: Arc::new(FaultyStore::new(inner)),
        handles: Mutex::default(),
        history: Mutex::default(),
        tally: Mutex::default(),
        findings: Mutex::default(),
        outages: Mutex::default(),
        kills: Mutex::default(),
        started: AtomicU64::new(0),
        processes: Mutex::default(),
        folder,
        tasks: Mutex::default(),
        listener: Mutex::default(),
        reasons: Mutex::default(),
        callers: AtomicU64::new(0),
        outcomes: Mutex::default(),
        foul_since: Mutex::default(),
        expiries: Mutex::default(),
        quiet: Mutex::default(),
    });
    if plan.processes == 0 {
        scene.open().await;
    } else {
        scene.start_processes().await;
    }
    if let Some(session) = scene.session() {
        scene.sign_in(session, plan.first, None).await;
    }
    let first_step = Instant::now();
    for (at, action) in &plan.steps {
        sleep_until((first_step + Duration::from_millis(*at)).into()).await;
        scene.perform(action, faults).await;
    }
    scene.quiesce().await;
    scene.conclude(began).await;
    let tally = std::mem::take(&mut *locked(&scene.tally));
    let findings = std::mem::take(&mut *locked(&scene.findings));
    Report { tally, findings }
}

pub(crate) fn options(server: Server) -> RealmOptions {
    let mut options = RealmOptions::default();
    match server {
        Server::Strict => {}
        Server::Grace => options.grace_uses = Some(2),
        Server::Replay => options.idempotent_replay = true,
        Server::NoRotation => options.rotation = false,
    }
    options
}

impl Scene {
    pub(crate) fn found(&self, kind: Kind, text: impl Into<String>) {
        locked(&self.tally).found(kind);
        locked(&self.findings).push(Finding { kind, text: text.into() });
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut locked(&self.tally));
    }

    /// No caller is to be told of the library's own defects.
    pub(crate) fn look_at_code(&self, code: Option<&str>) {
        if code == Some("internal") {
            self.found(Kind::Other, "an internal error");
        }
    }

    pub(crate) fn history(&self) -> History {
        locked(&self.history).clone()
    }

    fn session(&self) -> Option<AuthSession> {
        locked(&self.handles).last().cloned()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        locked(&self.tasks).spawn(task);
    }

    async fn tell(&self, command: &str, arguments: Value) {
        if let Err(error) = self.realm.command(command, arguments).await {
            self.found(Kind::Other, format!("the realm did not do as it was told: {error}"));
        }
    }

    fn config(&self) -> SessionConfig {
        let config = SessionConfig::new(&self.realm.api_url())
            .expect("a URL")
            .allow_loopback(true)
            .request_timeout(REQUEST_TIMEOUT)
            .clock(self.clock.clone())
            .store(Arc::clone(&self.store));
        let policy = Duration::from_millis(POLICY_MS);
        let config = match self.plan.policy {
            Policy::None => config,
            Policy::Idle => config.idle_timeout(policy),
            Policy::Lifetime => config.absolute_lifetime(policy),
        };
        // At the other address, so that they can be offline alone.
        let url = self.realm.auth_url();
        match self.plan.dialect {
            Dialect::Json => config.dialect(JsonDialect::new(
                format!("{url}/auth/login"),
                format!("{url}/auth/refresh"),
                format!("{url}/auth/logout"),
            )),
            Dialect::OAuth2 => config.dialect(
                OAuth2Dialect::new(format!("{url}/oauth/token"), "demo")
                    .revocation_endpoint(format!("{url}/oauth/revoke")),
            ),
        }
    }

    /// Opens the account once more.
    async fn open(self: &Arc<Self>) {
        let config = self.config();
        leaks::show("configuration", &config);
        match AuthSession::open(config).await {
            Ok(session) => {
                leaks::show("session", &session);
                let is_first = locked(&self.handles).is_empty();
                locked(&self.handles).push(session.clone());
                if is_first {
                    self.listen(&session);
                }
            }
            Err(error) => {
                self.found(Kind::Other, format!("the account could not be opened: {}", error.code()))
            }
        }
    }

    fn listen(self: &Arc<Self>, session: &AuthSession) {
        let (mut events, scene) = (session.events(), Arc::downgrade(self));
        let listening = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                leaks::show("event", &event);
                let Some(scene) = scene.upgrade() else { return };
                if let auth_session::Event::SignedOut { reason } = event {
                    locked(&scene.reasons).insert(reason.name().to_owned());
                    scene.count(|tally| *tally.ended.entry(reason.name().to_owned()).or_default() += 1);
                }
            }
        });
        if let Some(before) = locked(&self.listener).replace(listening) {
            before.abort();
        }
    }

    async fn perform(self: &Arc<Self>, action: &Action, faults: &Faults) {
        if outcomes::is_foul(action) {
            locked(&self.foul_since).get_or_insert_with(Instant::now);
        }
        match action.clone() {
            Action::Callers { count, errand, deadline_ms, cancelled_after_ms } => {
                for number in 0..count {
                    let Some(session) = self.session() else { return };
                    // They are not cancelled all at once.
                    let cancelled_after =
                        cancelled_after_ms.map(|after| Duration::from_millis(after + number));
                    let deadline = Duration::from_millis(deadline_ms);
                    let caller = Caller { errand, deadline, cancelled_after, may_be_dropped: false };
                    self.spawn(callers::call(Arc::clone(self), session, caller));
                }
            }
            Action::CallersOfARuntime { count, ended_after_ms } => {
                let Some(session) = self.session() else { return };
                let scene = Arc::clone(self);
                let thread = tokio::task::spawn_blocking(move || {
                    callers::call_from_a_runtime(
                        &scene,
                        &session,
                        count,
                        Duration::from_millis(ended_after_ms),
                    );
                });
                self.spawn(async move {
                    if thread.await.is_err() {
                        leaks::note("soak", "the thread of a caller's runtime panicked");
                    }
                });
            }
            Action::ExpireAccessTokens => {
                let from = Instant::now();
                self.tell("expire_access_tokens", json!({})).await;
                locked(&self.expiries).push((from, Instant::now()));
            }
            Action::RevokeRefreshTokens => self.tell("revoke_refresh_tokens", json!({})).await,
            Action::EndGrace => self.tell("end_grace", json!({})).await,
            Action::ClockJump { boot_ms, wall_ms } => self.clock.jump(boot_ms, wall_ms),
            Action::Fault { endpoint, after, name, times } => {
                self.tell("fault", faults.command(name, endpoint, after, times)).await;
            }
            Action::ClearFaults => self.tell("clear_faults", json!({})).await,
            Action::Offline { listener } => self.go_offline(listener).await,
            Action::Online => self.tell("online", json!({"listener": "all"})).await,
            Action::Hold { endpoint, after } => {
                let when = if after { "after" } else { "before" };
                self.tell("hold", json!({"endpoint": endpoint.name(), "when": when})).await;
            }
            Action::Release { endpoint } => {
                self.tell("release", json!({"endpoint": endpoint.name()})).await;
            }
            Action::SignIn { user, cancelled_after_ms } => {
                let Some(session) = self.session() else { return };
                let cancelled_after = cancelled_after_ms.map(Duration::from_millis);
                self.spawn(Arc::clone(self).sign_in_unseen(session, user, cancelled_after));
            }
            Action::SignInAgain { user } => {
                let Some(session) = self.session() else { return };
                if matches!(session.state(), SessionState::SignedOut { .. }) {
                    self.spawn(Arc::clone(self).sign_in_unseen(session, user, None));
                }
            }
            Action::SignOut { cancelled_after_ms } => {
                let Some(session) = self.session() else { return };
                let cancelled_after = cancelled_after_ms.map(Duration::from_millis);
                self.spawn(Arc::clone(self).sign_out(session, cancelled_after));
            }
            Action::NetworkChanged => self.with_session(AuthSession::network_changed),
            Action::Resume => self.with_session(AuthSession::resume),
            Action::Suspend => {
                let Some(session) = self.session() else { return };
                let suspending = tokio::task::spawn_blocking(move || session.suspend());
                let scene = Arc::clone(self);
                self.spawn(async move {
                    match timeout(MARGIN, suspending).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => scene.found(Kind::Lost, "a suspension panicked"),
                        Err(_) => scene.found(Kind::Hung, "a suspension takes longer than a second by far"),
                    }
                });
            }
            Action::StoreFault { operation, fault, times } => {
                self.store.script(operation, fault, times);
                let name = format!("{operation:?} {fault:?}").to_lowercase();
                self.count(|tally| *tally.store_faults.entry(name).or_default() += u64::from(times));
            }
            Action::StoreRelease => self.store.release(),
            Action::OpenAgain => self.spawn({
                let scene = Arc::clone(self);
                async move { scene.open().await }
            }),
            Action::DropHandles => {
                let mut handles = locked(&self.handles);
                let kept = handles.len().min(1);
                let rest = handles.split_off(kept);
                // Not under the lock: the last handle of a session may take its store with it.
                drop(handles);
                drop(rest);
            }
            Action::Reopen => {
                let handles = std::mem::take(&mut *locked(&self.handles));
                drop(handles);
                let scene = Arc::clone(self);
                self.spawn(async move { scene.open().await });
            }
            Action::Process { number, act } => self.perform_in_a_process(number, act).await,
        }
    }

    fn with_session(&self, act: impl FnOnce(&AuthSession)) {
        if let Some(session) = self.session() {
            act(&session);
        }
    }

    async fn go_offline(&self, listener: &str) {
        locked(&self.outages).push(Instant::now());
        self.tell("offline", json!({"listener": listener})).await;
        // Connections are cut until here.
        locked(&self.outages).push(Instant::now());
    }

    /// A change that is called now; it is changed by its number as it goes on.
    pub(crate) fn called(&self, user: Option<User>) -> usize {
        let mut history = locked(&self.history);
        history.0.push(Change::called(user, self.ticks.now()));
        history.0.len() - 1
    }

    pub(crate) fn called_elsewhere(&self, user: Option<User>) -> usize {
        let number = self.called(user);
        self.change(number, |change| change.elsewhere = true);
        number
    }

    pub(crate) fn change(&self, number: usize, change: impl FnOnce(&mut Change)) {
        change(&mut locked(&self.history).0[number]);
    }

    async fn sign_in_unseen(
        self: Arc<Self>,
        session: AuthSession,
        user: User,
        cancelled_after: Option<Duration>,
    ) {
        self.sign_in(session, user, cancelled_after).await;
    }

    /// Returns the code of the error, if there was one.
    async fn sign_in(
        &self,
        session: AuthSession,
        user: User,
        cancelled_after: Option<Duration>,
    ) -> Option<&'static str> {
        let tokens = match self.plan.dialect {
            Dialect::Json => None,
            Dialect::OAuth2 => {
                let issued = self.realm.command("issue_tokens", json!({"user": user.email()})).await;
                let issued = issued.unwrap_or_default();
                let token = |name: &str| issued[name].as_str().unwrap_or_default().to_owned();
                let lifetime = Duration::from_secs(issued["expires_in"].as_u64().unwrap_or_default());
                let tokens = Tokens::new(token("access_token")).refresh_token(token("refresh_token"));
                Some(tokens.expires_in(lifetime))
            }
        };
        let number = self.called(Some(user));
        self.count(|tally| tally.sign_ins += 1);
        let mut signing_in = Box::pin(async {
            match tokens {
                Some(tokens) => session.adopt(tokens).await.map(|()| true),
                None => {
                    let credentials = json!({"email": user.email(), "password": user.password()});
                    let answer = session.sign_in(credentials).await?;
                    leaks::show("sign-in", &answer);
                    Ok(answer.is_signed_in())
                }
            }
        });
        let first = begin(signing_in.as_mut()).await;
        self.change(number, |change| change.begun = Some(self.ticks.now()));
        let rest = async {
            match first {
                Some(result) => result,
                None => signing_in.as_mut().await,
            }
        };
        match within(LONGEST_CHANGE + MARGIN, cancelled_after, rest).await {
            Ok(Some(Ok(true))) => self.change(number, |change| change.done = Some(self.ticks.now())),
            // An answer without tokens asks for another step: nothing has changed.
            Ok(Some(Ok(false))) => self.change(number, |change| change.failed = true),
            Ok(Some(Err(error))) => {
                leaks::note("error", format_args!("{error} {error:?}"));
                self.look_at_code(Some(error.code()));
                self.change(number, |change| change.failed = true);
                return Some(error.code());
            }
            // Nobody knows how far it came.
            Ok(None) => {}
            Err(_) => self.found(Kind::Hung, "a sign-in does not return"),
        }
        None
    }

    async fn sign_out(self: Arc<Self>, session: AuthSession, cancelled_after: Option<Duration>) {
        let number = self.called(None);
        self.count(|tally| tally.sign_outs += 1);
        let mut signing_out = Box::pin(session.sign_out());
        let first = begin(signing_out.as_mut()).await;
        // It takes effect before anything is awaited.
        let now = self.ticks.now();
        self.change(number, |change| (change.begun, change.done) = (Some(now), Some(now)));
        let rest = async {
            match first {
                Some(result) => result,
                None => signing_out.as_mut().await,
            }
        };
        match within(LONGEST_CHANGE + MARGIN, cancelled_after, rest).await {
            Ok(Some(Err(error))) => {
                leaks::note("error", format_args!("{error} {error:?}"));
                self.look_at_code(Some(error.code()));
            }
            Ok(_) => {}
            Err(_) => self.found(Kind::Hung, "a sign-out does not return"),
        }
    }

    /// Nothing goes wrong any more, nobody is held, and whoever waits for a better moment has it.
    async fn quiesce(self: &Arc<Self>) {
        *locked(&self.quiet) = Some(Instant::now());
        self.tell("clear_faults", json!({})).await;
        for endpoint in Endpoint::ALL {
            self.tell("release", json!({"endpoint": endpoint.name()})).await;
        }
        self.store.release();
        self.release_processes().await;
        self.tell("online", json!({"listener": "all"})).await;
        let never_finishes = |action: &Action| matches!(action, Action::Fault { name, .. } if name.starts_with("silence") || *name == "a byte now and then");
        if self.plan.has(never_finishes) {
            // They would hold a refresh for ten seconds.
            self.go_offline("all").await;
            self.tell("online", json!({"listener": "all"})).await;
        }
        let mut tasks = std::mem::take(&mut *locked(&self.tasks));
        while let Some(task) = tasks.join_next().await {
            if task.is_err() {
                self.found(Kind::Lost, "a task panicked");
            }
        }
        if self.plan.processes == 0 && locked(&self.handles).is_empty() {
            self.open().await;
        }
        self.clock.jump(PAST_BACKOFF_MS, PAST_BACKOFF_MS);
        self.with_session(AuthSession::resume);
        self.with_session(AuthSession::network_changed);
    }

    async fn conclude(self: &Arc<Self>, began: Instant) {
        if self.plan.processes == 0 {
            self.conclude_here().await;
        } else {
            self.conclude_in_processes().await;
        }
        self.judge();
        let secrets = Secrets::new(&self.realm.secrets());
        // A search takes a while, and others have something to do meanwhile.
        let search = tokio::task::spawn_blocking(move || secrets.seen_since(began));
        for place in search.await.unwrap_or_else(|_| vec!["the search panicked".into()]) {
            self.found(Kind::Leaked, format!("a secret was seen ({place})"));
        }
    }

    async fn conclude_here(self: &Arc<Self>) {
        let Some(session) = self.session() else { return };
        self.look_back(&session).await;
        self.look_ahead(&session).await;
        for entry in session.trace() {
            leaks::show("trace", &entry);
        }
        leaks::show("state", &session.state());
        leaks::show("store", &self.store);
        drop(session);
        let handles = std::mem::take(&mut *locked(&self.handles));
        let mut closing = JoinSet::new();
        for handle in handles {
            closing.spawn(handle.close());
        }
        if timeout(LONGEST_END + MARGIN, closing.join_all()).await.is_err() {
            self.found(Kind::Hung, "the session does not end when everybody has dropped it");
        }
        if let Some(listener) = locked(&self.listener).take() {
            listener.abort();
        }
    }

    /// Whether who is signed in now is who must be.
    async fn look_back(self: &Arc<Self>, session: &AuthSession) {
        // Reads the store again where that could not be read.
        let Some(mut probe) = self.probe(session).await else { return };
        if matches!(&probe, Ok(answer) if answer.status() == 401) && self.was_stale() {
            // The fresh token had expired already: that the next request finds it out is all there is to be had.
            let Some(again) = self.probe(session).await else { return };
            probe = again;
        }
        let history = self.history();
        let state = session.state();
        match (&state, probe) {
            (SessionState::SignedIn { .. }, Ok(answer)) if answer.status() == 200 => {
                if history.is_signed_out() {
                    self.found(Kind::Other, "somebody is signed in after the sign-out");
                }
                let id = answer.json::<Value>().ok().and_then(|me| User::with_id(me["id"].as_str()?));
                if let Some(user) = history.must_be()
                    && id != Some(user)
                {
                    self.found(Kind::Other, format!("{id:?} is signed in instead of {user:?}"));
                }
            }
            (SessionState::SignedOut { reason }, _) => {
                locked(&self.reasons).insert(reason.name().to_owned());
            }
            (state, probe) => {
                let answer = match probe {
                    Ok(answer) => format!("{} ({})", answer.status(), answer.disposition().name()),
                    Err(error) => format!("{} ({error})", error.code()),
                };
                let trace: Vec<String> =
                    session.trace().iter().rev().take(12).map(|entry| format!("{entry:?}")).collect();
                self.found(
                    Kind::Other,
                    format!(
                        "the session ({}) does not work again: {answer}\n{}",
                        state.name(),
                        trace.join("\n")
                    ),
                );
            }
        }
    }

    async fn probe(&self, session: &AuthSession) -> Option<Result<Response, Error>> {
        let asking = session.get("/me").timeout(PROBE).send();
        match timeout(PROBE + MARGIN, asking).await {
            Ok(answer) => Some(answer),
            Err(_) => {
                self.found(Kind::Hung, "a request after the round does not return");
                None
            }
        }
    }

    /// Whether the last refresh arrived before the round was over, or was answered as an earlier one had been: the server
    /// may have let what it brought expire since.
    pub(crate) fn was_stale(&self) -> bool {
        let quiet = *locked(&self.quiet);
        self.realm.refreshes_seen().last().is_some_and(|last| {
            quiet.is_some_and(|quiet| last.arrived < quiet)
                || matches!(last.redemption, Some(Redemption::InGrace | Redemption::Replayed))
        })
    }

    /// Whether a session works that begins when all is well.
    async fn look_ahead(self: &Arc<Self>, session: &AuthSession) {
        let mut failed = self.sign_in(session.clone(), User::Bob, None).await;
        if failed == Some("network") && !locked(&self.outages).is_empty() {
            // It may have met a connection that the last outage had cut; nobody repeats a sign-in but the user.
            failed = self.sign_in(session.clone(), User::Bob, None).await;
        }
        if let Some(code) = failed {
            self.found(Kind::Other, format!("when all is well again, a sign-in gets {code}"));
        }
        let me = Caller::sound(Errand::Me, PROBE);
        match callers::send(session, self.callers.fetch_add(1, Ordering::Relaxed), me.errand, me.deadline)
            .await
        {
            Ok(answer) if answer.status == 200 && answer.user == Some(User::Bob) => {}
            Ok(answer) => {
                self.found(Kind::Other, format!("after a sign-in, a request gets {}", answer.status))
            }
            Err(error) => {
                self.found(Kind::Other, format!("after a sign-in, a request gets {}", error.code()))
            }
        }
    }

    fn judge(&self) {
        let plan = &self.plan;
        let seen = self.realm.refreshes_seen();
        let counters = self.realm.counters();
        let strikes = self.realm.strikes();
        let fault_struck = |endpoint: Option<Endpoint>, is: fn(&str) -> bool| {
            strikes
                .keys()
                .filter_map(|strike| strike.split_once(": "))
                .any(|(at, name)| endpoint.is_none_or(|endpoint| endpoint.name() == at) && is(name))
        };
        let jumps = plan.has(|action| matches!(action, Action::ClockJump { .. }));
        let of_store = |wanted: StoreOperation| {
            plan.has(|action| matches!(action, Action::StoreFault { operation, .. } if *operation == wanted))
        };
        let outages = locked(&self.outages).clone();
        let kills = locked(&self.kills).clone();
        let circumstances = Circumstances {
            rotation: plan.server != Server::NoRotation,
            outages: outages.clone(),
            kills: kills.clone(),
            other_causes: jumps || fault_struck(None, faults::causes_refreshes),
            store_unreadable: of_store(StoreOperation::Load),
        };
        for why in refreshes::surplus(&seen, &circumstances) {
            self.found(Kind::Surplus, why);
        }
        let at_resources =
            |strike: &str| strike.split_once(": ").is_some_and(|(at, _)| at == Endpoint::Resource.name());
        let weather = Weather {
            foul_since: *locked(&self.foul_since),
            holds: outcomes::has_holds(plan),
            bodies: outcomes::has_bodies(plan),
            expiries: locked(&self.expiries).clone(),
            refreshes: seen.clone(),
            strikes: strikes.iter().filter(|(strike, _)| at_resources(strike)).map(|(_, count)| count).sum(),
            shared: plan.processes > 1,
        };
        let (owed, cheated) = weather.judge(&std::mem::take(&mut *locked(&self.outcomes)));
        self.count(|tally| tally.owed += owed);
        for why in cheated {
            self.found(Kind::Other, why);
        }
        let evidence = Evidence {
            server: plan.server,
            sign_outs: self.history().0.iter().filter(|change| change.user.is_none()).count() as u64,
            false_rejections: fault_struck(Some(Endpoint::Refresh), faults::rejects),
            revoked: plan.has(|action| *action == Action::RevokeRefreshTokens),
            logged_out: counters.logouts > 0,
            key_lost: plan
                .has(|action| matches!(action, Action::StoreFault { fault: StoreFault::Unrecoverable, .. })),
            shared: plan.processes > 0,
            policy: plan.policy,
            // The clock goes on by itself at the end of every round.
            policy_passed: plan.jumped_ms() + PAST_BACKOFF_MS as u64 >= POLICY_MS,
            outages: !outages.is_empty() || !kills.is_empty(),
            seen,
        };
        for reason in locked(&self.reasons).iter() {
            if let Some(why) = evidence.against(reason) {
                self.found(Kind::Other, why);
            }
        }
        for why in evidence.of_the_server() {
            self.found(Kind::Other, why);
        }
        self.count(|tally| {
            tally.refresh_requests += counters.refresh_requests;
            tally.refreshes += counters.refreshes;
            for (fault, count) in strikes {
                *tally.faults.entry(fault).or_default() += count;
            }
        });
    }
}
