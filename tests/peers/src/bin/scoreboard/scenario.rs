//! The scenarios of `tests/scenarios`, which are read unchanged, and the storms of the same format.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use test_authority::RealmOptions;

use crate::judgement::Wanted;

/// A scenario: a row of the scoreboard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) realm: RealmOptions,
    #[serde(default)]
    pub(crate) client: Client,
    pub(crate) steps: Vec<Step>,
}

/// Why a row says nothing about other clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncounted {
    /// The server forgives a repeated refresh for its `Idempotency-Key`, which this library alone sends.
    NeedsTheKey,
    /// Other clients leave it to the app what a refused refresh means, and ours take the server at its word.
    IsThePolicy,
}

/// Rows that ask for a 401 of the refresh endpoint to be doubted.
const AGAINST_THE_POLICY: [&str; 1] = ["html_401_once"];

impl Scenario {
    /// Why it is not counted; `None` where it is.
    pub(crate) fn uncounted(&self) -> Option<Uncounted> {
        if self.realm.idempotent_replay {
            Some(Uncounted::NeedsTheKey)
        } else if AGAINST_THE_POLICY.contains(&self.name.as_str()) {
            Some(Uncounted::IsThePolicy)
        } else {
            None
        }
    }

    /// Whether tokens have expired when they arrive, so that a client may refresh before each use.
    pub(crate) fn has_tokens_that_arrive_expired(&self) -> bool {
        self.realm.expires_in.as_ref().and_then(Value::as_f64).is_some_and(|seconds| seconds < 1.0)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    #[serde(default)]
    pub(crate) token_endpoints: Listener,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Listener {
    #[default]
    Api,
    Auth,
}

/// So many requests that begin at once.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Requests {
    pub(crate) path: String,
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) body: Option<String>,
    #[serde(default = "one")]
    pub(crate) count: usize,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Step {
    SignIn,
    SignOut,
    NetworkChanged,
    Authority {
        command: String,
        #[serde(default = "empty")]
        body: Value,
    },
    Start {
        r#as: String,
        #[serde(flatten)]
        requests: Requests,
    },
    Finish {
        r#as: String,
        expect: Expected,
    },
    /// Of the scoreboard only: those who wait for these requests go away, and nobody asks what comes of them.
    Cancel {
        r#as: String,
    },
    Request {
        #[serde(flatten)]
        requests: Requests,
        expect: Expected,
    },
    ExpectState {
        state: String,
        reason: Option<String>,
    },
    /// Events are the library's own; other clients have none.
    ExpectEvents {
        #[serde(rename = "events")]
        _events: Vec<String>,
    },
    ExpectCounters {
        counters: BTreeMap<String, u64>,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    status: Option<u16>,
    disposition: Option<String>,
    error: Option<String>,
}

impl Expected {
    /// What it means for a client that knows neither dispositions nor the library's errors.
    pub(crate) fn wanted(&self) -> Wanted {
        match (self.status, self.disposition.as_deref()) {
            (Some(401), Some("session_changed" | "session_ended")) | (None, _) => Wanted::Failure,
            (Some(401), _) => Wanted::Anything,
            (Some(status), _) => Wanted::Answer(status),
        }
    }

    /// Whether the requests are those of somebody who has signed out, which the library does not even send.
    pub(crate) fn is_unsent(&self) -> bool {
        self.error.as_deref() == Some("signed_out")
    }

    /// Whether the session is over with it.
    pub(crate) fn ends_the_session(&self) -> bool {
        self.disposition.as_deref() == Some("session_ended")
    }
}

fn empty() -> Value {
    json!({})
}

fn get() -> String {
    "GET".into()
}

fn one() -> usize {
    1
}

fn parse(text: &str) -> Result<Scenario, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The scenarios of a folder, by name.
pub(crate) fn load(folder: &Path) -> Result<Vec<Scenario>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
            let scenario = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            if path.file_stem().is_none_or(|stem| stem != scenario.name.as_str()) {
                return Err(format!("{}: its name is {}", path.display(), scenario.name));
            }
            scenarios.push(scenario);
        }
    }
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::{scenarios_folder, storms_folder};

    #[test]
    fn all_scenarios_and_storms_can_be_read() {
        assert!(load(&scenarios_folder()).expect("readable").len() >= 40);
        let storms = load(&storms_folder()).expect("readable");
        assert!(storms.iter().any(|storm| storm.name == "storm_1000"));
    }

    #[test]
    fn what_needs_the_key_and_what_the_policy_decides_is_not_counted() {
        let scenarios = load(&scenarios_folder()).expect("readable");
        let uncounted = |why: Uncounted| -> Vec<&str> {
            let these = scenarios.iter().filter(|scenario| scenario.uncounted() == Some(why));
            these.map(|scenario| scenario.name.as_str()).collect()
        };
        let keys = ["answer_lost_for_long", "lost_answer_with_replay", "truncated_refresh"];
        assert_eq!(uncounted(Uncounted::NeedsTheKey), keys);
        assert_eq!(uncounted(Uncounted::IsThePolicy), ["html_401_once"]);
        let expired = scenarios.iter().filter(|scenario| scenario.has_tokens_that_arrive_expired());
        assert_eq!(expired.map(|scenario| &*scenario.name).collect::<Vec<_>>(), ["expired_on_arrival"]);
    }

    #[test]
    fn a_step_that_is_not_known_is_an_error() {
        let scenario =
            |step: &str| parse(&format!(r#"{{"name": "a", "title": "b", "steps": [{{"do": "{step}"}}]}}"#));
        scenario("sign_in").expect("a known step");
        scenario("dance").expect_err("an unknown step");
    }

    #[test]
    fn the_end_of_a_session_and_an_error_are_failures_and_other_answers_are_themselves() {
        let wanted = |text: &str| serde_json::from_str::<Expected>(text).expect("an expectation").wanted();
        assert_eq!(wanted(r#"{"status": 200}"#), Wanted::Answer(200));
        assert_eq!(wanted(r#"{"status": 403}"#), Wanted::Answer(403));
        assert_eq!(wanted(r#"{"status": 401, "disposition": "session_changed"}"#), Wanted::Failure);
        assert_eq!(wanted(r#"{"status": 401, "disposition": "refused"}"#), Wanted::Anything);
        assert_eq!(wanted(r#"{"status": 401}"#), Wanted::Anything);
        assert_eq!(wanted(r#"{"error": "network"}"#), Wanted::Failure);
    }
}
