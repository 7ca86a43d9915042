//! Where in a JSON answer a value is.

use serde_json::Value;

/// Member names from the root to a value; a number is an index where there is an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldPath(Vec<String>);

impl FieldPath {
    /// Reads names separated by dots, or a JSON pointer (RFC 6901). `None` if it names nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let names: Vec<String> = match text.strip_prefix('/') {
            // RFC 6901 section 4: in this order, so that `~01` becomes `~1`.
            Some(pointer) => {
                pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        names.iter().all(|name| !name.is_empty()).then_some(Self(names))
    }

    pub(crate) fn find<'a>(&self, json: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(json, |value, name| match value {
            Value::Object(members) => members.get(name),
            Value::Array(elements) => elements.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Takes the value out; in an array, null stays in its place.
    pub(crate) fn take(&self, json: &mut Value) -> Option<Value> {
        let (last, way) = self.0.split_last()?;
        let parent = way.iter().try_fold(json, |value, name| match value {
            Value::Object(members) => members.get_mut(name),
            Value::Array(elements) => elements.get_mut(name.parse::<usize>().ok()?),
            _ => None,
        })?;
        match parent {
            Value::Object(members) => members.remove(last),
            Value::Array(elements) => elements.get_mut(last.parse::<usize>().ok()?).map(Value::take),
            _ => None,
        }
    }
}

/// Where the parts of a token answer are: alternatives, of which the first usable one counts.
#[derive(Clone, Debug)]
pub(crate) struct TokenFields {
    pub(crate) access: Vec<FieldPath>,
    pub(crate) refresh: Vec<FieldPath>,
    pub(crate) lifetime: Vec<FieldPath>,
    /// The cookie that holds the refresh token, where it does not come in the body.
    pub(crate) cookie: Option<String>,
}

impl TokenFields {
    /// RFC 6749 section 5.1.
    pub(crate) fn oauth() -> Self {
        Self {
            access: named(&["access_token"]),
            refresh: named(&["refresh_token"]),
            lifetime: named(&["expires_in"]),
            cookie: None,
        }
    }
}

/// Paths whose dotted form is known to be one.
pub(crate) fn named(paths: &[&str]) -> Vec<FieldPath> {
    paths.iter().map(|path| FieldPath(path.split('.').map(str::to_owned).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(path: &str, json: &Value) -> Option<Value> {
        FieldPath::parse(path).expect("a path").find(json).cloned()
    }

    #[test]
    fn a_path_is_dotted_or_a_json_pointer() {
        let json = json!({"data": {"a.b": 1, "c/d": 2, "e~f": 3, "list": [{"x": 4}], "7": 5}});
        for (path, value) in [
            ("/data/a.b", json!(1)),
            ("/data/c~1d", json!(2)),
            ("data.c/d", json!(2)),
            ("/data/e~0f", json!(3)),
            ("data.list.0.x", json!(4)),
            ("/data/list/0/x", json!(4)),
            ("data.7", json!(5)),
        ] {
            assert_eq!(found(path, &json), Some(value.clone()), "{path}");
            assert_eq!(FieldPath::parse(path).and_then(|path| path.take(&mut json.clone())), Some(value));
        }
        for path in ["data.nothing", "data.list.1.x", "data.list.x", "data.7.x"] {
            assert_eq!(found(path, &json), None, "{path}");
            assert_eq!(FieldPath::parse(path).and_then(|path| path.take(&mut json.clone())), None);
        }
    }

    #[test]
    fn a_path_that_names_nothing_is_none() {
        for path in ["", ".", "a.", ".a", "a..b", "/", "/a//b"] {
            assert_eq!(FieldPath::parse(path), None, "{path}");
        }
    }
}
