//! The faults that a realm is told to inflict: those of the core's own tests, which try each by itself, and those that
//! never finish.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::fault_table::{Outcome, faults, oddities};
use crate::plan::Endpoint;
use crate::random::Random;

pub(crate) struct Faults {
    usual: BTreeMap<&'static str, (Value, Outcome)>,
    names: Vec<&'static str>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        let mut usual = faults();
        usual.extend(oddities());
        let silence = |at: &str| (json!({"cut": {"at": at, "by": "silence"}}), Outcome::Retried);
        usual.extend([
            ("silence", silence("before_headers")),
            ("silence in the headers", silence("mid_headers")),
            ("silence in the body", silence("mid_body")),
            ("a byte now and then", (json!({"pieces": {"bytes": 1, "every_ms": 400}}), Outcome::Retried)),
        ]);
        let names = usual.keys().copied().collect();
        Self { usual, names }
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }

    /// One that makes sense at this endpoint: all do, except that what is wrong with tokens is nothing elsewhere.
    pub(crate) fn any(&self, endpoint: Endpoint, random: &mut Random) -> &'static str {
        loop {
            let name = random.one_of(&self.names);
            if matches!(endpoint, Endpoint::Refresh | Endpoint::Login) || !name.starts_with("expires_in") {
                return name;
            }
        }
    }

    /// The arguments of the realm's command `fault`.
    pub(crate) fn command(&self, name: &str, endpoint: Endpoint, after: bool, times: u64) -> Value {
        let mut command: Map<String, Value> =
            self.usual[name].0.as_object().expect("the tables hold objects").clone();
        command.insert("name".into(), json!(format!("{}: {name}", endpoint.name())));
        command.insert("endpoint".into(), json!(endpoint.name()));
        command.insert("when".into(), json!(if after { "after" } else { "before" }));
        command.insert("times".into(), json!(times));
        Value::Object(command)
    }
}

/// Whether it changes the server's own answer.
pub(crate) fn needs_an_answer(name: &str) -> bool {
    oddities().contains_key(name)
}

/// Whether the server's refusal is believed: the session ends with it.
pub(crate) fn rejects(name: &str) -> bool {
    matches!(faults().get(name), Some((_, Outcome::Rejected | Outcome::Doubted)))
}

/// Whether a client that gets it has reason to refresh although its token is good: it is refused, or its tokens are
/// said to expire at once.
pub(crate) fn causes_refreshes(name: &str) -> bool {
    rejects(name) || name.starts_with("expires_in") || name.starts_with("a clock") || name == "no Date"
}
