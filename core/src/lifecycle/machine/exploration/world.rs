//! Two processes, one store, one server: which steps are possible, what each does, and what must never
//! happen. The numbers in brackets are those of the invariants in `docs/architecture.md`.

use super::fingerprint::Fingerprint;
use super::process::{Operation, PendingLease, Process, Refresh, RequestStage, StoreJob, Witness};
use super::server::{LIFETIME, Server, Token};
use crate::error::Error;
use crate::event::{Event, SignOutReason};
use crate::lifecycle::machine::{Machine, Times};
use crate::lifecycle::terms::{
    Answer, Attempt, Effect, Input, Leased, Loaded, Moment, Stored, Verdict, Want,
};
use crate::store::{Expected, Generation, StoreError};
use crate::time::BootTime;

pub(super) type User = u8;

/// What the world may do, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Bounds {
    /// Answers of the authorization server that are lost.
    pub(super) losses: u8,
    /// Times after which access tokens are no good any more.
    pub(super) expiries: u8,
    /// Writes of the store that fail without having been made.
    pub(super) failed_writes: u8,
    /// Writes that have been made and are reported as failed: the directory could not be synced.
    pub(super) doubtful_writes: u8,
    /// Reads of the store that fail.
    pub(super) failed_reads: u8,
    /// Processes that are killed and start again.
    pub(super) crashes: u8,
    pub(super) sign_outs: u8,
    pub(super) sign_ins: u8,
    /// Times that pass although something could happen.
    pub(super) pauses: u8,
    /// Leases that are waited for in vain.
    pub(super) denials: u8,
    /// Processes that come to the foreground.
    pub(super) resumes: u8,
    /// Processes that are about to be suspended, and go on some time.
    pub(super) suspensions: u8,
}

/// How the world is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The server repeats its answer to the last used token.
    pub(super) grace: bool,
    /// Access tokens name the user.
    pub(super) names_users: bool,
    /// The client knows when access tokens expire; otherwise it learns it from a refusal.
    pub(super) ages: bool,
    /// The second process only reads.
    pub(super) reader: bool,
    /// How many requests each process makes.
    pub(super) requests: [usize; 2],
}

/// One thing that happens; the first number is the process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    RequestAsks(usize, usize),
    ApiAnswers(usize, usize),
    StorePerforms(usize),
    StoreFails(usize),
    StoreFailsAfterWriting(usize),
    StoreReports(usize),
    LeaseIsGained(usize, usize),
    LeaseIsDenied(usize, usize),
    LeaseIsReported(usize, usize),
    ServerRefreshes(usize, usize),
    AnswerArrives(usize, usize),
    AnswerIsLost(usize, usize),
    ServerRevokes(usize, usize),
    Tick(usize),
    /// Nothing else can happen, or a little of the bound is spent.
    TimePasses {
        idle: bool,
    },
    AccessTokensExpire,
    SignInBegins(usize),
    SignInEnds(usize, User),
    UserSignsOut(usize),
    ProcessCrashes(usize),
    ProcessResumes(usize),
    ProcessIsSuspended(usize),
    SuspensionTakesLease(usize),
    SuspendedProcessGoesOn(usize),
}

#[derive(Clone, Debug)]
pub(super) struct World {
    left: Bounds,
    ages: bool,
    now: BootTime,
    store: Store,
    server: Server,
    processes: [Process; 2],
    violation: Option<String>,
}

#[derive(Clone, Debug)]
struct Store {
    entry: Entry,
    generation: Generation,
    lease: Option<(usize, Attempt)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Entry {
    Live { token: Token, expires_at: Option<BootTime> },
    Ended,
}

impl Entry {
    fn family(self) -> Option<u8> {
        match self {
            Self::Live { token, .. } => Some(token.family),
            Self::Ended => None,
        }
    }
}

/// What a step of a machine may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    SignOut,
    /// What was read says that somebody else has ended the session.
    EndedElsewhere,
    /// It comes from an epoch that is over.
    OlderEpoch,
    Other,
}

impl World {
    /// One user is signed in, saved, in both processes.
    pub(super) fn new(rules: Rules, left: Bounds) -> Self {
        let Rules { grace, names_users, ages, reader, requests: [first, second] } = rules;
        let mut server = Server { families: Vec::new(), grace, names_users, ages };
        server.sign_in(1);
        let token = Token { family: 0, number: 0 };
        server.family_mut(token).durable = Some(0);
        let now = BootTime::from_boot(LIFETIME);
        let entry = Entry::Live { token, expires_at: ages.then(|| now.after(LIFETIME)) };
        let mut world = Self {
            left,
            ages,
            now,
            store: Store { entry, generation: Generation(1), lease: None },
            server,
            processes: [
                Process::start(false, first, Witness::default()),
                Process::start(reader, second, Witness::default()),
            ],
            violation: None,
        };
        for p in [0, 1] {
            world.take(Step::StorePerforms(p));
            world.take(Step::StoreReports(p));
        }
        world
    }

    pub(super) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let Self { left, ages: _, now, store, server, processes, violation: _ } = self;
        let mut print = Fingerprint::new(*now, store.generation);
        print.add((left, &server.families));
        match store.entry {
            Entry::Live { token, expires_at } => {
                print.add(token);
                print.deadline(expires_at);
            }
            Entry::Ended => print.add(0),
        }
        // Which of the two processes is which makes no difference.
        let mut parts = [0, 1].map(|p| {
            let mut part = print.part();
            part.add(store.lease.is_some_and(|(holder, _)| holder == p));
            processes[p].fingerprint(&mut part);
            part.finish()
        });
        parts.sort_unstable();
        print.add(parts);
        print.finish()
    }

    /// Everything that can happen next.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for p in [0, 1] {
            self.steps_of(p, &mut steps);
        }
        let is_idle = steps.is_empty();
        if is_idle && self.next_timer(true).is_some() {
            steps.push(Step::TimePasses { idle: true });
        } else if self.left.pauses > 0 && self.next_timer(false).is_some() {
            steps.push(Step::TimePasses { idle: false });
        }
        self.steps_from_outside(&mut steps);
        steps
    }

    /// Whether anything comes of itself.
    pub(super) fn must_go_on(&self) -> bool {
        let mut steps = Vec::new();
        for p in [0, 1] {
            self.steps_of(p, &mut steps);
        }
        let suspended = self.processes.iter().any(|process| process.suspended);
        !steps.is_empty() || self.next_timer(true).is_some() || suspended
    }

    /// What must come to pass sooner or later.
    fn steps_of(&self, p: usize, steps: &mut Vec<Step>) {
        let process = &self.processes[p];
        for (r, request) in process.requests.iter().enumerate() {
            match request.stage {
                RequestStage::Asking => steps.push(Step::RequestAsks(p, r)),
                RequestStage::Sent { .. } => steps.push(Step::ApiAnswers(p, r)),
                RequestStage::Waiting | RequestStage::Done => {}
            }
        }
        match process.store_jobs.front() {
            Some(StoreJob { outcome: Some(_), .. }) => steps.push(Step::StoreReports(p)),
            Some(_) => steps.push(Step::StorePerforms(p)),
            None => {}
        }
        for (l, lease) in process.leases.iter().enumerate() {
            if lease.outcome.is_some() {
                steps.push(Step::LeaseIsReported(p, l));
            } else if self.store.lease.is_none() {
                steps.push(Step::LeaseIsGained(p, l));
            }
        }
        if process.lease_taken.is_some() && !process.is_writing() {
            steps.push(Step::SuspensionTakesLease(p));
        }
        for (f, refresh) in process.refreshes.iter().enumerate() {
            steps.push(match refresh.verdict {
                None => Step::ServerRefreshes(p, f),
                Some(_) => Step::AnswerArrives(p, f),
            });
        }
        steps.extend((0..process.revocations.len()).map(|v| Step::ServerRevokes(p, v)));
        if process.timers.first().is_some_and(|(time, _)| *time <= self.now) {
            steps.push(Step::Tick(p));
        }
    }

    /// What may come to pass, within bounds.
    fn steps_from_outside(&self, steps: &mut Vec<Step>) {
        let left = &self.left;
        let mut may = |times: u8, step: Step| steps.extend((times > 0).then_some(step));
        may(left.expiries, Step::AccessTokensExpire);
        for (p, process) in self.processes.iter().enumerate() {
            may(left.crashes, Step::ProcessCrashes(p));
            may(left.resumes, Step::ProcessResumes(p));
            may(left.suspensions, Step::ProcessIsSuspended(p));
            may(process.suspended.into(), Step::SuspendedProcessGoesOn(p));
            may(left.sign_outs * u8::from(!process.reads_only), Step::UserSignsOut(p));
            if process.signing_in.is_some() {
                may(1, Step::SignInEnds(p, 1));
                may(1, Step::SignInEnds(p, 2));
            } else {
                may(left.sign_ins * u8::from(!process.reads_only), Step::SignInBegins(p));
            }
            match process.store_jobs.front() {
                Some(StoreJob { operation: Operation::Load { .. }, outcome: None }) => {
                    may(left.failed_reads, Step::StoreFails(p));
                }
                Some(StoreJob { operation, outcome: None }) => {
                    may(left.failed_writes, Step::StoreFails(p));
                    // The first save of a sign-in replaces whatever is there, and so does its repetition.
                    if !matches!(operation, Operation::Save { expected: Expected::Any, .. }) {
                        may(left.doubtful_writes, Step::StoreFailsAfterWriting(p));
                    }
                }
                _ => {}
            }
            for f in 0..process.refreshes.len() {
                may(left.losses, Step::AnswerIsLost(p, f));
            }
            let elsewhere = self.store.lease.is_some_and(|(holder, _)| holder != p);
            for (l, lease) in process.leases.iter().enumerate() {
                if elsewhere && lease.outcome.is_none() {
                    may(left.denials, Step::LeaseIsDenied(p, l));
                }
            }
        }
    }

    fn next_timer(&self, owed: bool) -> Option<BootTime> {
        let timers = self.processes.iter().flat_map(|process| &process.timers);
        timers.filter(|(time, due)| *time > self.now && (*due || !owed)).map(|(time, _)| *time).min()
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::RequestAsks(p, r) => self.ask(p, r),
            Step::ApiAnswers(p, r) => self.api_answers(p, r),
            Step::StorePerforms(p) => self.perform(p),
            Step::StoreFails(p) => self.fail(p),
            Step::StoreFailsAfterWriting(p) => {
                self.left.doubtful_writes -= 1;
                self.perform(p);
                let job = self.processes[p].store_jobs.front_mut().expect("it is enabled");
                if let Some(Input::Saved { result, .. } | Input::Erased { result, .. }) = &mut job.outcome {
                    *result = result.clone().and(Err(transient()));
                }
            }
            Step::StoreReports(p) => self.report(p),
            Step::LeaseIsGained(p, l) => {
                let loaded = self.load();
                let process = &mut self.processes[p];
                let lease = &mut process.leases[l];
                // As the driver sees to it.
                if !process.machine.awaits_lease(lease.attempt) {
                    lease.outcome = Some(Err(transient()));
                    return;
                }
                lease.outcome = Some(Ok(Leased { shared: true, loaded }));
                self.store.lease = Some((p, lease.attempt));
            }
            Step::LeaseIsDenied(p, l) => {
                self.left.denials -= 1;
                self.processes[p].leases[l].outcome = Some(Err(transient()));
            }
            Step::LeaseIsReported(p, l) => {
                let PendingLease { attempt, outcome } = self.processes[p].leases.remove(l);
                let result = outcome.expect("it is enabled");
                let cause = match &result {
                    Ok(leased) => self.cause_of(p, &leased.loaded),
                    Err(_) => Cause::Other,
                };
                self.apply(p, cause, Input::Leased { attempt, result });
            }
            Step::ServerRefreshes(p, f) => {
                let token = self.processes[p].refreshes[f].token;
                let (verdict, surprise) = self.server.refresh(token);
                self.processes[p].refreshes[f].verdict = Some(verdict);
                self.check(!surprise, || format!("[1] the server has found {token} used again"));
            }
            Step::AnswerArrives(p, f) => {
                let refresh = self.processes[p].refreshes.remove(f);
                let verdict = refresh.verdict.clone().expect("it is enabled");
                self.answer(p, refresh, verdict);
            }
            Step::AnswerIsLost(p, f) => {
                self.left.losses -= 1;
                let refresh = self.processes[p].refreshes.remove(f);
                if matches!(refresh.verdict, Some(Verdict::Rotated(_))) && !self.server.grace {
                    self.server.family_mut(refresh.token).excused = true;
                }
                self.answer(p, refresh, Verdict::Ambiguous);
            }
            Step::ServerRevokes(p, v) => {
                let token = self.processes[p].revocations.remove(v);
                self.server.family_mut(token).alive = false;
            }
            Step::Tick(p) => {
                let now = self.now;
                self.processes[p].timers.retain(|(time, _)| *time > now);
                self.apply(p, Cause::Other, Input::Tick);
            }
            Step::TimePasses { idle } => {
                self.now = self.next_timer(idle).expect("it is enabled");
                self.left.pauses -= u8::from(!idle);
            }
            Step::AccessTokensExpire => {
                self.left.expiries -= 1;
                self.server.expire();
                if self.ages {
                    self.now = self.now.after(LIFETIME);
                }
            }
            Step::SignInBegins(p) => {
                self.left.sign_ins -= 1;
                let intent = self.processes[p].machine.begin_sign_in();
                self.processes[p].signing_in = Some(intent);
            }
            Step::SignInEnds(p, user) => self.sign_in(p, user),
            Step::UserSignsOut(p) => {
                self.left.sign_outs -= 1;
                let process = &mut self.processes[p];
                process.witness.signed_out = true;
                process.witness.closed = process.held().map(|token| token.family).or(process.witness.closed);
                self.drive(p, Cause::SignOut, Machine::sign_out);
            }
            Step::ProcessCrashes(p) => self.crash(p),
            Step::ProcessResumes(p) => {
                self.left.resumes -= 1;
                self.processes[p].suspended = false;
                self.apply(p, Cause::Other, Input::Resumed);
            }
            Step::ProcessIsSuspended(p) => {
                self.left.suspensions -= 1;
                self.suspend(p);
            }
            Step::SuspensionTakesLease(p) => {
                let had = self.store.lease.take();
                let taken = self.processes[p].lease_taken.take();
                self.check(had == taken.map(|attempt| (p, attempt)), || {
                    format!("[1] the lease of {had:?} is taken from {p}")
                });
            }
            Step::SuspendedProcessGoesOn(p) => {
                self.processes[p].suspended = false;
                self.apply(p, Cause::Other, Input::Resumed);
            }
        }
    }

    /// As the driver does it.
    fn suspend(&mut self, p: usize) {
        let lease = self.store.lease.filter(|(holder, _)| *holder == p).map(|(_, attempt)| attempt);
        let process = &mut self.processes[p];
        process.suspended = true;
        process.lease_taken = lease;
        process.was_suspended |= lease.is_some();
        for refresh in &mut process.refreshes {
            // The server may see it late, after what another process has sent under the lease.
            refresh.cut = true;
            self.server.family_mut(refresh.token).excused = true;
        }
        self.apply(p, Cause::Other, Input::Suspended);
    }

    fn ask(&mut self, p: usize, r: usize) {
        let want = self.processes[p].requests[r].want;
        self.processes[p].suspended &= want.epoch.is_some();
        let answer = self.drive(p, Cause::Other, |machine, at| machine.want(at, want));
        let Process { requests, witness, .. } = &mut self.processes[p];
        let request = &mut requests[r];
        let epoch = witness.epoch;
        match answer {
            Answer::Use { access, version, .. } => {
                let began = *request.began.get_or_insert(epoch);
                request.want.epoch = Some(version.epoch);
                let token = Token::of(&access);
                let fresh = want.after.is_some();
                request.stage =
                    RequestStage::Sent { token, epoch: version.epoch, number: version.number, fresh };
                let is_ours = Some(self.server.family(token).user) == witness.user;
                let told = witness.degraded;
                self.check(began == epoch && is_ours, || {
                    format!("[2] a request of epoch {began} is sent with {token} in epoch {epoch}")
                });
                self.check(told || self.is_durable(token), || {
                    format!("[3] {token} is used, is not saved, and the app does not know")
                });
            }
            Answer::Wait { attempt, epoch: waits_in } => {
                request.began.get_or_insert(epoch);
                request.want.after = Some(attempt);
                request.want.epoch.get_or_insert(waits_in);
                request.stage = RequestStage::Waiting;
            }
            Answer::Fail(_) | Answer::NotRenewable | Answer::PassOn => request.stage = RequestStage::Done,
        }
    }

    /// As `http/client.rs` does it.
    fn api_answers(&mut self, p: usize, r: usize) {
        const MOST_RETRIES: u32 = 2;
        let request = &mut self.processes[p].requests[r];
        let RequestStage::Sent { token, epoch, number, fresh } = request.stage else { return };
        if self.server.accepts(token) {
            request.stage = RequestStage::Done;
            self.apply(p, Cause::Other, Input::Accepted { epoch, number });
        } else if request.retries == MOST_RETRIES || (fresh && request.retries > 0) {
            request.stage = RequestStage::Done;
        } else {
            request.retries += 1;
            request.want = Want { epoch: Some(epoch), refused: Some(number), after: None };
            request.stage = RequestStage::Asking;
        }
    }

    fn load(&self) -> Loaded {
        match self.store.entry {
            Entry::Ended => Loaded::Ended(SignOutReason::User),
            Entry::Live { token, expires_at } => {
                let mut grant = self.server.grant(token, expires_at, self.now);
                grant.lineage = Some(Token { number: 0, ..token }.attempt_id());
                let (times, generation) = (Times::default(), self.store.generation);
                Loaded::Found(Box::new(Stored { grant, times, generation }))
            }
        }
    }

    /// As `store/file.rs` does it.
    fn perform(&mut self, p: usize) {
        let operation = self.processes[p].store_jobs.front().expect("it is enabled").operation.clone();
        let present = self.store.entry;
        let outcome = match operation {
            Operation::Load { attempt } => Input::Loaded { attempt, loaded: self.load() },
            Operation::Save { epoch, revision, token, expires_at, expected } => {
                let result = self.write(Entry::Live { token, expires_at }, expected);
                if result.is_ok() {
                    let was_saved = self.server.family(token).durable;
                    self.check(was_saved.is_none() || present.family() == Some(token.family), || {
                        format!("[5] {token} comes back over {present:?}")
                    });
                    self.check(was_saved <= Some(token.number), || {
                        format!("[5] {token} replaces a later one")
                    });
                    self.server.family_mut(token).durable = was_saved.max(Some(token.number));
                }
                Input::Saved { epoch, revision, result }
            }
            Operation::Erase { attempt, by_user, family, expected } => {
                let result = self.write(Entry::Ended, expected);
                if result.is_ok() && !by_user {
                    self.check(present.family().is_none() || present.family() == family, || {
                        format!("[5] the end of session {family:?} erases {present:?}")
                    });
                }
                Input::Erased { attempt, result }
            }
        };
        self.processes[p].store_jobs.front_mut().expect("it is enabled").outcome = Some(outcome);
    }

    fn write(&mut self, entry: Entry, expected: Expected) -> Result<Generation, StoreError> {
        match expected {
            Expected::Generation(generation) if generation != self.store.generation => {
                Err(StoreError::Conflict)
            }
            // There always is something.
            Expected::Nothing { .. } => Err(StoreError::Conflict),
            _ => {
                self.store.entry = entry;
                self.store.generation = self.store.generation.next();
                Ok(self.store.generation)
            }
        }
    }

    fn fail(&mut self, p: usize) {
        let job = self.processes[p].store_jobs.front_mut().expect("it is enabled");
        let (outcome, left) = match job.operation {
            Operation::Load { attempt } => {
                let loaded = Loaded::Unreadable(Error::Locked);
                (Input::Loaded { attempt, loaded }, &mut self.left.failed_reads)
            }
            Operation::Save { epoch, revision, .. } => {
                (Input::Saved { epoch, revision, result: Err(transient()) }, &mut self.left.failed_writes)
            }
            Operation::Erase { attempt, .. } => {
                (Input::Erased { attempt, result: Err(transient()) }, &mut self.left.failed_writes)
            }
        };
        *left -= 1;
        job.outcome = Some(outcome);
    }

    fn report(&mut self, p: usize) {
        let job = self.processes[p].store_jobs.pop_front().expect("it is enabled");
        let input = job.outcome.expect("it is enabled");
        let cause = match &input {
            Input::Loaded { loaded, .. } => self.cause_of(p, loaded),
            _ => Cause::Other,
        };
        self.apply(p, cause, input);
    }

    /// Whether what was read ends the session of this process.
    fn cause_of(&self, p: usize, loaded: &Loaded) -> Cause {
        let Some(held) = self.processes[p].held() else { return Cause::Other };
        let is_over = match loaded {
            Loaded::Ended(_) => true,
            Loaded::Found(stored) => {
                let found = stored.grant.refresh.as_ref().map(Token::of).expect("a record has one");
                let same_user = self.server.family(found).user == self.server.family(held).user;
                found.family != held.family && !(same_user && self.server.names_users)
            }
            _ => false,
        };
        if is_over { Cause::EndedElsewhere } else { Cause::Other }
    }

    fn answer(&mut self, p: usize, refresh: Refresh, verdict: Verdict) {
        let Refresh { attempt, epoch, .. } = refresh;
        let witness = &mut self.processes[p].witness;
        let cause = if epoch == witness.epoch { Cause::Other } else { Cause::OlderEpoch };
        if let (Verdict::Rotated(grant), Cause::Other) = (&verdict, cause) {
            witness.received = grant.refresh.as_ref().map(Token::of);
        }
        self.apply(p, cause, Input::RefreshAnswered { attempt, verdict });
    }

    fn sign_in(&mut self, p: usize, user: User) {
        let intent = self.processes[p].signing_in.take().expect("it is enabled");
        let grant = self.server.sign_in(user);
        let at = self.moment();
        let (result, effects) = self.processes[p].machine.sign_in(at, intent, grant);
        if result.is_ok() {
            let witness = &mut self.processes[p].witness;
            let epoch = witness.epoch + 1;
            *witness = Witness { epoch, user: Some(user), ..Witness::default() };
        }
        self.carry_out(p, effects);
    }

    fn crash(&mut self, p: usize) {
        self.left.crashes -= 1;
        if self.store.lease.is_some_and(|(holder, _)| holder == p) {
            // What the server has rotated since the last save is gone with the memory.
            if let Entry::Live { token, .. } = self.store.entry {
                let kept = token.number + u8::from(self.server.grace);
                let family = self.server.family_mut(token);
                family.excused |= family.current > kept;
            }
            self.store.lease = None;
        }
        let Process { witness: Witness { epoch, .. }, reads_only, .. } = self.processes[p];
        let witness = Witness { epoch: epoch + 1, ..Witness::default() };
        // Somebody uses the app again.
        self.processes[p] = Process::start(reads_only, 1, witness);
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, entropy: u32::MAX }
    }

    fn apply(&mut self, p: usize, cause: Cause, input: Input) {
        self.drive(p, cause, |machine, at| ((), machine.apply(at, input)));
    }

    /// Lets the machine decide, and looks at what it has made of it.
    fn drive<R>(
        &mut self,
        p: usize,
        cause: Cause,
        decide: impl FnOnce(&mut Machine, Moment) -> (R, Vec<Effect>),
    ) -> R {
        let at = self.moment();
        let process = &mut self.processes[p];
        let (before, was_out) = (process.held(), process.is_signed_out());
        let (result, effects) = decide(&mut process.machine, at);
        let (after, is_out) = (process.held(), process.is_signed_out());
        let ends: Vec<SignOutReason> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Emit(Event::SignedOut { reason }) => Some(*reason),
                _ => None,
            })
            .collect();
        let witness = &mut process.witness;
        if let Some(reason) = ends.first() {
            let epoch = witness.epoch + 1;
            let ended = before.map(|token| token.family);
            let Witness { signed_out, closed, .. } = *witness;
            *witness = Witness { epoch, signed_out, closed, ended, ..Witness::default() };
            let may = !self.processes[p].reads_only || *reason == SignOutReason::Elsewhere;
            self.check(may && self.is_justified(*reason, before, cause), || {
                format!("[6] the session of {before:?} ends: {reason:?}")
            });
        } else if let Some(token) = after {
            let user = self.server.family(token).user;
            let known = *witness.user.get_or_insert(user);
            self.check(known == user, || format!("[2] {token} is used for user {known}"));
        }
        let expected = usize::from(is_out && !was_out && (before.is_some() || cause == Cause::SignOut));
        self.check(ends.len() == expected, || {
            format!("[6] a session that ends is told {} times", ends.len())
        });
        // Whoever only reads is signed in where another is.
        let reads_only = self.processes[p].reads_only;
        self.check(reads_only || !(was_out && after.is_some()), || {
            format!("[5] {after:?} is back without a sign-in")
        });
        if cause == Cause::OlderEpoch {
            let harmless = effects.iter().all(|effect| matches!(effect, Effect::Revoke { .. }));
            self.check(harmless && before == after, || {
                format!("[4] an answer to an older epoch leads to {effects:?}")
            });
        }
        self.carry_out(p, effects);
        result
    }

    fn is_justified(&self, reason: SignOutReason, held: Option<Token>, cause: Cause) -> bool {
        match reason {
            SignOutReason::User => cause == Cause::SignOut,
            SignOutReason::Rejected | SignOutReason::RotationLost => {
                held.is_some_and(|token| !self.server.family(token).alive)
            }
            SignOutReason::Elsewhere => cause == Cause::EndedElsewhere,
            _ => false,
        }
    }

    /// As the driver does it.
    fn carry_out(&mut self, p: usize, effects: Vec<Effect>) {
        for effect in effects {
            let process = &mut self.processes[p];
            if process.reads_only && changes(&effect) {
                self.check(false, || format!("{p} only reads, and does {effect:?}"));
                continue;
            }
            match effect {
                Effect::Load { attempt } => process.queue(Operation::Load { attempt }),
                Effect::Save { epoch, held, expected, .. } => {
                    let token = Token::of(held.refresh.as_deref().expect("the server sends one"));
                    let (revision, expires_at) = (held.revision, held.expires_at);
                    process.queue(Operation::Save { epoch, revision, token, expires_at, expected });
                }
                Effect::Erase { attempt, reason, expected } => {
                    let by_user = reason == SignOutReason::User;
                    let family = process.witness.ended;
                    process.queue(Operation::Erase { attempt, by_user, family, expected });
                }
                Effect::Lease { attempt } => process.leases.push(PendingLease { attempt, outcome: None }),
                Effect::Release { attempt } => {
                    // One that was taken is not there any more.
                    let had = self
                        .store
                        .lease
                        .take_if(|lease| *lease == (p, attempt) && process.lease_taken.is_none());
                    let (lease, taken) = (self.store.lease, process.was_suspended);
                    self.check(had.is_some() || taken, || {
                        format!("[1] the lease of {lease:?} is given back by {p}")
                    });
                }
                Effect::Refresh { attempt, token, attempt_id } => {
                    let token = Token::of(&token);
                    let epoch = process.witness.epoch;
                    let under_way = self.processes.iter().flat_map(|process| &process.refreshes);
                    let twice = under_way.filter(|other| other.token == token && !other.cut).count() > 0;
                    self.check(!twice, || format!("[1] {token} is sent twice at once"));
                    let taken = self.processes[p].lease_taken;
                    let leased = self.store.lease.is_some_and(|(holder, _)| holder == p) && taken.is_none();
                    self.check(leased, || format!("[1] {token} is sent without the lease"));
                    self.check(attempt_id == token.attempt_id(), || {
                        format!("[7] {token} is sent with the attempt id {attempt_id:?}")
                    });
                    self.processes[p].refreshes.push(Refresh {
                        attempt,
                        token,
                        epoch,
                        verdict: None,
                        cut: false,
                    });
                }
                Effect::Revoke { refresh, .. } => {
                    let token = Token::of(&refresh);
                    let may = process.witness.signed_out;
                    process.revocations.push(token);
                    self.check(may, || format!("[4] {token} is revoked, and the user is signed in"));
                }
                Effect::Emit(event) => self.tell(p, &event),
                Effect::Settle => {
                    for request in &mut process.requests {
                        if request.stage == RequestStage::Waiting {
                            request.stage = RequestStage::Asking;
                        }
                    }
                }
                Effect::WakeAt(time) => drop(process.timers.insert((time, true))),
                Effect::WakeIfOpen(time) => drop(process.timers.insert((time, false))),
                Effect::Note(_) => {}
            }
        }
    }

    fn tell(&mut self, p: usize, event: &Event) {
        let process = &mut self.processes[p];
        match event {
            Event::PersistenceDegraded => process.witness.degraded = true,
            Event::PersistenceRestored => process.witness.degraded = false,
            Event::Refreshed | Event::SignedIn => {
                let told = process.witness.degraded;
                let held = process.held();
                let durable = held.is_none_or(|token| self.is_durable(token));
                self.check(told || durable, || {
                    format!("[3] the app is told of {held:?}, which is not saved")
                });
            }
            _ => {}
        }
    }

    fn is_durable(&self, token: Token) -> bool {
        self.server.family(token).durable >= Some(token.number)
    }

    /// What must be true when nothing more comes of itself.
    pub(super) fn check_end(&mut self) {
        let lease = self.store.lease;
        self.check(lease.is_none(), || format!("[10] the lease is held for ever: {lease:?}"));
        for p in [0, 1] {
            let process = &self.processes[p];
            let waiting =
                process.requests.iter().filter(|request| request.stage != RequestStage::Done).count();
            let asked = process.leases.len();
            let Witness { received, closed, .. } = process.witness;
            let (held, stored) = (process.held(), self.store.entry);
            self.check(waiting == 0, || format!("[10] requests of {p} wait for ever: {waiting}"));
            self.check(asked == 0, || format!("[10] {p} waits for a lease for ever"));
            self.check(closed.is_none() || stored.family() != closed, || {
                format!("[5] {closed:?} was signed out, and the store holds it for ever")
            });
            if let (Some(held), Some(received)) = (held, received) {
                let superseded = held.family != received.family || held.number >= received.number;
                self.check(superseded, || format!("[3] {received} has arrived, and {held} is in use"));
            }
            if let (Some(held), Entry::Live { token, .. }) = (held, stored) {
                self.check(token.family != held.family || token.number >= held.number, || {
                    format!("[3] {held} is in use, and {token} is saved")
                });
            }
        }
    }

    fn check(&mut self, holds: bool, complaint: impl FnOnce() -> String) {
        if !holds && self.violation.is_none() {
            self.violation = Some(complaint());
        }
    }
}

/// What a process that only reads must not do.
fn changes(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Lease { .. }
            | Effect::Refresh { .. }
            | Effect::Save { .. }
            | Effect::Erase { .. }
            | Effect::Revoke { .. }
    )
}

fn transient() -> StoreError {
    StoreError::Transient("it failed".into())
}
