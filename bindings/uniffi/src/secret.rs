//! Secrets on their way to objects that the app has registered.

use std::fmt;
use std::sync::Arc;

use auth_session::Secret;

/// A token. Its text form is redacted in every language; `expose` gives the token itself.
#[derive(uniffi::Object)]
#[uniffi::export(Debug, Display)]
pub struct SecretText(Secret);

impl SecretText {
    pub(crate) fn new(secret: Secret) -> Arc<Self> {
        Arc::new(Self(secret))
    }
}

#[uniffi::export]
impl SecretText {
    /// The token. Whoever calls this keeps it out of logs and errors.
    pub fn expose(&self) -> String {
        self.0.expose().to_owned()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_forms_of_a_secret_do_not_show_it() {
        let secret = SecretText::new(Secret::new("canary"));
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(secret.expose(), "canary");
    }
}
