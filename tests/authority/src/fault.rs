//! What can go wrong with a request, as a test says it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::gate::{Endpoint, When};

/// The command `fault`. Its parts go together: a delay, an answer, and how the answer is put on the wire.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) endpoint: Endpoint,
    /// What its strikes are counted under; not at all without.
    pub(crate) name: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) when: When,
    /// How many requests it hits; all from now on, if it is missing.
    pub(crate) times: Option<u32>,
    delay_ms: Option<u64>,

    pub(crate) status: Option<Status>,
    #[serde(default)]
    pub(crate) headers: Headers,
    /// Plain text; short for a `content`.
    pub(crate) body: Option<String>,
    pub(crate) content: Option<Content>,
    pub(crate) redirect: Option<Redirect>,
    pub(crate) date: Option<Date>,
    /// Adds a header of this size.
    pub(crate) padding_bytes: Option<usize>,

    /// Short for a cut by reset before the headers.
    #[serde(default)]
    reset: bool,
    cut: Option<Cut>,
    pub(crate) pieces: Option<Pieces>,
    /// The exact answer, from its status line on; nothing is added.
    pub(crate) raw: Option<String>,
}

impl Fault {
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.delay_ms.map(Duration::from_millis)
    }

    pub(crate) fn cut(&self) -> Option<Cut> {
        if self.reset { Some(Cut { at: Place::BeforeHeaders, by: End::Reset }) } else { self.cut }
    }

    /// Whether the server goes on as usual after the delay.
    pub(crate) fn is_only_a_delay(&self) -> bool {
        self.delay_ms.is_some()
            && !self.has_answer()
            && !self.alters_answer()
            && !self.needs_the_wire()
            && self.raw.is_none()
    }

    /// Whether it brings an answer of its own, instead of changing the server's.
    pub(crate) fn has_answer(&self) -> bool {
        let own_content = self
            .content
            .as_ref()
            .is_some_and(|content| !matches!(content, Content::Members(_) | Content::Template(_)));
        self.status.is_some() || self.body.is_some() || self.redirect.is_some() || own_content
    }

    fn alters_answer(&self) -> bool {
        !self.headers.0.is_empty()
            || self.content.is_some()
            || self.date.is_some()
            || self.padding_bytes.is_some()
    }

    /// Whether an HTTP implementation would not send it like this.
    pub(crate) fn needs_the_wire(&self) -> bool {
        self.cut().is_some() || self.pieces.is_some() || matches!(self.date, Some(Date::Missing))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content {
    /// Exactly this text, as JSON; it need not be JSON.
    Json(String),
    /// For what is no text.
    Bytes(Vec<u8>),
    /// So many bytes of white space, of no announced length.
    Oversized(u64),
    /// What so many zeros are when compressed.
    GzipBomb(u64),
    /// Says that it is compressed, and is not.
    BadGzip,
    /// The server's own JSON, changed.
    Members(Members),
    /// Exactly this text, with the server's own text members in the place of their `$name`s.
    Template(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Members {
    #[serde(default)]
    pub(crate) omit: Vec<String>,
    #[serde(default)]
    pub(crate) set: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Redirect {
    Loop,
    Hops(u32),
    /// To the realm's other listener.
    CrossOrigin,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Date {
    Missing,
    SkewSeconds(i64),
}

/// Where the answer ends too early, and how.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cut {
    pub(crate) at: Place,
    pub(crate) by: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    BeforeHeaders,
    MidHeaders,
    MidBody,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Reset,
    /// Closes the sending side and reads on until the client closes.
    Fin,
    /// Sends nothing more and reads on until the client closes.
    Silence,
}

/// The answer comes so many bytes at a time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pieces {
    pub(crate) bytes: usize,
    pub(crate) every_ms: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u16")]
pub(crate) struct Status(pub(crate) StatusCode);

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        StatusCode::from_u16(status).map(Self).map_err(|error| error.to_string())
    }
}

/// Headers by their names; a name with a list of values stands there as often.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, OneOrMany>")]
pub(crate) struct Headers(pub(crate) HeaderMap);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<BTreeMap<String, OneOrMany>> for Headers {
    type Error = String;

    fn try_from(named: BTreeMap<String, OneOrMany>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (name, values) in named {
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            let values = match values {
                OneOrMany::One(value) => vec![value],
                OneOrMany::Many(values) => values,
            };
            for value in values {
                // From bytes, because headers in the wild hold other characters than ASCII.
                let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| error.to_string())?;
                headers.append(name.clone(), value);
            }
        }
        Ok(Self(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(fault: Value) -> Result<Fault, serde_json::Error> {
        serde_json::from_value(fault)
    }

    #[test]
    fn what_cannot_be_sent_or_is_not_known_is_refused() {
        for wrong in [
            json!({"endpoint": "refresh", "status": 42}),
            json!({"endpoint": "refresh", "headers": {"a b": "c"}}),
            json!({"endpoint": "refresh", "headers": {"a": "b\r\nc: d"}}),
            json!({"endpoint": "refresh", "cut": {"at": "somewhere", "by": "reset"}}),
            json!({"endpoint": "refresh", "content": {"huge": 1}}),
            json!({"endpoint": "refresh", "wait": 1}),
        ] {
            read(wrong.clone()).expect_err(&wrong.to_string());
        }
    }

    #[test]
    fn a_delay_alone_lets_the_server_go_on() {
        let is_only_a_delay = |fault| read(fault).expect("a fault").is_only_a_delay();
        assert!(is_only_a_delay(json!({"endpoint": "refresh", "delay_ms": 5})));
        assert!(!is_only_a_delay(json!({"endpoint": "refresh", "delay_ms": 5, "reset": true})));
        assert!(!is_only_a_delay(json!({"endpoint": "refresh", "delay_ms": 5, "date": "missing"})));
        assert!(!is_only_a_delay(json!({"endpoint": "refresh"})));
    }
}
