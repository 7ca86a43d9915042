//! Stops refreshing where it does not help.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::BootTime;

/// So many refreshes that a refusal caused and that did not cure it, within this time, open the breaker.
pub(super) const UNCURED: usize = 5;
pub(super) const WINDOW: Duration = Duration::from_secs(30);

/// A server that refuses every token would otherwise cause a refresh for each request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Breaker {
    uncured: VecDeque<BootTime>,
}

impl Breaker {
    /// A token that was got because of a refusal was refused before anybody accepted it. Returns whether
    /// this opens the breaker.
    pub(super) fn did_not_cure(&mut self, now: BootTime) -> bool {
        if self.uncured.len() == UNCURED {
            self.uncured.pop_front();
        }
        self.uncured.push_back(now);
        self.is_open(now)
    }

    pub(super) fn is_open(&self, now: BootTime) -> bool {
        self.uncured.len() == UNCURED && self.uncured.front().is_some_and(|oldest| oldest.until(now) < WINDOW)
    }
}

#[cfg(test)]
impl Breaker {
    pub(super) fn fingerprint(&self, print: &mut super::exploration::Fingerprint) {
        for at in &self.uncured {
            print.since(Some(*at), WINDOW);
        }
    }
}
