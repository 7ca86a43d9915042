//! A Keychain for tests. It answers as Apple's does where that is documented or known from the field, so that what is
//! built on "it should be found then" breaks here as it would there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::KeychainGate;
use super::item::{Attribute, SecItem};
use super::status::Status;

const PARAM: Status = Status(-50);

/// One device with one app on it. Clones are the same device: what another process sees, or the next start.
#[derive(Clone)]
pub(super) struct FakeKeychain(Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) items: Vec<Item>,
    pub(super) device: Device,
    /// The access groups that the app is entitled to; the first is its default. Without any it is not entitled to
    /// anything.
    pub(super) groups: Vec<String>,
    pub(super) user: User,
    /// How often the user was asked.
    pub(super) questions: u32,
    pub(super) calls: Vec<Call>,
    /// Answers to the next calls of these kinds, in place of what would have been done.
    pub(super) injected: VecDeque<(Call, Status)>,
    /// The process dies at the call with this number, counted from 0 from now on.
    pub(super) death: Option<(usize, Death)>,
    /// Runs before the call with this number: somebody else acts between two calls.
    pub(super) interruption: Option<(usize, Interruption)>,
}

type Interruption = Box<dyn FnOnce(&mut State) + Send>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) service: String,
    pub(super) account: String,
    pub(super) group: String,
    pub(super) synchronizable: bool,
    /// Otherwise in the file-based keychain of macOS.
    pub(super) data_protection: bool,
    pub(super) accessible: Accessible,
    pub(super) control: Option<KeychainGate>,
    pub(super) data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accessible {
    AfterFirstUnlock,
    /// The system's default.
    WhenUnlocked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// Not unlocked since the restart: nothing can be read or written.
    Restarted,
    /// The same, for an app that iOS 15 has started ahead of time: nothing is found.
    Prewarming,
    /// Unlocked once and locked again: nobody can be asked.
    Locked,
    Unlocked,
}

/// What the user does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Confirms,
    Cancels,
    IsSomebodyElse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Copy,
    Add,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    BeforeIt,
    AfterIt,
}

impl FakeKeychain {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            items: Vec::new(),
            device: Device::Unlocked,
            groups: vec!["TEAM.app".into(), "TEAM.shared".into()],
            user: User::Confirms,
            questions: 0,
            calls: Vec::new(),
            injected: VecDeque::new(),
            death: None,
            interruption: None,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn device(&self, device: Device) {
        self.state().device = device;
    }

    fn call<T>(&self, call: Call, failed: impl FnOnce(Status) -> T, act: impl FnOnce(&mut State) -> T) -> T {
        // Between two calls of one thread, others get a turn.
        std::thread::yield_now();
        let mut state = self.state();
        let number = state.calls.len();
        state.calls.push(call);
        if state.interruption.as_ref().is_some_and(|(at, _)| *at == number) {
            let (_, act) = state.interruption.take().expect("it is there");
            act(&mut state);
        }
        let death = state.death.filter(|(at, _)| *at == number).map(|(_, death)| death);
        if death == Some(Death::BeforeIt) {
            drop(state);
            die();
        }
        if state.injected.front().is_some_and(|(kind, _)| *kind == call) {
            let (_, status) = state.injected.pop_front().expect("it is there");
            return failed(status);
        }
        let result = act(&mut state);
        if death == Some(Death::AfterIt) {
            drop(state);
            die();
        }
        result
    }
}

/// Unwinds without the noise of a panic.
fn die() -> ! {
    std::panic::resume_unwind(Box::new("the process dies"))
}

impl State {
    /// From now on calls are counted anew.
    pub(super) fn count_from_here(&mut self) {
        self.calls.clear();
    }

    pub(super) fn item(&self, service: &str, account: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.service == service && item.account == account)
    }

    fn entitled(&self) -> Result<(), Status> {
        if self.groups.is_empty() { Err(Status::MISSING_ENTITLEMENT) } else { Ok(()) }
    }

    /// The items that a query is about. Every attribute in it must fit, also those that do not make an item this one.
    fn matching(&self, query: &[Attribute]) -> Result<Vec<usize>, Status> {
        self.entitled()?;
        if self.device == Device::Prewarming {
            return Err(Status::ITEM_NOT_FOUND);
        }
        let (mut synchronizable, mut data_protection) = (false, false);
        for attribute in query {
            match attribute {
                Attribute::Synchronizable(yes) => synchronizable = *yes,
                Attribute::DataProtection(yes) => data_protection = *yes,
                Attribute::Data(_) => return Err(PARAM),
                _ => {}
            }
        }
        let fits = |item: &Item| {
            // A group to which the app is not entitled is empty for it.
            self.groups.contains(&item.group)
                && item.synchronizable == synchronizable
                && item.data_protection == data_protection
                && query.iter().all(|attribute| match attribute {
                    Attribute::Service(service) => item.service == *service,
                    Attribute::Account(account) => item.account == *account,
                    Attribute::AccessGroup(group) => item.group == *group,
                    Attribute::AccessibleAfterFirstUnlock => item.accessible == Accessible::AfterFirstUnlock,
                    Attribute::AccessControl(gate) => item.control == Some(*gate),
                    Attribute::Synchronizable(_) | Attribute::DataProtection(_) | Attribute::Data(_) => true,
                })
        };
        let found: Vec<_> = (0..self.items.len()).filter(|index| fits(&self.items[*index])).collect();
        if found.is_empty() { Err(Status::ITEM_NOT_FOUND) } else { Ok(found) }
    }

    /// Whether the item can be decrypted now, after asking the user where its access control wants that.
    fn open(&mut self, index: usize) -> Result<(), Status> {
        let item = &self.items[index];
        match self.device {
            Device::Restarted | Device::Prewarming => return Err(Status::INTERACTION_NOT_ALLOWED),
            Device::Locked if item.accessible == Accessible::WhenUnlocked || item.control.is_some() => {
                return Err(Status::INTERACTION_NOT_ALLOWED);
            }
            Device::Locked | Device::Unlocked => {}
        }
        if item.control.is_none() {
            return Ok(());
        }
        self.questions += 1;
        match self.user {
            User::Confirms => Ok(()),
            User::Cancels => Err(Status::USER_CANCELED),
            User::IsSomebodyElse => Err(Status::AUTH_FAILED),
        }
    }

    fn copy(&mut self, query: &[Attribute]) -> Result<Zeroizing<Vec<u8>>, Status> {
        let first = self.matching(query)?[0];
        self.open(first)?;
        Ok(Zeroizing::new(self.items[first].data.clone()))
    }

    fn add(&mut self, attributes: &[Attribute]) -> Result<(), Status> {
        self.entitled()?;
        let mut item = Item {
            service: String::new(),
            account: String::new(),
            group: self.groups[0].clone(),
            synchronizable: false,
            data_protection: false,
            accessible: Accessible::WhenUnlocked,
            control: None,
            data: Vec::new(),
        };
        apply(&mut item, attributes)?;
        if !self.groups.contains(&item.group) {
            return Err(Status::MISSING_ENTITLEMENT);
        }
        let key = |item: &Item| {
            let Item { service, account, group, synchronizable, data_protection, .. } = item.clone();
            (service, account, group, synchronizable, data_protection)
        };
        if self.items.iter().any(|present| key(present) == key(&item)) {
            return Err(Status::DUPLICATE_ITEM);
        }
        match self.device {
            Device::Restarted | Device::Prewarming => return Err(Status::INTERACTION_NOT_ALLOWED),
            Device::Locked if item.accessible == Accessible::WhenUnlocked => {
                return Err(Status::INTERACTION_NOT_ALLOWED);
            }
            Device::Locked | Device::Unlocked => {}
        }
        self.items.push(item);
        Ok(())
    }

    fn update(&mut self, query: &[Attribute], changes: &[Attribute]) -> Result<(), Status> {
        let found = self.matching(query)?;
        for index in &found {
            self.open(*index)?;
        }
        for index in found {
            let mut item = self.items[index].clone();
            apply(&mut item, changes)?;
            self.items[index] = item;
        }
        Ok(())
    }

    fn delete(&mut self, query: &[Attribute]) -> Result<(), Status> {
        // Deleting needs no key: the Keychain does it while an item cannot be read.
        for index in self.matching(query)?.into_iter().rev() {
            self.items.remove(index);
        }
        Ok(())
    }
}

fn apply(item: &mut Item, attributes: &[Attribute]) -> Result<(), Status> {
    let mut protected = false;
    for attribute in attributes {
        match attribute {
            Attribute::Service(service) => item.service.clone_from(service),
            Attribute::Account(account) => item.account.clone_from(account),
            Attribute::AccessGroup(group) => item.group.clone_from(group),
            Attribute::Synchronizable(yes) => item.synchronizable = *yes,
            Attribute::DataProtection(yes) => item.data_protection = *yes,
            Attribute::Data(data) => item.data = data.0.to_vec(),
            Attribute::AccessibleAfterFirstUnlock | Attribute::AccessControl(_) => {
                // An access control has an accessibility of its own: naming both is refused.
                if std::mem::replace(&mut protected, true) {
                    return Err(PARAM);
                }
                item.accessible = Accessible::AfterFirstUnlock;
                item.control = match attribute {
                    Attribute::AccessControl(gate) => Some(*gate),
                    _ => None,
                };
            }
        }
    }
    Ok(())
}

impl SecItem for FakeKeychain {
    fn copy_matching(&self, query: &[Attribute]) -> Result<Zeroizing<Vec<u8>>, Status> {
        self.call(Call::Copy, Err, |state| state.copy(query))
    }

    fn add(&self, attributes: &[Attribute]) -> Status {
        self.call(Call::Add, |status| status, |state| status(state.add(attributes)))
    }

    fn update(&self, query: &[Attribute], changes: &[Attribute]) -> Status {
        self.call(Call::Update, |status| status, |state| status(state.update(query, changes)))
    }

    fn delete(&self, query: &[Attribute]) -> Status {
        self.call(Call::Delete, |status| status, |state| status(state.delete(query)))
    }
}

fn status(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::SUCCESS)
}
