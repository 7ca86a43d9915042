//! Text that must not be shown.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A token or another secret text. Its `Debug` form is redacted, it has no `Display`, and its memory
/// is overwritten when it is dropped. Copies that an HTTP stack or another language makes are out of reach.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes over a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Whoever calls this must keep it out of logs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_does_not_show_the_text() {
        let shown = format!("{:?}", Some(Secret::new("canary")));
        assert_eq!(shown, "Some([redacted])");
    }

    #[test]
    fn the_memory_of_a_secret_is_overwritten() {
        // That it happens when one is dropped is a promise of this trait, which the compiler keeps.
        fn overwritten_on_drop<T: ZeroizeOnDrop>(_: &T) {}
        let mut secret = Secret::new("canary");
        overwritten_on_drop(&secret);
        secret.zeroize();
        assert_eq!(secret.expose(), "");
    }
}
