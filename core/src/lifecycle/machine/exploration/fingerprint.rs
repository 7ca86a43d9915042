//! When two situations are equal: whatever decides behaviour is hashed, times as seen from now and names as
//! seen from the newest, so that how a situation came about makes no difference.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::lifecycle::machine::Counters;
use crate::lifecycle::terms::Attempt;
use crate::store::{Expected, Generation};
use crate::time::BootTime;

pub(in crate::lifecycle::machine) struct Fingerprint {
    hasher: DefaultHasher,
    now: BootTime,
    newest_generation: Generation,
    counters: Counters,
}

impl Fingerprint {
    pub(super) fn new(now: BootTime, newest_generation: Generation) -> Self {
        let counters = Counters::default();
        Self { hasher: DefaultHasher::new(), now, newest_generation, counters }
    }

    /// A part whose order among its like makes no difference.
    pub(super) fn part(&self) -> Self {
        Self { hasher: DefaultHasher::new(), counters: self.counters.clone(), ..*self }
    }

    pub(super) fn finish(&self) -> u64 {
        self.hasher.finish()
    }

    /// From here on names are those of the machine with these counters.
    pub(in crate::lifecycle::machine) fn relative_to(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }

    pub(in crate::lifecycle::machine) fn add(&mut self, value: impl Hash) {
        value.hash(&mut self.hasher);
    }

    pub(in crate::lifecycle::machine) fn attempt(&mut self, attempt: Option<Attempt>) {
        self.add(attempt.map(|attempt| self.counters.attempts.wrapping_sub(attempt)));
    }

    pub(in crate::lifecycle::machine) fn number(&mut self, number: Option<u64>) {
        self.add(number.map(|number| self.counters.numbers.wrapping_sub(number)));
    }

    pub(in crate::lifecycle::machine) fn epoch(&mut self, epoch: Option<u64>) {
        self.add(epoch.map(|epoch| self.counters.epochs.wrapping_sub(epoch)));
    }

    pub(super) fn intent(&mut self, intent: Option<u64>) {
        self.add(intent.map(|intent| self.counters.intents.wrapping_sub(intent)));
    }

    pub(in crate::lifecycle::machine) fn generation(&mut self, generation: Option<Generation>) {
        self.add(generation.map(|generation| self.newest_generation.0.wrapping_sub(generation.0)));
    }

    pub(in crate::lifecycle::machine) fn expected(&mut self, expected: Expected) {
        self.generation(match expected {
            Expected::Generation(generation) | Expected::Nothing { after: generation } => Some(generation),
            Expected::Any => None,
        });
    }

    /// A time to come; one that has come is as good as any other.
    pub(in crate::lifecycle::machine) fn deadline(&mut self, time: Option<BootTime>) {
        self.add(time.map(|time| self.now.until(time)));
    }

    /// A time past; after `longest` it makes no difference any more.
    pub(in crate::lifecycle::machine) fn since(&mut self, time: Option<BootTime>, longest: Duration) {
        self.add(time.map(|time| time.until(self.now).min(longest)));
    }
}
