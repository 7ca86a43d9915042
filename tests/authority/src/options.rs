//! How a realm differs from the usual one.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// How a realm differs from the usual one. The command `set` changes the same options while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RealmOptions {
    /// How long an access token lives by its claims, and by the answer where nothing else is said, in
    /// seconds. It expires by command only.
    pub expires_in_seconds: u64,
    /// What the answer says instead, any JSON.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<Value>,
    /// Leaves `expires_in` out of the answer.
    pub omit_expires_in: bool,
    /// Whether a refresh brings a new refresh token. Without, the old one stays good, and the answer has
    /// none.
    pub rotation: bool,
    /// How often a used refresh token still brings the tokens that its first use brought. Without this
    /// and `grace_seconds` there is no grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_uses: Option<u32>,
    /// How long it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u64>,
    /// Whether a refresh with the same token and the same `Idempotency-Key` gets the same answer again.
    pub idempotent_replay: bool,
}

impl Default for RealmOptions {
    fn default() -> Self {
        Self {
            expires_in_seconds: 3600,
            expires_in: None,
            omit_expires_in: false,
            rotation: true,
            grace_uses: None,
            grace_seconds: None,
            idempotent_replay: false,
        }
    }
}

impl RealmOptions {
    /// The options with some of them replaced.
    pub(crate) fn with(&self, changes: Map<String, Value>) -> serde_json::Result<Self> {
        let mut options = json!(self);
        if let Some(options) = options.as_object_mut() {
            options.extend(changes);
        }
        serde_json::from_value(options)
    }

    pub(crate) fn has_grace(&self) -> bool {
        self.grace_uses.is_some() || self.grace_seconds.is_some()
    }
}

/// A `null` that is there is a value.
fn present<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_replaces_what_it_names_and_refuses_what_it_does_not_know() {
        let options = RealmOptions { grace_uses: Some(1), ..RealmOptions::default() };
        let change = |changes: Value| options.with(changes.as_object().expect("an object").clone());
        let changed = change(json!({"expires_in": null, "grace_uses": 2})).expect("known options");
        let expected =
            RealmOptions { grace_uses: Some(2), expires_in: Some(Value::Null), ..RealmOptions::default() };
        assert_eq!(changed, expected);
        assert_eq!(changed.with(Map::new()).expect("no change"), changed);
        change(json!({"expires_out": 1})).expect_err("an unknown option");
    }
}
