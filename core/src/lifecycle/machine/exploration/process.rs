//! One process of the exploration: a machine, and what its driver has to do and has under way.

use std::collections::{BTreeSet, VecDeque};

use super::fingerprint::Fingerprint;
use super::server::Token;
use super::world::User;
use crate::lifecycle::machine::{Machine, Settings, View};
use crate::lifecycle::terms::{Attempt, Effect, Input, Intent, Leased, Loaded, Verdict, Want};
use crate::store::{Expected, StoreError};
use crate::time::BootTime;

#[derive(Clone, Debug)]
pub(super) struct Process {
    /// It only reads what the other one saves.
    pub(super) reads_only: bool,
    pub(super) machine: Machine,
    /// One at a time, in order.
    pub(super) store_jobs: VecDeque<StoreJob>,
    pub(super) leases: Vec<PendingLease>,
    pub(super) refreshes: Vec<Refresh>,
    pub(super) revocations: Vec<Token>,
    /// When a tick is due, and whether something is owed then.
    pub(super) timers: BTreeSet<(BootTime, bool)>,
    pub(super) requests: Vec<Request>,
    pub(super) signing_in: Option<Intent>,
    /// It is about to be suspended, or was, and nobody has said that it goes on.
    pub(super) suspended: bool,
    /// The machine does not count on its lease any more; it is given back after what is being written.
    pub(super) lease_taken: Option<Attempt>,
    /// Some lease of it has been taken: it may give one back that is gone.
    pub(super) was_suspended: bool,
    pub(super) witness: Witness,
}

/// What somebody who watches the process from outside remembers, to tell right from wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Witness {
    /// Sign-ins and ends of sessions so far.
    pub(super) epoch: u64,
    pub(super) user: Option<User>,
    /// The last thing the user did was to sign out.
    pub(super) signed_out: bool,
    /// The app was told that the newest tokens are not saved.
    pub(super) degraded: bool,
    /// The newest tokens that a refresh brought to this session.
    pub(super) received: Option<Token>,
    /// The session that the user ended last, here.
    pub(super) closed: Option<u8>,
    /// The session that ended last, here.
    pub(super) ended: Option<u8>,
}

#[derive(Clone, Debug)]
pub(super) struct StoreJob {
    pub(super) operation: Operation,
    /// It is done, and the machine does not know yet.
    pub(super) outcome: Option<Input>,
}

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Load {
        attempt: Attempt,
    },
    Save {
        epoch: u64,
        revision: u64,
        token: Token,
        expires_at: Option<BootTime>,
        expected: Expected,
    },
    Erase {
        attempt: Attempt,
        by_user: bool,
        /// The session that ended.
        family: Option<u8>,
        expected: Expected,
    },
}

#[derive(Clone, Debug)]
pub(super) struct PendingLease {
    pub(super) attempt: Attempt,
    pub(super) outcome: Option<Result<Leased, StoreError>>,
}

#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) attempt: Attempt,
    pub(super) token: Token,
    pub(super) epoch: u64,
    /// What the server has decided; the answer is on its way.
    pub(super) verdict: Option<Verdict>,
    /// The process was suspended meanwhile: others may have got the lease.
    pub(super) cut: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) want: Want,
    pub(super) stage: RequestStage,
    pub(super) retries: u32,
    /// The session that it belongs to, by the witness.
    pub(super) began: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RequestStage {
    /// It needs a token.
    Asking,
    /// It asks after the next settlement.
    Waiting,
    Sent {
        token: Token,
        epoch: u64,
        number: u64,
        fresh: bool,
    },
    Done,
}

impl Process {
    pub(super) fn start(reads_only: bool, requests: usize, witness: Witness) -> Self {
        let request = Request { want: Want::default(), stage: RequestStage::Asking, retries: 0, began: None };
        let (machine, effects) = Machine::open(Settings { read_only: reads_only, ..Settings::default() });
        let load = |effect| match effect {
            Effect::Load { attempt } => {
                Some(StoreJob { operation: Operation::Load { attempt }, outcome: None })
            }
            _ => None,
        };
        Self {
            reads_only,
            machine,
            store_jobs: effects.into_iter().filter_map(load).collect(),
            leases: Vec::new(),
            refreshes: Vec::new(),
            revocations: Vec::new(),
            timers: BTreeSet::new(),
            requests: vec![request; requests],
            signing_in: None,
            suspended: false,
            lease_taken: None,
            was_suspended: false,
            witness,
        }
    }

    pub(super) fn queue(&mut self, operation: Operation) {
        self.store_jobs.push_back(StoreJob { operation, outcome: None });
    }

    /// The tokens in use, if somebody is signed in.
    pub(super) fn held(&self) -> Option<Token> {
        match self.machine.view() {
            View::SignedIn(held) => held.refresh.as_deref().map(Token::of),
            _ => None,
        }
    }

    /// Whether a suspension waits for a write.
    pub(super) fn is_writing(&self) -> bool {
        let writes = |job: &StoreJob| !matches!(job.operation, Operation::Load { .. });
        self.store_jobs.iter().any(|job| writes(job) && job.outcome.is_none())
    }

    pub(super) fn is_signed_out(&self) -> bool {
        matches!(self.machine.view(), View::SignedOut(_))
    }

    pub(super) fn fingerprint(&self, print: &mut Fingerprint) {
        // First, because it says what names are relative to.
        self.machine.fingerprint(print);
        let Self { store_jobs, leases, refreshes, revocations, timers, requests, witness, .. } = self;
        print.add((self.suspended, self.was_suspended));
        print.attempt(self.lease_taken);
        print.add((self.reads_only, store_jobs.len(), leases.len(), refreshes.len(), timers.len()));
        for StoreJob { operation, outcome } in store_jobs {
            print.add(std::mem::discriminant(operation));
            match operation {
                Operation::Load { attempt } => print.attempt(Some(*attempt)),
                Operation::Save { epoch, revision, token, expires_at, expected } => {
                    print.epoch(Some(*epoch));
                    print.number(Some(*revision));
                    print.add(token);
                    print.deadline(*expires_at);
                    print.expected(*expected);
                }
                Operation::Erase { attempt, by_user, family, expected } => {
                    print.attempt(Some(*attempt));
                    print.add((by_user, family));
                    print.expected(*expected);
                }
            }
            print.add(outcome.is_some());
            match outcome {
                Some(Input::Loaded { loaded, .. }) => fingerprint_loaded(loaded, print),
                Some(Input::Saved { result, .. } | Input::Erased { result, .. }) => {
                    print.generation(result.as_ref().ok().copied());
                    print.add(*result == Err(StoreError::Conflict));
                }
                _ => {}
            }
        }
        for PendingLease { attempt, outcome } in leases {
            print.attempt(Some(*attempt));
            print.add(outcome.as_ref().map(Result::is_ok));
            if let Some(Ok(leased)) = outcome {
                fingerprint_loaded(&leased.loaded, print);
            }
        }
        for Refresh { attempt, token, epoch, verdict, cut } in refreshes {
            print.attempt(Some(*attempt));
            print.add((cut, token, *epoch == witness.epoch, verdict.as_ref().map(Verdict::name)));
            if let Some(Verdict::Rotated(grant)) = verdict {
                print.add(&grant.refresh);
            }
        }
        print.add(revocations);
        for (time, owed) in timers {
            print.deadline(Some(*time));
            print.add(owed);
        }
        print.intent(self.signing_in.map(|intent| intent.0));
        let mut parts: Vec<u64> = requests
            .iter()
            .map(|Request { want, stage, retries, began }| {
                let mut part = print.part();
                if *stage == RequestStage::Done {
                    return part.finish();
                }
                part.epoch(want.epoch);
                part.number(want.refused);
                part.attempt(want.after);
                part.add((retries, began.map(|epoch| epoch == witness.epoch), std::mem::discriminant(stage)));
                if let RequestStage::Sent { token, epoch, number, fresh } = stage {
                    part.epoch(Some(*epoch));
                    part.number(Some(*number));
                    part.add((token, fresh));
                }
                part.finish()
            })
            .collect();
        parts.sort_unstable();
        print.add(parts);
        let Witness { epoch: _, user, signed_out, degraded, received, closed, ended } = witness;
        print.add((user, signed_out, degraded, received, closed, ended));
    }
}

fn fingerprint_loaded(loaded: &Loaded, print: &mut Fingerprint) {
    print.add(loaded.name());
    if let Loaded::Found(stored) = loaded {
        print.add(&stored.grant.refresh);
        print.add(stored.grant.remaining);
        print.generation(Some(stored.generation));
    }
}
