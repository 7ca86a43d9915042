//! Who sends requests, by number: whoever has the number need not hold a reference to the object.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use auth_session::{AuthSession, Client, Method, RequestBuilder};

/// A session, or a client of it for another host.
#[derive(Clone)]
pub(crate) enum Sender {
    Session(AuthSession),
    Client(Client),
}

impl Sender {
    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        match self {
            Self::Session(session) => session.request(method, target),
            Self::Client(client) => client.request(method, target),
        }
    }
}

/// The numbers in use. None is used twice: one that is out of date names nobody.
#[derive(Default)]
struct Senders {
    last: u64,
    by_number: HashMap<u64, Sender>,
}

/// Never held while anybody is called, or lets go of a session.
fn senders() -> MutexGuard<'static, Senders> {
    static SENDERS: OnceLock<Mutex<Senders>> = OnceLock::new();
    SENDERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sender of this number, as long as its entry lives.
pub(crate) fn find(number: u64) -> Option<Sender> {
    senders().by_number.get(&number).cloned()
}

/// An entry, which goes when it is dropped.
pub(crate) struct Entry(u64);

impl Entry {
    pub(crate) fn new(sender: Sender) -> Self {
        let mut senders = senders();
        senders.last += 1;
        let number = senders.last;
        senders.by_number.insert(number, sender);
        Self(number)
    }

    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let sender = senders().by_number.remove(&self.0);
        // Not while the others are locked: it may be the last of its session.
        drop(sender);
    }
}
