//! What a sign-in brings besides tokens.

use std::fmt;
use std::ops::Deref;

use serde_json::Value;

/// What the server answered to a step of a sign-in, without the tokens. It derefs to the JSON. `Debug` does
/// not show it: a step's answer may hold what is as good as a password.
#[derive(Clone, PartialEq)]
pub struct SignInAnswer {
    signed_in: bool,
    rest: Value,
}

impl SignInAnswer {
    pub(crate) fn new(signed_in: bool, rest: Value) -> Self {
        Self { signed_in, rest }
    }

    /// Whether tokens came with this answer and are in use. If not, the server wants another step:
    /// [`continue_sign_in`](crate::AuthSession::continue_sign_in).
    pub fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// The JSON; null where the answer was empty.
    pub fn into_json(self) -> Value {
        self.rest
    }
}

impl Deref for SignInAnswer {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.rest
    }
}

impl fmt::Debug for SignInAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInAnswer").field("signed_in", &self.signed_in).finish_non_exhaustive()
    }
}
