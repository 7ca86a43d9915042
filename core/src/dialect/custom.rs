//! The dialect that the app implements.

use std::sync::Arc;

use crate::authority::custom::{CustomAuthority, CustomEndpoints};

/// An authorization server that the app speaks to by itself. Two are equal if they are the same object.
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
