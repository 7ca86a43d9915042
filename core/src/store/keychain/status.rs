//! What the Keychain's answers mean.

use crate::store::{Refusal, StoreError};

/// An `OSStatus` of the Security framework. The names are Apple's (`SecBase.h`); the crates have few of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Status(pub(super) i32);

impl Status {
    pub(super) const SUCCESS: Self = Self(0);
    pub(super) const USER_CANCELED: Self = Self(-128);
    pub(super) const AUTH_FAILED: Self = Self(-25293);
    pub(super) const DUPLICATE_ITEM: Self = Self(-25299);
    pub(super) const ITEM_NOT_FOUND: Self = Self(-25300);
    pub(super) const INTERACTION_NOT_ALLOWED: Self = Self(-25308);
    pub(super) const MISSING_ENTITLEMENT: Self = Self(-34018);

    /// What it says about a call that did not succeed. Whether "not found" and "duplicate" are failures at all
    /// depends on the call: whoever made it deals with them first.
    pub(super) fn error(self) -> StoreError {
        match self {
            // Before the first unlock after a restart; or a gated item, while nobody can be asked.
            Self::INTERACTION_NOT_ALLOWED => StoreError::Locked,
            Self::MISSING_ENTITLEMENT => StoreError::Refused(Refusal::Misconfigured(MISSING.into())),
            Self::USER_CANCELED => StoreError::Refused(Refusal::UnlockCancelled),
            Self::AUTH_FAILED => StoreError::Refused(Refusal::UnlockFailed),
            Self(code) => StoreError::Transient(format!("the Keychain answered with status {code}")),
        }
    }
}

const MISSING: &str = "the app has neither an application-identifier entitlement nor the access group among its \
                       keychain-access-groups (status -34018)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// The rows of the table in `docs/keychain.md`: the status and the error code.
    fn published() -> Vec<(i32, String)> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/keychain.md");
        let page = std::fs::read_to_string(path).expect("the page");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `-"));
        let row = |row: &str| {
            let mut cells = row.split('`');
            let status: i32 = cells.next()?.parse().ok()?;
            Some((-status, cells.nth(3)?.to_owned()))
        };
        rows.filter_map(row).collect()
    }

    #[test]
    fn the_published_table_is_what_is_done() {
        let rows = published();
        assert_eq!(rows.len(), 5);
        for (status, code) in rows {
            assert_eq!(Error::from(Status(status).error()).code(), code, "{status}");
        }
    }

    #[test]
    fn interaction_not_allowed_is_locked() {
        assert_eq!(Status(-25308).error(), StoreError::Locked);
    }

    #[test]
    fn a_missing_entitlement_is_a_misconfiguration_that_names_the_entitlements() {
        let StoreError::Refused(Refusal::Misconfigured(what)) = Status(-34018).error() else {
            panic!("not a misconfiguration")
        };
        assert!(what.contains("keychain-access-groups") && what.contains("application-identifier"));
    }

    #[test]
    fn a_cancelled_question_and_a_failed_one_are_told_apart() {
        assert_eq!(Status(-128).error(), StoreError::Refused(Refusal::UnlockCancelled));
        assert_eq!(Status(-25293).error(), StoreError::Refused(Refusal::UnlockFailed));
    }

    #[test]
    fn any_other_status_is_transient_and_shows_its_number() {
        for code in [-25291, -25316, -26275, -50, -4, -36, 0, i32::MIN, i32::MAX] {
            let StoreError::Transient(cause) = Status(code).error() else { panic!("{code}") };
            assert!(cause.contains(&code.to_string()), "{cause}");
        }
    }
}
