//! Who can sign in.

use serde_json::{Value, json};

/// A user of every realm.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) subject: &'static str,
    pub(crate) name: &'static str,
    email: &'static str,
    password: &'static str,
}

/// The usual one.
pub(crate) static ADA: User =
    User { subject: "u1", name: "Ada", email: "ada@example.com", password: "correct horse" };
static BOB: User = User { subject: "u2", name: "Bob", email: "bob@example.com", password: "battery staple" };

impl User {
    pub(crate) fn with_credentials(email: &str, password: &str) -> Option<&'static Self> {
        [&ADA, &BOB].into_iter().find(|user| user.email == email && user.password == password)
    }

    pub(crate) fn with_email(email: &str) -> Option<&'static Self> {
        [&ADA, &BOB].into_iter().find(|user| user.email == email)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"id": self.subject, "name": self.name, "email": self.email})
    }
}
