//! Runs the machine: feeds it what happens and carries out what it decides.
//!
//! The machine is behind a lock that is never held across an await, a callback or any work but the
//! machine's own. Effects leave it through a queue in the order in which they were decided, and one task
//! carries them out: it spawns refreshes, hands writes to the task that owns the store, and tells the app.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::Instrument;

use super::activity::{Activity, BackgroundActivity};
use super::alarms::Alarms;
use super::machine::{Held, Machine, Settings, Times, View};
use super::record::{Record, RecordError, Tombstone, random_bytes};
use super::terms::{
    Answer, Attempt, Effect, Grant, Input, Intent, Leased, Loaded, Moment, Progress, Stored, Verdict,
    Version, Want,
};
use crate::authority::Authority;
use crate::claims;
use crate::error::Error;
use crate::event::{Event, Events, SessionState, SignOutReason};
use crate::runtime::{runtime, spawn};
use crate::secret::Secret;
use crate::store::{Expected, Generation, Lease, Load, SecretStore, Slot, StoreError};
use crate::time::{BootTime, Clock};
use crate::trace::{Decision, Trace, TraceEntry};

/// A refresh that takes longer has lost its answer.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);
/// After this long an app goes on with a session that is still restoring.
const RESTORE_PATIENCE: Duration = Duration::from_secs(5);
/// Whoever has the lease refreshes and saves in that time, or is stopped.
const LEASE_PATIENCE: Duration = Duration::from_secs(15);
/// How long it is waited for before a suspension is looked for.
const LEASE_TURN: Duration = Duration::from_millis(100);
/// How long a suspension waits for a write that is under way. A write takes milliseconds; one that takes longer waits for
/// somebody else's lock and holds none itself. Whoever gives notice of a suspension must not be kept long, however many
/// sessions there are.
const SUSPENSION_PATIENCE: Duration = Duration::from_secs(1);
/// How long a sign-in waits for the revocation of the session before.
pub(crate) const REVOCATION_PATIENCE: Duration = Duration::from_secs(2);
/// How many events a slow listener may be behind before it misses some.
const EVENT_BACKLOG: usize = 256;

/// The lifecycle of one account's tokens. Clones are the same lifecycle. It ends when the last clone is
/// gone; whatever is being done has a clone, so that what a refresh brings is still saved and told.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    shared: Arc<Shared>,
    decided: mpsc::UnboundedSender<Decided>,
}

/// A lifecycle that nobody may be holding any more.
#[derive(Clone, Debug)]
pub(crate) struct WeakLifecycle {
    shared: Weak<Shared>,
    decided: mpsc::WeakUnboundedSender<Decided>,
}

impl WeakLifecycle {
    pub(crate) fn upgrade(&self) -> Option<Lifecycle> {
        Some(Lifecycle { shared: self.shared.upgrade()?, decided: self.decided.upgrade()? })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.shared.strong_count() > 0
    }
}

/// An effect on its way to the task that carries it out.
#[derive(Debug)]
struct Decided {
    work: Work,
    /// From the decision on, so that a suspension waits for what is queued as well.
    writing: Option<AtWork>,
    lifecycle: Lifecycle,
}

#[derive(Debug)]
enum Work {
    Effect(Effect),
    /// Somebody waits until everything before it is carried out.
    CaughtUp(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
    entropy: AtomicU64,
    settled: watch::Sender<()>,
    events: broadcast::Sender<Event>,
    store: Arc<dyn SecretStore>,
    store_jobs: mpsc::UnboundedSender<StoreJob>,
    slot: Slot,
    locks: Mutex<Locks>,
    /// Told when nobody is at work on the store any more.
    idle: Condvar,
    activity: Option<Arc<dyn BackgroundActivity>>,
    trace: Mutex<Trace>,
    opened: BootTime,
    dates_wanted: bool,
    access_token_in_memory_only: bool,
    /// Revocations under way.
    revoking: watch::Sender<u32>,
    refreshes: AtomicU64,
    failed_refresh_attempts: AtomicU64,
}

/// What a lifecycle has of the app and the system.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    /// What the clock said when the session was opened.
    pub(crate) opened: BootTime,
    pub(crate) activity: Option<Arc<dyn BackgroundActivity>>,
}

/// Who may hold a lock on the store. Locked after the machine where both are needed.
#[derive(Debug, Default)]
struct Locks {
    leases: HashMap<Attempt, (Lease, Activity)>,
    /// Writes that are decided or under way, waits for a lease, and leases that are being given back.
    at_work: usize,
}

/// Somebody is at work on the store, or will be at once, and may hold a lock until this is dropped.
#[derive(Debug)]
struct AtWork(Arc<Shared>);

impl AtWork {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.locks().at_work += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut locks = self.0.locks();
        locks.at_work -= 1;
        if locks.at_work == 0 {
            self.0.idle.notify_all();
        }
    }
}

/// What a session has done so far, for a look from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Refreshes whose tokens were taken over.
    pub refreshes: u64,
    /// Refresh requests that brought no tokens, retries of lost answers included.
    pub failed_refresh_attempts: u64,
}

/// A token for a request.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) access: Arc<Secret>,
    pub(crate) version: Version,
    /// Whether the refresh that was waited for has brought it, and it was not found in the store.
    pub(crate) refreshed: bool,
    /// Whether a server has accepted the token before.
    pub(crate) proven: bool,
}

/// Why there is no token for a request.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// The token was refused, and there is no refresh token to get another with.
    NotRenewable,
    /// Lately a refresh did not help against refusals.
    PassOn,
    Failed(Error),
}

impl Lifecycle {
    /// Starts a lifecycle; it begins to read the store.
    pub(crate) fn start(
        slot: Slot,
        store: Arc<dyn SecretStore>,
        authority: Arc<Authority>,
        surroundings: Surroundings,
        settings: Settings,
        access_token_in_memory_only: bool,
    ) -> Result<Self, Error> {
        let Surroundings { clock, opened, activity } = surroundings;
        let runtime = runtime()?;
        let (machine, first) = Machine::open(settings);
        let (decided, effects) = mpsc::unbounded_channel();
        let (store_jobs, store_queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            machine: Mutex::new(machine),
            authority,
            entropy: AtomicU64::new(u64::from_le_bytes(random_bytes()?)),
            settled: watch::Sender::new(()),
            events: broadcast::Sender::new(EVENT_BACKLOG),
            opened,
            clock,
            store: Arc::clone(&store),
            store_jobs,
            slot: slot.clone(),
            locks: Mutex::default(),
            idle: Condvar::new(),
            activity,
            trace: Mutex::default(),
            dates_wanted: settings.policies.any(),
            access_token_in_memory_only,
            revoking: watch::Sender::new(0),
            refreshes: AtomicU64::new(0),
            failed_refresh_attempts: AtomicU64::new(0),
        });
        runtime.spawn(run_store(store_queue));
        let lifecycle = Self { shared, decided };
        let clock = Arc::clone(&lifecycle.shared.clock);
        runtime.spawn(run_effects(effects, lifecycle.downgrade(), clock));
        lifecycle.enqueue(lifecycle.shared.opened, first);
        Ok(lifecycle)
    }

    pub(crate) fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.shared.authority)
    }

    pub(crate) fn downgrade(&self) -> WeakLifecycle {
        WeakLifecycle { shared: Arc::downgrade(&self.shared), decided: self.decided.downgrade() }
    }

    /// Gives this handle back and returns when the last one is gone: when nothing is owed any more.
    pub(crate) async fn close(self) {
        let mut events = self.shared.events.subscribe();
        drop(self);
        // The events end with the lifecycle.
        while !matches!(events.recv().await, Err(broadcast::error::RecvError::Closed)) {}
    }

    /// Returns when the store has been read, or could not be, or takes longer than an app's start may.
    pub(crate) async fn restored(&self) {
        let _ = timeout(RESTORE_PATIENCE, self.read()).await;
    }

    async fn read(&self) {
        let mut settled = self.shared.settled.subscribe();
        loop {
            settled.mark_unchanged();
            if self.state() != SessionState::Restoring {
                return;
            }
            self.settlement(&mut settled).await;
        }
    }

    pub(crate) fn state(&self) -> SessionState {
        // Before the machine is locked: the clock may be the app's.
        let now = Now::read(self.shared.clock.as_ref());
        match self.machine().view() {
            View::Restoring => SessionState::Restoring,
            View::Locked(_) => SessionState::Locked,
            View::SignedOut(reason) => SessionState::SignedOut { reason },
            View::SignedIn(held) => SessionState::SignedIn {
                subject: held.subject.clone(),
                claims: held.claims.clone(),
                expires_at: now.on_the_wall(held.expires_at),
            },
        }
    }

    /// Why the store could not be read, while that is so.
    pub(crate) fn lock_cause(&self) -> Option<Error> {
        match self.machine().view() {
            View::Locked(cause) => Some(cause.clone()),
            _ => None,
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            refreshes: self.shared.refreshes.load(Ordering::Relaxed),
            failed_refresh_attempts: self.shared.failed_refresh_attempts.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn events(&self) -> Events {
        Events::new(self.shared.events.subscribe())
    }

    /// A token, after a refresh where one is needed. Waits as long as that takes; cancelling it changes
    /// nothing for others.
    pub(crate) async fn token(&self, epoch: Option<u64>, refused: Option<u64>) -> Result<Ticket, NoToken> {
        let mut want = Want { epoch, refused, after: None };
        // The usual case first: it needs no subscription.
        match self.ask(&mut want) {
            Some(result) => result,
            None => self.token_after(want).await,
        }
    }

    /// The token of this session as [`ask`](Self::ask) gives it after the wait that it has asked for.
    pub(crate) async fn token_after(&self, mut want: Want) -> Result<Ticket, NoToken> {
        let mut settled = self.shared.settled.subscribe();
        loop {
            settled.mark_unchanged();
            if let Some(result) = self.ask(&mut want) {
                return result;
            }
            self.settlement(&mut settled).await;
        }
    }

    /// What there is for this want at once; `None` where it has to wait, and remembers for what.
    pub(crate) fn ask(&self, want: &mut Want) -> Option<Result<Ticket, NoToken>> {
        let at = self.shared.moment();
        let answer = {
            let mut machine = self.machine();
            let (answer, effects) = machine.want(at, *want);
            self.enqueue(at.now, effects);
            answer
        };
        match answer {
            Answer::Use { access, version, proven, refreshed } => {
                Some(Ok(Ticket { access, version, refreshed, proven }))
            }
            Answer::Fail(error) => Some(Err(NoToken::Failed(error))),
            Answer::NotRenewable => Some(Err(NoToken::NotRenewable)),
            Answer::PassOn => Some(Err(NoToken::PassOn)),
            Answer::Wait { attempt, epoch } => {
                want.after = Some(attempt);
                // From here on the request belongs to this session, whoever signs in while it waits.
                want.epoch.get_or_insert(epoch);
                None
            }
        }
    }

    /// Begins a sign-in; later sign-ins and sign-outs supersede it.
    pub(crate) fn begin_sign_in(&self) -> Result<Intent, Error> {
        let mut machine = self.machine();
        machine.may_change()?;
        Ok(machine.begin_sign_in())
    }

    /// Returns when no revocation is under way, or when that takes too long. Many servers revoke all tokens of
    /// a grant at once: a revocation that arrives after the next sign-in could end that one.
    pub(crate) async fn revoked(&self) {
        let mut revoking = self.shared.revoking.subscribe();
        let _ = timeout(REVOCATION_PATIENCE, revoking.wait_for(|count| *count == 0)).await;
    }

    /// Puts tokens into use and returns when they are saved, or when that takes too long.
    pub(crate) async fn sign_in(&self, intent: Intent, grant: Grant) -> Result<(), Error> {
        let at = self.shared.moment();
        let attempt = {
            let mut machine = self.machine();
            let (result, effects) = machine.sign_in(at, intent, grant);
            self.enqueue(at.now, effects);
            result?
        };
        self.done(attempt).await.map_err(Error::from)
    }

    /// Puts tokens into a store on which nobody has ever signed in. True if they took effect: they are saved
    /// then, and in use.
    pub(crate) async fn import(&self, grant: Grant) -> Result<bool, Error> {
        self.machine().may_change()?;
        let lineage = grant.attempt_id.clone();
        let (told, imported) = oneshot::channel();
        loop {
            self.restored().await;
            let mut machine = self.machine();
            if let Some(attempt) = machine.begin_import() {
                // Before the machine is unlocked, so that the tombstone of a sign-out comes after it.
                let import = StoreOperation::Import { attempt, grant: Box::new(grant), told };
                self.clone().queue_store(import, Some(AtWork::begin(&self.shared)));
                break;
            }
            // Another import may have begun in the meantime.
            if !matches!(machine.view(), View::Restoring) {
                return Ok(false);
            }
        }
        // A store that panics tells nothing; the machine knows of it.
        let imported = imported.await.unwrap_or(false);
        self.restored().await;
        let now = self.shared.clock.boot_time();
        let result = {
            let machine = self.machine();
            match machine.view() {
                View::Locked(cause) if !imported => Err(cause.clone()),
                View::SignedIn(held) if imported && held.lineage == lineage => {
                    self.enqueue(now, vec![Effect::Emit(Event::SignedIn)]);
                    Ok(true)
                }
                // Somebody has signed in or out while the import was saved: that counts.
                _ => Ok(false),
            }
        };
        self.caught_up().await;
        result
    }

    /// Ends the session at once and returns when the tombstone is durable, or when that takes too long.
    pub(crate) async fn sign_out(&self) -> Result<(), Error> {
        let at = self.shared.moment();
        let attempt = {
            let mut machine = self.machine();
            machine.may_change()?;
            let (attempt, effects) = machine.sign_out(at);
            self.enqueue(at.now, effects);
            attempt
        };
        match attempt {
            Some(attempt) => self.done(attempt).await.map_err(Error::from),
            None => Ok(()),
        }
    }

    /// Checks that the user signed in no longer ago than this.
    pub(crate) fn require_recent_sign_in(&self, most: Duration) -> Result<(), Error> {
        let now = self.shared.clock.boot_time();
        let age = self.machine().since_sign_in(now)?;
        match age {
            Some(age) if age <= most => Ok(()),
            _ => Err(Error::RecentSignInRequired),
        }
    }

    /// A server accepted the ticket's token.
    pub(crate) fn accepted(&self, ticket: &Ticket) {
        if !ticket.proven {
            let Version { epoch, number } = ticket.version;
            self.apply(Input::Accepted { epoch, number });
        }
    }

    /// A server's `Date`; of interest only to the policies, and read only for them.
    pub(crate) fn server_says(&self, date: impl FnOnce() -> Option<SystemTime>) {
        if self.shared.dates_wanted
            && let Some(date) = date()
        {
            self.apply(Input::ServerDate(date));
        }
    }

    pub(crate) fn trace(&self) -> Vec<TraceEntry> {
        self.shared.trace.lock().unwrap_or_else(PoisonError::into_inner).entries()
    }

    pub(crate) fn apply(&self, input: Input) {
        let at = self.shared.moment();
        let mut machine = self.machine();
        let effects = machine.apply(at, input);
        self.enqueue(at.now, effects);
    }

    /// Tells the app of something that the machine has no part in.
    pub(crate) fn emit(&self, event: Event) {
        self.enqueue(self.shared.clock.boot_time(), vec![Effect::Emit(event)]);
    }

    /// Random bits, good for jitter.
    pub(crate) fn entropy(&self) -> u32 {
        self.shared.moment().entropy
    }

    async fn done(&self, attempt: Attempt) -> Result<(), StoreError> {
        let mut settled = self.shared.settled.subscribe();
        loop {
            settled.mark_unchanged();
            let progress = self.machine().progress(attempt);
            let result = match progress {
                Progress::Done => Ok(()),
                Progress::Failed(error) => Err(error),
                Progress::Pending => {
                    self.settlement(&mut settled).await;
                    continue;
                }
            };
            self.caught_up().await;
            return result;
        }
    }

    async fn settlement(&self, settled: &mut watch::Receiver<()>) {
        // The sender lives as long as `self`, so this cannot fail; it returns at the next settlement.
        let _ = settled.changed().await;
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.shared.machine()
    }

    /// Called with the machine locked, so that effects queue up in the order of the decisions. Sending
    /// wakes one task of the library's own and runs nothing here: whoever listens, to the log as well, may
    /// call back.
    fn enqueue(&self, now: BootTime, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Note(decision) = &effect {
                self.shared.note(now, decision.clone());
            }
            let writes = matches!(effect, Effect::Save { .. } | Effect::Erase { .. });
            let writing = writes.then(|| AtWork::begin(&self.shared));
            // The queue is closed only when the runtime is going down with the process.
            let _ =
                self.decided.send(Decided { work: Work::Effect(effect), writing, lifecycle: self.clone() });
        }
    }

    /// Returns when everything that was decided so far is carried out: a listener that comes later hears nothing of it.
    async fn caught_up(&self) {
        let (told, caught_up) = oneshot::channel();
        let _ =
            self.decided.send(Decided { work: Work::CaughtUp(told), writing: None, lifecycle: self.clone() });
        let _ = caught_up.await;
    }
}

impl Shared {
    fn note(&self, now: BootTime, decision: Decision) {
        if matches!(decision, Decision::RefreshEnded { outcome: "refreshed", .. }) {
            self.refreshes.fetch_add(1, Ordering::Relaxed);
        }
        let at_ms = u64::try_from(self.opened.until(now).as_millis()).unwrap_or(u64::MAX);
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        trace.note(TraceEntry { at_ms, decision });
    }

    fn moment(&self) -> Moment {
        // A Weyl sequence through a mixing function: jitter needs to be spread, not unpredictable.
        let mut bits = self.entropy.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits ^= bits >> 31;
        Moment { now: self.clock.boot_time(), entropy: bits as u32 }
    }
}

async fn run_effects(
    mut decided: mpsc::UnboundedReceiver<Decided>,
    lifecycle: WeakLifecycle,
    clock: Arc<dyn Clock>,
) {
    let mut alarms = Alarms::default();
    loop {
        tokio::select! {
            next = decided.recv() => match next {
                Some(Decided { work: Work::Effect(effect), writing, lifecycle }) => {
                    lifecycle.carry_out(effect, writing, &mut alarms);
                }
                // Whoever asked may have given up.
                Some(Decided { work: Work::CaughtUp(told), .. }) => drop(told.send(())),
                None => return,
            },
            // What is owed is held until it is done.
            _owed = alarms.next(clock.as_ref()) => {
                if let Some(lifecycle) = lifecycle.upgrade() {
                    lifecycle.apply(Input::Tick);
                }
            }
        }
    }
}

impl Lifecycle {
    fn carry_out(self, effect: Effect, writing: Option<AtWork>, alarms: &mut Alarms) {
        match effect {
            Effect::Load { attempt } => self.queue_store(StoreOperation::Load { attempt }, writing),
            Effect::Save { epoch, held, times, expected } => {
                self.queue_store(StoreOperation::Save { epoch, held, times, expected }, writing);
            }
            Effect::Erase { attempt, reason, expected } => {
                self.queue_store(StoreOperation::Erase { attempt, reason, expected }, writing);
            }
            Effect::Lease { attempt } => {
                spawn(self.lease(attempt));
            }
            Effect::Release { attempt } => {
                let giving_back = AtWork::begin(&self.shared);
                let lease = self.shared.locks().leases.remove(&attempt);
                // Giving a lock back is quick, but it is a store's code, and so is the app's.
                tokio::task::spawn_blocking(move || drop((lease, giving_back)));
            }
            Effect::Note(decision) => tracing::debug!(?decision),
            Effect::Refresh { attempt, token, attempt_id } => {
                let span = tracing::debug_span!("refresh", attempt, id = attempt_id.as_str());
                let shared = Arc::clone(&self.shared);
                let refresh = async move {
                    timeout(REFRESH_TIMEOUT, shared.authority.refresh(&token, &attempt_id)).await
                };
                let refresh = tokio::spawn(refresh.instrument(span));
                spawn(async move {
                    // A refresh that timed out or panicked may have reached the server.
                    let verdict = refresh.await.ok().and_then(Result::ok).unwrap_or(Verdict::Ambiguous);
                    if !matches!(verdict, Verdict::Rotated(_)) {
                        self.shared.failed_refresh_attempts.fetch_add(1, Ordering::Relaxed);
                    }
                    self.apply(Input::RefreshAnswered { attempt, verdict });
                });
            }
            Effect::Revoke { refresh, access } => {
                self.shared.revoking.send_modify(|count| *count += 1);
                spawn(async move {
                    let revocation = self.shared.authority.revoke(&refresh, access.as_deref());
                    if timeout(REFRESH_TIMEOUT, revocation).await != Ok(true) {
                        tracing::info!("the server did not confirm the revocation");
                    }
                    self.shared.revoking.send_modify(|count| *count -= 1);
                });
            }
            Effect::Emit(event) => {
                tracing::debug!(event = event.name(), "session event");
                // Nobody may be listening.
                let _ = self.shared.events.send(event);
            }
            Effect::Settle => {
                self.shared.settled.send_replace(());
            }
            Effect::WakeAt(time) => alarms.set(time, Some(self)),
            Effect::WakeIfOpen(time) => alarms.set(time, None),
        }
    }

    /// Waits for the lease on a thread of its own, so that writes do not queue behind it.
    async fn lease(self, attempt: Attempt) {
        let shared = Arc::clone(&self.shared);
        let at_work = AtWork::begin(&shared);
        let lease = move || {
            let _at_work = at_work;
            shared.lease(attempt)
        };
        let leased = tokio::task::spawn_blocking(lease);
        let panicked = |_| Err(StoreError::Transient("the store panicked".into()));
        let result = leased.await.unwrap_or_else(panicked);
        self.apply(Input::Leased { attempt, result });
    }

    /// Lets go of what must not be held while the process is suspended, for all of these at once. The time that the app
    /// has for it ends last.
    pub(crate) fn suspend(lifecycles: &[Self]) {
        let mut activities = Vec::new();
        let mut writing = Vec::new();
        let began = Instant::now();
        for lifecycle in lifecycles {
            let (leases, times): (Vec<_>, Vec<_>) = lifecycle.take_leases().into_values().unzip();
            activities.push(times);
            if lifecycle.shared.is_idle_by(began) {
                // Others wait for them, and nothing is owed before they go.
                drop(leases);
            } else {
                writing.push((lifecycle, leases));
            }
        }
        for (lifecycle, leases) in writing {
            if !lifecycle.shared.is_idle_by(began + SUSPENSION_PATIENCE) {
                tracing::warn!("the process is suspended during a write to the store");
            }
            // Whoever had got it before what a refresh brought was saved would have sent the token of before again.
            drop(leases);
        }
        drop(activities);
    }

    /// All leases, which the machine knows to be gone from here on.
    fn take_leases(&self) -> HashMap<Attempt, (Lease, Activity)> {
        let at = self.shared.moment();
        // As long as the machine is locked no lease is gained: one that was gained before is taken here, and one that
        // is awaited is not awaited any more.
        let mut machine = self.machine();
        let effects = machine.apply(at, Input::Suspended);
        self.enqueue(at.now, effects);
        std::mem::take(&mut self.shared.locks().leases)
    }

    fn queue_store(self, operation: StoreOperation, writing: Option<AtWork>) {
        let jobs = self.shared.store_jobs.clone();
        // The store's task lives as long as the lifecycle.
        let _ = jobs.send(StoreJob { operation, writing, lifecycle: self });
    }
}

#[derive(Debug)]
struct StoreJob {
    operation: StoreOperation,
    writing: Option<AtWork>,
    lifecycle: Lifecycle,
}

#[derive(Debug)]
enum StoreOperation {
    Load { attempt: Attempt },
    Save { epoch: u64, held: Box<Held>, times: Times, expected: Expected },
    Erase { attempt: Attempt, reason: SignOutReason, expected: Expected },
    Import { attempt: Attempt, grant: Box<Grant>, told: oneshot::Sender<bool> },
}

/// Owns the store: one operation at a time, in order, each on a thread that may block.
async fn run_store(mut jobs: mpsc::UnboundedReceiver<StoreJob>) {
    while let Some(StoreJob { operation, writing, lifecycle }) = jobs.recv().await {
        let shared = Arc::clone(&lifecycle.shared);
        let fallback = operation.failed(StoreError::Transient("the store panicked".into()));
        let work = move || {
            let _writing = writing;
            operation.perform(&shared)
        };
        let outcome = tokio::task::spawn_blocking(work).await;
        lifecycle.apply(outcome.unwrap_or(fallback));
    }
}

impl StoreOperation {
    fn perform(self, shared: &Shared) -> Input {
        match self {
            Self::Load { attempt } => Input::Loaded { attempt, loaded: shared.load() },
            Self::Save { epoch, held, times, expected } => {
                let record = shared.record(&held, times);
                let result = shared.in_time(|| shared.store.save(&shared.slot, &record, expected));
                Input::Saved { epoch, revision: held.revision, result }
            }
            Self::Erase { attempt, reason, expected } => {
                let result =
                    shared.in_time(|| shared.store.erase(&shared.slot, &Tombstone { reason }, expected));
                Input::Erased { attempt, result }
            }
            Self::Import { attempt, grant, told } => {
                let (imported, loaded) = shared.in_time(|| shared.import(*grant));
                // Whoever asked may have given up.
                let _ = told.send(imported);
                Input::Loaded { attempt, loaded }
            }
        }
    }

    fn failed(&self, error: StoreError) -> Input {
        match self {
            Self::Load { attempt } | Self::Import { attempt, .. } => {
                Input::Loaded { attempt: *attempt, loaded: Loaded::Unreadable(error.into()) }
            }
            Self::Save { epoch, held, .. } => {
                Input::Saved { epoch: *epoch, revision: held.revision, result: Err(error) }
            }
            Self::Erase { attempt, .. } => Input::Erased { attempt: *attempt, result: Err(error) },
        }
    }
}

impl Shared {
    fn locks(&self) -> MutexGuard<'_, Locks> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // The machine's functions do not panic half-way on any input; what a poisoned lock holds is whole.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_idle_by(&self, deadline: Instant) -> bool {
        let at_work = |locks: &mut Locks| locks.at_work > 0;
        let patience = deadline.saturating_duration_since(Instant::now());
        let waited = self.idle.wait_timeout_while(self.locks(), patience, at_work);
        waited.unwrap_or_else(PoisonError::into_inner).0.at_work == 0
    }

    /// Writes, in time that is asked for. Where the system gives none the write is made all the same: it takes
    /// milliseconds, and tokens that were not saved would be lost with the process.
    fn in_time<T>(&self, write: impl FnOnce() -> T) -> T {
        let _activity = Activity::begin(self.activity.as_ref());
        write()
    }

    fn lease(&self, attempt: Attempt) -> Result<Leased, StoreError> {
        let no_time = || StoreError::Transient("the system gives the app no time in the background".into());
        let activity = Activity::begin(self.activity.as_ref()).ok_or_else(no_time)?;
        let lease = self.wait_for_lease(attempt)?;
        let shared = lease.is_shared();
        let loaded = if shared {
            self.load()
        } else {
            // Nobody else writes: memory is as good as the store.
            Loaded::Unreadable(Error::Locked)
        };
        // Locked until the lease is where a suspension finds it.
        let machine = self.machine();
        if !machine.awaits_lease(attempt) {
            drop(machine);
            // Whoever is suspended with it would be killed. Dropped in this order: the lease, then the activity.
            drop(lease);
            return Err(unwanted());
        }
        self.locks().leases.insert(attempt, (lease, activity));
        Ok(Leased { shared, loaded })
    }

    /// In turns, so that a process that is about to be suspended stops waiting.
    fn wait_for_lease(&self, attempt: Attempt) -> Result<Lease, StoreError> {
        let began = Instant::now();
        loop {
            // Also before the first turn: whoever is suspended must not even try.
            if !self.machine().awaits_lease(attempt) {
                return Err(unwanted());
            }
            let turn = Instant::now();
            let leased = self.store.lease(&self.slot, LEASE_TURN);
            // What fails sooner is not held by somebody else.
            if leased.is_ok() || turn.elapsed() < LEASE_TURN || began.elapsed() >= LEASE_PATIENCE {
                return leased;
            }
        }
    }

    fn load(&self) -> Loaded {
        self.interpret(self.store.load(&self.slot))
    }

    fn interpret(&self, load: Load) -> Loaded {
        match load {
            Load::Found(record, generation) => {
                self.authority.device.restore(record.device.as_deref());
                let times = record.times;
                let grant = grant(record, self.clock.as_ref());
                Loaded::Found(Box::new(Stored { grant, times, generation }))
            }
            Load::Tombstone(tombstone, _) => Loaded::Ended(tombstone.reason),
            Load::Absent => Loaded::Absent,
            Load::Locked => Loaded::Unreadable(Error::Locked),
            Load::Transient(cause) => Loaded::Unreadable(Error::StoreUnavailable(cause)),
            Load::Refused(refusal) => Loaded::Unreadable(Error::StoreRefused(refusal)),
            Load::Corrupt(cause) => Loaded::Damaged(cause),
            Load::UnknownVersion => {
                Loaded::Unreadable(Error::StoreCorrupt(RecordError::UnknownVersion.to_string()))
            }
            Load::Unrecoverable => Loaded::Lost,
        }
    }

    /// A load that writes where there is nothing, and whether it did.
    fn import(&self, grant: Grant) -> (bool, Loaded) {
        let load = self.store.load(&self.slot);
        if load != Load::Absent {
            return (false, self.interpret(load));
        }
        let record = Record {
            expires_at: grant.remaining.and_then(|left| self.clock.wall_time().checked_add(left)),
            lifetime: grant.lifetime,
            lineage: grant.lineage.clone().unwrap_or_else(|| grant.attempt_id.clone()),
            attempt: grant.attempt_id.clone(),
            subject: grant.subject.clone(),
            device: self.authority.device.id().map(str::to_owned),
            refresh_token: grant.refresh.clone(),
            access_token: grant.access.clone(),
            // Nobody knows when the user signed in.
            times: Times::default(),
        };
        let mut kept = record.clone();
        if self.keeps_access_token_out(kept.refresh_token.is_some()) {
            (kept.access_token, kept.expires_at) = (None, None);
        }
        // A slot that was never written has the first generation: whoever writes to it meanwhile wins.
        match self.store.save(&self.slot, &kept, Expected::Generation(Generation::default())) {
            Ok(generation) => (true, self.interpret(Load::Found(record, generation))),
            Err(StoreError::Conflict) => (false, self.load()),
            Err(error) => (false, Loaded::Unreadable(error.into())),
        }
    }

    /// Without a refresh token the access token is all there is.
    fn keeps_access_token_out(&self, has_refresh_token: bool) -> bool {
        self.access_token_in_memory_only && has_refresh_token
    }

    fn record(&self, held: &Held, times: Times) -> Record {
        let kept_out = self.keeps_access_token_out(held.refresh.is_some());
        let device = self.authority.device.id().map(str::to_owned);
        record(held, times, kept_out, device, self.clock.as_ref())
    }
}

/// The machine has given the attempt up; it does not ask why there is no lease.
fn unwanted() -> StoreError {
    StoreError::Transient("the lease is not awaited any more".into())
}

/// Both clocks, read together.
struct Now {
    boot: BootTime,
    wall: SystemTime,
}

impl Now {
    fn read(clock: &dyn Clock) -> Self {
        Self { boot: clock.boot_time(), wall: clock.wall_time() }
    }

    fn on_the_wall(&self, time: Option<BootTime>) -> Option<SystemTime> {
        let time = time?;
        if time >= self.boot {
            self.wall.checked_add(self.boot.until(time))
        } else {
            self.wall.checked_sub(time.until(self.boot))
        }
    }
}

/// What is saved of tokens in use.
pub(crate) fn record(
    held: &Held,
    times: Times,
    keeps_access_token_out: bool,
    device: Option<String>,
    clock: &dyn Clock,
) -> Record {
    let (access, expires_at) =
        if keeps_access_token_out { (None, None) } else { (held.access.as_deref(), held.expires_at) };
    Record {
        refresh_token: held.refresh.as_deref().cloned(),
        access_token: access.cloned(),
        expires_at: Now::read(clock).on_the_wall(expires_at),
        lifetime: held.lifetime,
        attempt: held.attempt_id.clone(),
        lineage: held.lineage.clone(),
        subject: held.subject.clone(),
        device,
        times,
    }
}

/// The tokens of a record, to be used.
pub(crate) fn grant(record: Record, clock: &dyn Clock) -> Grant {
    let claims = record.access_token.as_ref().and_then(claims::decode);
    // A wall clock that was set back must not lengthen the token's life.
    let remaining = record.expires_at.map(|expiry| {
        let left = expiry.duration_since(clock.wall_time()).unwrap_or_default();
        record.lifetime.map_or(left, |lifetime| left.min(lifetime))
    });
    Grant {
        access: record.access_token,
        refresh: record.refresh_token,
        lifetime: record.lifetime,
        remaining,
        attempt_id: record.attempt,
        lineage: Some(record.lineage),
        subject: record.subject,
        claims,
    }
}
