//! What an exception of the Keystore means. The table of `docs/keystore.md` is this file's.

use jni::errors::Error as JniError;

/// Why the Keystore did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The key is gone for ever, and the Keystore says so.
    Invalidated,
    /// The key wants the device unlocked, or the user.
    Locked,
    /// Sealed by another key, for another account, or changed.
    BadTag,
    /// There is no StrongBox, or it is full.
    NoStrongBox,
    /// The key could not be loaded. No proof that it is gone: since Android 12 every failure of the Keystore's service
    /// but "not found" comes as this (`AndroidKeyStoreSpi.engineGetKey`), an invalidated key as well.
    KeyNotLoaded(String),
    /// Anything else, by the name of its class.
    Other(String),
}

/// Longer than the names of classes are.
const MOST_NAME_CHARACTERS: usize = 120;

/// What an exception means: the names of its class and of its causes' classes, outermost first.
///
/// By name, because a class that is newer than the device cannot be looked up there, and exactly, because a subclass
/// that is in no documentation is no proof of anything.
pub(super) fn classify(classes: &[String]) -> Failure {
    let telling = classes.iter().find_map(|class| match class.as_str() {
        "android.security.keystore.KeyPermanentlyInvalidatedException" => Some(Failure::Invalidated),
        "android.security.keystore.UserNotAuthenticatedException" => Some(Failure::Locked),
        "android.security.keystore.StrongBoxUnavailableException" => Some(Failure::NoStrongBox),
        "javax.crypto.AEADBadTagException" => Some(Failure::BadTag),
        _ => None,
    });
    // Last, because its cause may say more.
    let unrecoverable = |class: &&String| class.as_str() == "java.security.UnrecoverableKeyException";
    telling.unwrap_or_else(|| match classes.iter().find(unrecoverable) {
        Some(_) => Failure::KeyNotLoaded(name(classes)),
        None => Failure::Other(name(classes)),
    })
}

/// The outermost class and the innermost, which is usually the one that knows.
fn name(classes: &[String]) -> String {
    match classes {
        [] => "an exception without a name".into(),
        [only] => plain(only),
        [outermost, .., innermost] => format!("{} caused by {}", plain(outermost), plain(innermost)),
    }
}

/// Names are text from outside.
fn plain(class: &str) -> String {
    let usual = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$');
    class.chars().filter(usual).take(MOST_NAME_CHARACTERS).collect()
}

impl Failure {
    /// Whether the same call may succeed a moment later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::KeyNotLoaded(_) | Self::Other(_))
    }
}

/// What is wrong with the call itself. A message of an exception is not ours to show.
impl From<JniError> for Failure {
    fn from(error: JniError) -> Self {
        match error {
            JniError::CaughtJavaException { name, .. } => classify(&[name]),
            JniError::MethodNotFound { name, .. } => Self::Other(format!("no method {}", plain(&name))),
            JniError::NoClassDefFound { requested, .. } => {
                Self::Other(format!("no class {}", plain(&requested)))
            }
            _ => Self::Other("a call into Java failed".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(classes: &[&str]) -> Failure {
        classify(&classes.iter().map(|class| (*class).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_permanently_invalidated_key_is_proof_wherever_it_stands_in_the_chain() {
        let invalidated = "android.security.keystore.KeyPermanentlyInvalidatedException";
        assert_eq!(of(&[invalidated]), Failure::Invalidated);
        assert_eq!(of(&["java.security.InvalidKeyException", invalidated]), Failure::Invalidated);
        assert_eq!(of(&["java.security.UnrecoverableKeyException", invalidated]), Failure::Invalidated);
    }

    #[test]
    fn a_user_who_must_authenticate_means_locked() {
        let user = "android.security.keystore.UserNotAuthenticatedException";
        assert_eq!(of(&["java.security.InvalidKeyException", user]), Failure::Locked);
    }

    #[test]
    fn a_bad_tag_is_damage() {
        assert_eq!(of(&["javax.crypto.AEADBadTagException"]), Failure::BadTag);
        assert!(of(&["javax.crypto.BadPaddingException"]).may_pass());
    }

    #[test]
    fn a_key_that_cannot_be_loaded_is_no_proof() {
        for chain in [
            &["java.security.UnrecoverableKeyException"][..],
            &["java.security.UnrecoverableKeyException", "android.security.KeyStoreException"],
        ] {
            assert!(matches!(of(chain), Failure::KeyNotLoaded(_)) && of(chain).may_pass(), "{chain:?}");
        }
    }

    #[test]
    fn what_is_in_no_documentation_may_pass_and_goes_by_its_name() {
        assert_eq!(
            of(&["java.lang.RuntimeException", "x.Y", "z.W"]),
            Failure::Other("java.lang.RuntimeException caused by z.W".into())
        );
        // A subclass has another name.
        let subclass = "com.vendor.KeyPermanentlyInvalidatedException";
        assert_eq!(of(&[subclass]), Failure::Other(subclass.into()));
        assert!(of(&[]).may_pass());
    }

    #[test]
    fn a_name_is_bounded_and_plain() {
        let strange = format!("a\n\u{202e}{}", "b".repeat(10_000));
        let Failure::Other(name) = of(&[&strange]) else { panic!("it is not known") };
        assert_eq!(name.len(), MOST_NAME_CHARACTERS);
        assert!(name.starts_with("abb"));
    }
}
