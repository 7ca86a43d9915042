//! What happens in a round: a pure function of its seed.

use std::fmt;

use auth_session::{StoreFault, StoreOperation};

use crate::faults::{self, Faults};
use crate::random::Random;

/// What the server does with a refresh token that it has rotated already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Strict,
    Grace,
    Replay,
    NoRotation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Json,
    OAuth2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    File,
}

/// When the app itself ends the session; no round lasts so long, but its clock may jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    None,
    Idle,
    Lifetime,
}

/// Of either policy. Some jumps are shorter, and some are longer.
pub(crate) const POLICY_MS: u64 = 1_800_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum User {
    Ada,
    Bob,
}

impl User {
    pub(crate) fn email(self) -> &'static str {
        match self {
            Self::Ada => "ada@example.com",
            Self::Bob => "bob@example.com",
        }
    }

    pub(crate) fn password(self) -> &'static str {
        match self {
            Self::Ada => "correct horse",
            Self::Bob => "battery staple",
        }
    }

    pub(crate) fn with_id(id: &str) -> Option<Self> {
        match id {
            "u1" => Some(Self::Ada),
            "u2" => Some(Self::Bob),
            _ => None,
        }
    }
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Names the user.
    Me,
    /// A body there and back.
    Echo { bytes: usize },
    /// The same, from a stream, which cannot be sent twice.
    EchoStream { bytes: usize },
    /// An answer that is read piece by piece.
    Streaming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Login,
    Refresh,
    Logout,
    Resource,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 4] = [Self::Login, Self::Refresh, Self::Logout, Self::Resource];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::Resource => "resource",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Callers {
        count: u64,
        errand: Errand,
        deadline_ms: u64,
        cancelled_after_ms: Option<u64>,
    },
    /// On a runtime of the app's own, which ends in the midst of them.
    CallersOfARuntime {
        count: u64,
        ended_after_ms: u64,
    },
    ExpireAccessTokens,
    RevokeRefreshTokens,
    EndGrace,
    ClockJump {
        boot_ms: i64,
        wall_ms: i64,
    },
    Fault {
        endpoint: Endpoint,
        after: bool,
        name: &'static str,
        times: u64,
    },
    /// Whatever is still to strike strikes nobody any more.
    ClearFaults,
    Offline {
        listener: &'static str,
    },
    Online,
    Hold {
        endpoint: Endpoint,
        after: bool,
    },
    Release {
        endpoint: Endpoint,
    },
    SignIn {
        user: User,
        cancelled_after_ms: Option<u64>,
    },
    /// If nobody is signed in.
    SignInAgain {
        user: User,
    },
    SignOut {
        cancelled_after_ms: Option<u64>,
    },
    NetworkChanged,
    Resume,
    Suspend,
    StoreFault {
        operation: StoreOperation,
        fault: StoreFault,
        times: u32,
    },
    StoreRelease,
    /// Another part of the app opens the account as well.
    OpenAgain,
    /// All handles but one are dropped.
    DropHandles,
    /// All handles are dropped, and the account is opened anew.
    Reopen,
    /// What a session does in a process of its own.
    Process {
        number: u64,
        act: ProcessAct,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessAct {
    Callers {
        count: u64,
    },
    SignIn,
    /// If nobody is signed in there.
    SignInAgain,
    SignOut,
    Resume,
    /// The next operation of its store hangs, until the process is killed or told to go on.
    StoreHangs {
        operation: &'static str,
        after: bool,
    },
    StoreGoesOn,
    /// SIGSTOP, and SIGCONT.
    Stop,
    GoOn,
    /// SIGKILL, and another one in its place.
    Kill,
}

/// What a round is made of. Most rounds leave some of it out, so that what is left is seen by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ingredients {
    pub(crate) token_faults: bool,
    pub(crate) resource_faults: bool,
    pub(crate) outages: bool,
    pub(crate) holds: bool,
    pub(crate) identities: bool,
    pub(crate) clock_jumps: bool,
    pub(crate) store_faults: bool,
    pub(crate) suspends: bool,
    pub(crate) cancels: bool,
    /// Of processes: they are killed, and stopped, and their stores hang.
    pub(crate) kills: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) server: Server,
    pub(crate) dialect: Dialect,
    pub(crate) store: Store,
    pub(crate) ingredients: Ingredients,
    /// How many processes share the store; none: the session is in this one.
    pub(crate) processes: u64,
    pub(crate) policy: Policy,
    /// Who signs in before anything happens.
    pub(crate) first: User,
    /// When, in milliseconds from the beginning of the round, and what.
    pub(crate) steps: Vec<(u64, Action)>,
}

const SHORTEST_MS: u64 = 600;
const LONGEST_MS: u64 = 2200;
/// More than the requests of one host that are sent at once, now and then.
const MOST_CALLERS: u64 = 80;
/// Longer than anything goes wrong: such a caller gets an answer, or is told what is the matter. (Two requests take longer
/// than a refresh that gets no answer, or a lease that is not gained.)
pub(crate) const PATIENT_MS: u64 = 45_000;
/// More often than there are requests in a round.
const PERPETUAL: u64 = 100_000;
const DAY_MS: i64 = 86_400_000;

impl Plan {
    pub(crate) fn new(seed: u64, faults: &Faults) -> Self {
        let mut random = Random::new(seed);
        // In a fair round every caller is owed its answer.
        let is_fair = random.once_in(4);
        let mut foul_once_in = |times| random.once_in(times) && !is_fair;
        let ingredients = Ingredients {
            token_faults: foul_once_in(2),
            resource_faults: foul_once_in(3),
            outages: foul_once_in(3),
            identities: foul_once_in(2),
            clock_jumps: foul_once_in(3),
            store_faults: foul_once_in(2),
            suspends: foul_once_in(4),
            kills: foul_once_in(2) || foul_once_in(2),
            holds: random.once_in(2),
            cancels: random.once_in(2),
        };
        let mut plan = Self {
            seed,
            server: random.one_of(&[
                Server::Strict,
                Server::Strict,
                Server::Grace,
                Server::Replay,
                Server::NoRotation,
            ]),
            dialect: random.one_of(&[Dialect::Json, Dialect::Json, Dialect::OAuth2]),
            store: random.one_of(&[Store::Memory, Store::File]),
            ingredients,
            processes: if random.once_in(4) { random.between(1, 3) } else { 0 },
            policy: Policy::None,
            first: User::Ada,
            steps: Vec::new(),
        };
        if plan.processes > 0 {
            (plan.store, plan.dialect) = (Store::File, Dialect::Json);
            // Their clocks are the system's, their stores are told what to do otherwise, and nobody suspends them.
            let of_this_process = [
                &mut plan.ingredients.clock_jumps,
                &mut plan.ingredients.store_faults,
                &mut plan.ingredients.suspends,
            ];
            of_this_process.into_iter().for_each(|ingredient| *ingredient = false);
        }
        if plan.processes == 0 && random.once_in(4) {
            plan.policy = random.one_of(&[Policy::Idle, Policy::Lifetime]);
        }
        plan.first = plan.user(&mut random);
        let end = random.between(SHORTEST_MS, LONGEST_MS);
        let mut at = 0;
        while at < end {
            at += random.between(0, 60);
            if ingredients.token_faults && random.once_in(6) {
                plan.fail_a_refresh(at, faults, &mut random);
            } else if plan.processes > 0 && !random.once_in(4) {
                plan.act_in_a_process(at, &mut random);
            } else {
                plan.act(at, faults, &mut random);
            }
        }
        plan.steps.sort_by_key(|(at, _)| *at);
        plan
    }

    fn user(&self, random: &mut Random) -> User {
        // One user in several processes: who of two is signed in depends on when each of them looks.
        let may_change = self.ingredients.identities && self.processes == 0;
        if may_change { random.one_of(&[User::Ada, User::Bob]) } else { User::Ada }
    }

    fn act(&mut self, at: u64, faults: &Faults, random: &mut Random) {
        let with = self.ingredients;
        let user = self.user(random);
        let action = match random.between(0, 99) {
            0..=29 => self.callers(random),
            30..=47 => Action::ExpireAccessTokens,
            48..=54 => Action::SignInAgain { user },
            55..=58 if with.identities => Action::SignIn { user, cancelled_after_ms: self.cancelled(random) },
            59..=61 if with.identities => {
                if random.once_in(3) {
                    // In the midst of a sign-in, and nobody signs in after it for a while.
                    self.steps
                        .push((at.saturating_sub(5), Action::SignIn { user, cancelled_after_ms: None }));
                }
                self.steps.push((at + random.between(5, 400), Action::SignInAgain { user }));
                Action::SignOut { cancelled_after_ms: self.cancelled(random) }
            }
            62 if with.identities => Action::RevokeRefreshTokens,
            63 if self.server == Server::Grace => Action::EndGrace,
            66..=70 if with.token_faults => {
                let endpoint = random.one_of(&[Endpoint::Login, Endpoint::Logout]);
                self.fault(faults.any(endpoint, random), endpoint, random)
            }
            71 if with.resource_faults && random.once_in(3) => {
                self.steps.push((at + random.between(5, 400), Action::ClearFaults));
                Action::Fault {
                    endpoint: Endpoint::Resource,
                    after: random.once_in(2),
                    name: faults::PERPETUAL_401,
                    times: PERPETUAL,
                }
            }
            71..=73 if with.resource_faults => {
                self.fault(faults.any(Endpoint::Resource, random), Endpoint::Resource, random)
            }
            74 if with.outages => {
                self.steps.push((at + random.between(5, 250), Action::Online));
                Action::Offline { listener: random.one_of(&["api", "auth", "all"]) }
            }
            75..=77 if with.holds => {
                let endpoint = random.one_of(&Endpoint::ALL);
                self.steps.push((at + random.between(5, 250), Action::Release { endpoint }));
                Action::Hold { endpoint, after: random.once_in(2) }
            }
            78..=80 if with.clock_jumps => jump(random),
            81..=86 if with.store_faults => {
                if random.once_in(3) {
                    Action::StoreRelease
                } else {
                    self.steps.push((at + random.between(5, 400), Action::StoreRelease));
                    let (operation, fault) = random.one_of(&STORE_FAULTS);
                    Action::StoreFault { operation, fault, times: random.between(1, 3) as u32 }
                }
            }
            87 if with.suspends => {
                self.steps.push((at + random.between(1, 150), Action::Resume));
                Action::Suspend
            }
            88 => Action::Resume,
            89 => Action::NetworkChanged,
            90..=91 if with.cancels => Action::CallersOfARuntime {
                count: random.between(1, 6),
                ended_after_ms: random.between(0, 120),
            },
            92..=93 => Action::OpenAgain,
            94 => Action::DropHandles,
            95 => Action::Reopen,
            // What is left out of the round.
            _ if random.once_in(4) => Action::ExpireAccessTokens,
            _ => self.callers(random),
        };
        self.steps.push((at, action));
    }

    fn cancelled(&self, random: &mut Random) -> Option<u64> {
        (self.ingredients.cancels && random.once_in(3)).then(|| random.between(0, 120))
    }

    fn callers(&self, random: &mut Random) -> Action {
        Action::Callers {
            count: if random.once_in(12) { random.between(40, MOST_CALLERS) } else { random.between(1, 12) },
            errand: match random.between(0, 9) {
                0..=5 => Errand::Me,
                6 => Errand::Streaming,
                7 => Errand::EchoStream { bytes: random.between(0, 200_000) as usize },
                _ => Errand::Echo { bytes: random.between(0, 20_000) as usize },
            },
            deadline_ms: match random.between(0, 3) {
                0 => random.between(5, 200),
                1 => PATIENT_MS,
                _ => random.between(500, 3000),
            },
            cancelled_after_ms: self.cancelled(random),
        }
    }

    /// A fault that nobody meets is none: somebody is signed in and needs a token, and no backoff holds up the refresh.
    fn fail_a_refresh(&mut self, at: u64, faults: &Faults, random: &mut Random) {
        let fault = self.fault(faults.any(Endpoint::Refresh, random), Endpoint::Refresh, random);
        let user = self.user(random);
        let count = random.between(1, 6);
        let callers = if self.processes > 0 {
            let number = random.between(0, self.processes - 1);
            self.steps
                .push((at.saturating_sub(40), Action::Process { number, act: ProcessAct::SignInAgain }));
            Action::Process { number, act: ProcessAct::Callers { count } }
        } else {
            self.steps.push((at.saturating_sub(40), Action::SignInAgain { user }));
            Action::Callers { count, errand: Errand::Me, deadline_ms: 3000, cancelled_after_ms: None }
        };
        self.steps.extend([
            (at, fault),
            (at, Action::NetworkChanged),
            (at + 1, Action::ExpireAccessTokens),
            (at + 2, callers),
        ]);
    }

    fn act_in_a_process(&mut self, at: u64, random: &mut Random) {
        let number = random.between(0, self.processes - 1);
        let with = self.ingredients;
        let act = match random.between(0, 99) {
            0..=49 => ProcessAct::Callers { count: random.between(1, 8) },
            50..=61 => ProcessAct::SignInAgain,
            62..=63 if with.identities => ProcessAct::SignIn,
            64..=66 if with.identities => ProcessAct::SignOut,
            67..=74 => ProcessAct::Resume,
            75..=80 if with.kills => {
                let later = if random.once_in(2) { ProcessAct::Kill } else { ProcessAct::StoreGoesOn };
                self.steps.push((at + random.between(5, 400), Action::Process { number, act: later }));
                let operation = random.one_of(&["load", "save", "save", "erase", "lease"]);
                if operation == "save" {
                    // So that there is something to save, and somebody who must wait for it.
                    let callers = |number| Action::Process { number, act: ProcessAct::Callers { count: 2 } };
                    let other = random.between(0, self.processes - 1);
                    let soon = random.between(10, 120);
                    self.steps.extend([
                        (at + 1, Action::ExpireAccessTokens),
                        (at + 2, callers(number)),
                        (at + soon, callers(other)),
                    ]);
                }
                ProcessAct::StoreHangs { operation, after: random.once_in(2) }
            }
            81..=87 if with.kills => {
                let goes_on = Action::Process { number, act: ProcessAct::GoOn };
                self.steps.push((at + random.between(5, 700), goes_on));
                ProcessAct::Stop
            }
            88..=95 if with.kills => ProcessAct::Kill,
            _ => ProcessAct::Callers { count: 1 },
        };
        self.steps.push((at, Action::Process { number, act }));
    }

    fn fault(&self, name: &'static str, endpoint: Endpoint, random: &mut Random) -> Action {
        // Its answer has two tokens in it, of which such a server sends one.
        let name = if self.server == Server::NoRotation && name == "a key twice" { "a delay" } else { name };
        // A change of the server's own answer needs one.
        let after = faults::needs_an_answer(name) || random.once_in(2);
        Action::Fault { endpoint, after, name, times: random.between(1, 3) }
    }

    /// How far the clocks jump at most, all jumps together.
    pub(crate) fn jumped_ms(&self) -> u64 {
        let furthest = |action: &Action| match action {
            Action::ClockJump { boot_ms, wall_ms } => boot_ms.unsigned_abs().max(wall_ms.unsigned_abs()),
            _ => 0,
        };
        self.steps.iter().map(|(_, action)| furthest(action)).sum()
    }

    pub(crate) fn has(&self, is: impl Fn(&Action) -> bool) -> bool {
        self.steps.iter().any(|(_, action)| is(action))
    }
}

/// The store's faults, as often as they are to be drawn. What corrupts or loses the record is for reading alone: a write
/// does not meet it.
const STORE_FAULTS: [(StoreOperation, StoreFault); 20] = [
    (StoreOperation::Load, StoreFault::Locked),
    (StoreOperation::Load, StoreFault::Fail),
    (StoreOperation::Load, StoreFault::Hang),
    (StoreOperation::Load, StoreFault::HangAfter),
    (StoreOperation::Load, StoreFault::Corrupt),
    (StoreOperation::Load, StoreFault::Unrecoverable),
    (StoreOperation::Load, StoreFault::Panic),
    (StoreOperation::Save, StoreFault::Locked),
    (StoreOperation::Save, StoreFault::Fail),
    (StoreOperation::Save, StoreFault::FailAfter),
    (StoreOperation::Save, StoreFault::Hang),
    (StoreOperation::Save, StoreFault::HangAfter),
    (StoreOperation::Save, StoreFault::Conflict),
    (StoreOperation::Save, StoreFault::Panic),
    (StoreOperation::Erase, StoreFault::Fail),
    (StoreOperation::Erase, StoreFault::FailAfter),
    (StoreOperation::Erase, StoreFault::Hang),
    (StoreOperation::Lease, StoreFault::Fail),
    (StoreOperation::Lease, StoreFault::Hang),
    (StoreOperation::Lease, StoreFault::Panic),
];

/// Ahead, as after a sleep, or the wall clock alone in either direction. The clock since boot goes back a little at most: no
/// system lets it, but a test's clock or an emulator's snapshot may.
fn jump(random: &mut Random) -> Action {
    let ahead = random.one_of(&[50, 2_000, 30_000, 3_600_000, 2 * DAY_MS]);
    let wall = random.one_of(&[-DAY_MS, -3_600_000, 3_600_000, DAY_MS]);
    let (boot_ms, wall_ms) = match random.between(0, 3) {
        0 => (0, wall),
        1 => (ahead, wall),
        2 => (-(random.between(1, 500) as i64), 0),
        _ => (ahead, ahead),
    };
    Action::ClockJump { boot_ms, wall_ms }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, dialect, store, ingredients, processes, policy, first, .. } = self;
        writeln!(
            f,
            "server {server:?}, dialect {dialect:?}, store {store:?}, {processes} processes, policy {policy:?}, first {first:?}, {ingredients:?}"
        )?;
        for (at, action) in &self.steps {
            writeln!(f, "{at:>6} ms  {action:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_plan_follows_from_its_seed_alone() {
        let faults = Faults::new();
        for seed in 0..200 {
            assert_eq!(Plan::new(seed, &faults), Plan::new(seed, &Faults::new()));
        }
        let different: HashSet<String> = (0..200).map(|seed| Plan::new(seed, &faults).to_string()).collect();
        assert_eq!(different.len(), 200);
    }

    #[test]
    fn every_fault_of_the_tables_and_of_the_store_is_drawn_before_long() {
        let faults = Faults::new();
        let (mut drawn, mut of_store) = (HashSet::new(), HashSet::new());
        for seed in 0..5_000 {
            for (_, action) in Plan::new(seed, &faults).steps {
                match action {
                    Action::Fault { name, .. } => drop(drawn.insert(name)),
                    Action::StoreFault { operation, fault, .. } => drop(of_store.insert((operation, fault))),
                    _ => {}
                }
            }
        }
        let missing: Vec<_> = faults.names().filter(|name| !drawn.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(of_store.len(), STORE_FAULTS.len());
    }

    #[test]
    fn what_goes_away_comes_back_by_itself_and_steps_are_in_order() {
        let faults = Faults::new();
        for seed in 0..500 {
            let steps = Plan::new(seed, &faults).steps;
            assert!(steps.is_sorted_by_key(|(at, _)| *at));
            let last = |is: fn(&Action) -> bool| steps.iter().rposition(|(_, action)| is(action));
            assert!(
                last(|action| matches!(action, Action::Offline { .. }))
                    <= last(|action| *action == Action::Online)
            );
            assert!(last(|action| *action == Action::Suspend) <= last(|action| *action == Action::Resume));
        }
    }
}
