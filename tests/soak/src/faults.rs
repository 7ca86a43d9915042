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
        usual.extend(of_resources());
        let names = usual.keys().copied().collect();
        Self { usual, names }
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }

    /// One that makes sense at this endpoint: all do, except that what is wrong with tokens is nothing elsewhere, and a
    /// challenge is nothing but at resources.
    pub(crate) fn any(&self, endpoint: Endpoint, random: &mut Random) -> &'static str {
        loop {
            let name = random.one_of(&self.names);
            let fits = match endpoint {
                Endpoint::Resource => !name.starts_with("expires_in"),
                Endpoint::Refresh | Endpoint::Login => !of_resources().contains_key(name),
                Endpoint::Logout => !name.starts_with("expires_in") && !of_resources().contains_key(name),
            };
            if fits {
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

/// A server that refuses every token, until it is cured.
pub(crate) const PERPETUAL_401: &str = "a perpetual 401";

/// Refusals whose challenges say what is wrong, or nothing that can be read.
fn of_resources() -> BTreeMap<&'static str, (Value, Outcome)> {
    let refusal = |challenges: &[&str]| {
        (json!({"status": 401, "headers": {"www-authenticate": challenges}}), Outcome::Unharmed)
    };
    let long = "Bearer ".repeat(4_000);
    BTreeMap::from([
        (PERPETUAL_401, refusal(&[r#"Bearer error="invalid_token""#])),
        (
            "an unfinished challenge",
            refusal(&[r#"Basic realm="unfinished"#, ", ,Bearer error=invalid_token"]),
        ),
        ("a challenge of commas", refusal(&[",,=,\"\",Bearer=,,"])),
        ("a challenge of another scheme", refusal(&["Negotiate", r#"Basic realm="a", charset="UTF-8""#])),
        ("a long challenge", refusal(&[long.as_str()])),
        ("an empty challenge", refusal(&[""])),
    ])
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
    rejects(name)
        || of_resources().contains_key(name)
        || name.starts_with("expires_in")
        || name.starts_with("a clock")
        || name == "no Date"
}
