//! One save at a time; what is newest when it ends is saved next.

use std::collections::VecDeque;
use std::time::Duration;

use super::backoff::pause;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Attempt, Moment};
use crate::store::{Expected, Generation};
use crate::time::BootTime;

/// More refreshes than this in a row are not saved only by a store that has failed for hours.
const MOST_TRIED: usize = 32;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Saves {
    /// What the slot held when it was last read or written.
    pub(super) generation: Option<Generation>,
    /// What it held is not there any more.
    vanished: bool,
    /// A save that was reported as failed was made all the same.
    made: bool,
    running: Option<u64>,
    durable: Option<u64>,
    /// What was tried to be saved since. A save that failed may have been made all the same, such as when only
    /// the directory could not be synced: its record is no newer one of somebody else.
    tried: VecDeque<AttemptId>,
    /// Somebody else has written: the store is being read to learn what, before the save is repeated.
    pub(super) rereading: Option<Attempt>,
    failures: u32,
    retry_at: Option<BootTime>,
    pub(super) degraded: bool,
}

impl Saves {
    /// What the store holds is what is in use.
    pub(super) fn is_durable(&mut self, revision: u64, generation: Generation) {
        self.found(generation);
        self.durable = Some(revision);
        self.tried.clear();
    }

    /// The slot holds this.
    pub(super) fn found(&mut self, generation: Generation) {
        self.generation = Some(generation);
        self.vanished = false;
    }

    /// The slot holds what a failed save has written: whatever is there later is not of before it.
    pub(super) fn found_own(&mut self, generation: Generation) {
        self.found(generation);
        self.made = true;
    }

    /// The slot holds nothing any more, and what is saved next must not undo what somebody puts there before.
    pub(super) fn vanished(&mut self) {
        self.vanished = true;
    }

    /// Whether a record with this attempt id may be one that this session has written itself.
    pub(super) fn has_tried(&self, attempt_id: &AttemptId) -> bool {
        self.tried.contains(attempt_id)
    }

    /// Nothing of this session is known to be saved yet.
    pub(super) fn is_first(&self) -> bool {
        self.durable.is_none() && !self.made
    }

    pub(super) fn has(&self, revision: u64) -> bool {
        self.durable == Some(revision)
    }

    /// Begins to save this revision, unless that is done, or a save is running or waits for its time.
    pub(super) fn begin(&mut self, revision: u64, attempt_id: &AttemptId) -> Option<Expected> {
        if self.running.is_some() || self.retry_at.is_some() || self.has(revision) {
            return None;
        }
        self.running = Some(revision);
        if !self.has_tried(attempt_id) {
            if self.tried.len() == MOST_TRIED {
                self.tried.pop_front();
            }
            self.tried.push_back(attempt_id.clone());
        }
        Some(match self.generation {
            Some(after) if self.vanished => Expected::Nothing { after },
            Some(generation) => Expected::Generation(generation),
            None => Expected::Any,
        })
    }

    /// What the slot holds of this session, as far as that is known: a save that is running will change it.
    pub(super) fn expected(&self) -> Option<Expected> {
        match self.running {
            Some(_) => Some(Expected::Any),
            None => self.generation.filter(|_| !self.vanished).map(Expected::Generation),
        }
    }

    pub(super) fn succeeded(&mut self, revision: u64, generation: Generation) {
        self.running = None;
        self.failures = 0;
        self.retry_at = None;
        self.is_durable(revision, generation);
    }

    /// The store takes nothing until somebody has done something: it is tried again when the app says so.
    pub(super) fn refused(&mut self) {
        self.running = None;
        self.retry_at = Some(BootTime::default().after(Duration::MAX));
    }

    /// What was refused is tried again.
    pub(super) fn retry(&mut self) {
        self.retry_at.take_if(|retry_at| *retry_at == BootTime::default().after(Duration::MAX));
    }

    /// Returns when it is to be tried again.
    pub(super) fn failed(&mut self, at: Moment) -> BootTime {
        self.running = None;
        let retry_at = at.now.after(pause(at, self.failures));
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(retry_at);
        retry_at
    }

    /// Whether a failed save is due.
    pub(super) fn due(&mut self, now: BootTime) -> bool {
        self.retry_at.take_if(|retry_at| *retry_at <= now).is_some()
    }
}

#[cfg(test)]
impl Saves {
    pub(super) fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        let Self {
            generation,
            vanished,
            made,
            running,
            durable,
            tried,
            rereading,
            failures,
            retry_at,
            degraded,
        } = self;
        print.generation(*generation);
        print.number(*running);
        print.number(*durable);
        print.attempt(*rereading);
        print.add((vanished, made, failures, degraded, tried));
        print.deadline(*retry_at);
    }
}
