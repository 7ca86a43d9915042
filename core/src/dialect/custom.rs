//! The dialect that the app implements.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::authority::custom::{CustomAuthority, CustomEndpoints};

/// An authorization server that the app speaks to by itself. Two are equal if they are the same object. An
/// account that is open already goes on with the one that it was opened with.
#[derive(Clone, Debug)]
pub struct CustomDialect(Arc<dyn CustomAuthority>);

impl CustomDialect {
    /// The dialect of this implementation.
    pub fn new(authority: impl CustomAuthority) -> Self {
        Self(Arc::new(authority))
    }

    pub(super) fn endpoints(&self) -> CustomEndpoints {
        CustomEndpoints(Arc::clone(&self.0))
    }
}

impl PartialEq for CustomDialect {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CustomDialect {}

impl Hash for CustomDialect {
    /// All have the same hash: whoever opens an account again, after a reload for example, makes another
    /// object of the same kind, and means the session that is there.
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
