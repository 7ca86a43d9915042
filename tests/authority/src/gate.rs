//! What a test makes happen to requests on their way: they are held, or something goes wrong.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::fault::Fault;

/// The kinds of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Endpoint {
    Login,
    Refresh,
    Logout,
    Resource,
}

/// Before the server acts on a request, or after it has, when only the answer is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    #[default]
    Before,
    After,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldCommand {
    endpoint: Endpoint,
    path: Option<String>,
    #[serde(default)]
    when: When,
}

#[derive(Debug, Default)]
pub(crate) struct Gates {
    next: u64,
    holds: Vec<Hold>,
    faults: Vec<Fault>,
    strikes: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Hold {
    id: u64,
    command: HoldCommand,
    held: usize,
}

/// A place where a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HoldId(u64);

impl Gates {
    pub(crate) fn hold(&mut self, command: HoldCommand) {
        self.next += 1;
        self.holds.push(Hold { id: self.next, command, held: 0 });
    }

    pub(crate) fn release(&mut self, endpoint: Endpoint) {
        self.holds.retain(|hold| hold.command.endpoint != endpoint);
    }

    pub(crate) fn held(&self, endpoint: Endpoint) -> usize {
        self.holds.iter().filter(|hold| hold.command.endpoint == endpoint).map(|hold| hold.held).sum()
    }

    /// A request arrives: where it is held, if it is.
    pub(crate) fn arrive(&mut self, endpoint: Endpoint, path: &str, when: When) -> Option<HoldId> {
        let hold = self.holds.iter_mut().find(|hold| {
            hold.command.endpoint == endpoint
                && hold.command.when == when
                && hold.command.path.as_deref().is_none_or(|wanted| wanted == path)
        })?;
        hold.held += 1;
        Some(HoldId(hold.id))
    }

    pub(crate) fn is_holding(&self, id: HoldId) -> bool {
        self.holds.iter().any(|hold| hold.id == id.0)
    }

    pub(crate) fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn strikes(&self) -> &BTreeMap<String, u64> {
        &self.strikes
    }

    /// What goes wrong with this request, if something does.
    pub(crate) fn fault(&mut self, endpoint: Endpoint, path: &str, when: When) -> Option<Fault> {
        let position = self.faults.iter().position(|fault| {
            fault.endpoint == endpoint
                && fault.when == when
                && fault.path.as_deref().is_none_or(|wanted| wanted == path)
        })?;
        let fault = self.faults[position].clone();
        if let Some(name) = &fault.name {
            *self.strikes.entry(name.clone()).or_default() += 1;
        }
        if let Some(times) = &mut self.faults[position].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(position);
            }
        }
        Some(fault)
    }
}
