//! The name of this installation, for servers that bind a session to a device.

use std::sync::OnceLock;

use reqwest::RequestBuilder;
use reqwest::header::HeaderName;

use crate::lifecycle::record::AttemptId;

/// A random name, made with the first sign-in and kept in the record as long as the session lasts. It is no
/// secret and says nothing about the device. Sent only if the app has named a header for it.
#[derive(Debug, Default)]
pub(crate) struct Device {
    header: Option<HeaderName>,
    id: OnceLock<String>,
}

impl Device {
    pub(crate) fn new(header: Option<HeaderName>) -> Self {
        Self { header, id: OnceLock::new() }
    }

    /// Takes over the name from the store, if it is the first that is heard of.
    pub(crate) fn restore(&self, id: Option<&str>) {
        if let Some(id) = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic())) {
            self.id.get_or_init(|| id.to_owned());
        }
    }

    /// The name; `None` if the app does not want one, or there are no random bytes.
    pub(crate) fn id(&self) -> Option<&str> {
        self.header.as_ref()?;
        if self.id.get().is_none() {
            let id = AttemptId::random().ok()?;
            self.id.get_or_init(|| id.as_str().to_owned());
        }
        self.id.get().map(String::as_str)
    }

    pub(super) fn name(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.header, self.id()) {
            (Some(header), Some(id)) => request.header(header, id),
            _ => request,
        }
    }
}
