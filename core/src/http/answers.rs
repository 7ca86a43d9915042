//! What the app knows of its own API's refusals: the rows of the challenge table that are its to fill.

use serde_json::Value;

use crate::error::Error;

/// Where APIs put their codes.
const MEMBERS: [&[&str]; 4] = [&["code"], &["error"], &["error", "code"], &["error_code"]];

/// What an answer's code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerAction {
    /// The token has expired: refresh it and send the request once more.
    Refresh,
    /// The session is over: the user must sign in again.
    EndSession,
    /// Neither; the caller gets the answer.
    Pass,
}

/// What 401 and 403 answers of the app's API mean, where they mean something else than RFC 6750 says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerRules {
    codes: Vec<(String, AnswerAction)>,
    refresh_on_forbidden: bool,
    pass_bare_unauthorized: bool,
}

impl AnswerRules {
    /// RFC 6750 and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a 401 or 403 means whose JSON body holds this code as `code`, `error`, `error.code` or
    /// `error_code`. It goes before everything that the headers say.
    pub fn code(mut self, code: impl Into<String>, action: AnswerAction) -> Self {
        self.codes.push((code.into(), action));
        self
    }

    /// Refreshes on a 403 that says nothing else: some frameworks answer so when a token has expired. A user
    /// without permission then costs a refresh for each such request.
    pub fn refresh_on_forbidden(mut self) -> Self {
        self.refresh_on_forbidden = true;
        self
    }

    /// Hands a 401 without any Bearer error to the caller instead of refreshing.
    pub fn pass_bare_unauthorized(mut self) -> Self {
        self.pass_bare_unauthorized = true;
        self
    }

    pub(crate) fn refreshes_on_forbidden(&self) -> bool {
        self.refresh_on_forbidden
    }

    pub(crate) fn passes_bare_unauthorized(&self) -> bool {
        self.pass_bare_unauthorized
    }

    /// The first listed code that the body holds says what is done.
    pub(crate) fn action(&self, body: &[u8]) -> Option<AnswerAction> {
        if self.codes.is_empty() {
            return None;
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        let held = |code: &str| {
            MEMBERS.into_iter().any(|path| {
                let member = path.iter().try_fold(&body, |value, name| value.get(name));
                member.and_then(Value::as_str) == Some(code)
            })
        };
        self.codes.iter().find(|(code, _)| held(code)).map(|(_, action)| *action)
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let repeated =
            |position: usize, code: &str| self.codes[..position].iter().any(|(known, _)| known == code);
        let odd = self.codes.iter().enumerate().any(|(at, (code, _))| code.is_empty() || repeated(at, code));
        if odd {
            let expected = "codes that are not empty, each listed once".into();
            return Err(Error::InvalidConfiguration { field: "answer_rules", expected });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_not_json_or_has_no_code_says_nothing() {
        let rules = AnswerRules::new().code("expired", AnswerAction::Refresh);
        for body in
            ["", "expired", "<html>", "[]", "null", r#"{"code":7}"#, r#"{"error":{"code":["expired"]}}"#]
        {
            assert_eq!(rules.action(body.as_bytes()), None, "{body}");
        }
        for body in [r#"{"code":"expired"}"#, r#"{"error_code":"expired"}"#, r#"{"error":"expired"}"#] {
            assert_eq!(rules.action(body.as_bytes()), Some(AnswerAction::Refresh), "{body}");
        }
    }

    #[test]
    fn an_empty_or_repeated_code_is_a_mistake() {
        assert!(AnswerRules::new().code("", AnswerAction::Pass).validate().is_err());
        let twice = AnswerRules::new().code("a", AnswerAction::Pass).code("a", AnswerAction::Refresh);
        assert!(twice.validate().is_err());
        assert!(AnswerRules::new().code("a", AnswerAction::Pass).validate().is_ok());
    }
}
