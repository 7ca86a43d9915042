//! The OAuth 2 dialect: a public client at a standard authorization server.

use std::fmt;

use super::{Addresses, TerminalAnswers, invalid};
use crate::authority::fields::named;
use crate::authority::oauth::OAuth2Endpoints;
use crate::error::Error;

/// The OAuth 2 dialect: RFC 6749 form posts of a public client, RFC 7009 revocation. No scope is asked for
/// at a refresh, so that the new token has the scope of the grant (RFC 6749 section 6).
/// `Debug` does not show the values of added parameters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OAuth2Dialect {
    token_endpoint: String,
    client_id: String,
    revocation_endpoint: Option<String>,
    parameters: Vec<(String, String)>,
    terminal: TerminalAnswers,
}

impl fmt::Debug for OAuth2Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("OAuth2Dialect")
            .field("token_endpoint", &self.token_endpoint)
            .field("client_id", &self.client_id)
            .field("revocation_endpoint", &self.revocation_endpoint)
            .field("parameters", &parameters)
            .finish_non_exhaustive()
    }
}

impl OAuth2Dialect {
    /// A client of this identifier at this token endpoint.
    pub fn new(token_endpoint: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            token_endpoint: token_endpoint.into(),
            client_id: client_id.into(),
            revocation_endpoint: None,
            parameters: Vec::new(),
            terminal: TerminalAnswers::default(),
        }
    }

    /// The revocation endpoint (RFC 7009). Without one, a sign-out stays on the device.
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.revocation_endpoint = Some(url.into());
        self
    }

    /// Adds a parameter to the refresh request, such as `audience`, or `resource` (RFC 8707), which alone
    /// may be added several times.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Further statuses of the token endpoint that end the session. Default: none; `invalid_grant` with 400
    /// or 401 always does. If the body is not JSON, the answer is believed only when it comes twice.
    pub fn terminal_statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.terminal.statuses = statuses.into_iter().collect();
        self
    }

    /// Further values of `error` that end the session, whatever the status. Default: none.
    pub fn terminal_codes<C: Into<String>>(mut self, codes: impl IntoIterator<Item = C>) -> Self {
        self.terminal.codes = codes.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn validate(&self, addresses: Addresses<'_>) -> Result<OAuth2Endpoints, Error> {
        if self.client_id.is_empty() {
            return invalid("client_id", "the identifier that the authorization server gave this client");
        }
        for (position, (name, value)) in self.parameters.iter().enumerate() {
            // RFC 6749 section 3.2: no parameter twice, and an empty one counts as left out. An app cannot
            // keep a client secret (RFC 8252 section 8.5).
            let repeated = self.parameters[..position].iter().any(|(earlier, _)| earlier == name);
            if name.is_empty() || value.is_empty() || OWN.contains(&name.as_str()) {
                return invalid("parameter", "a name and a value, and none of the dialect's own parameters");
            }
            if repeated && name != "resource" {
                return invalid("parameter", "each name once, except resource");
            }
        }
        Ok(OAuth2Endpoints {
            token: addresses.endpoint("token_endpoint", &self.token_endpoint)?,
            revocation: self
                .revocation_endpoint
                .as_deref()
                .map(|url| addresses.endpoint("revocation_endpoint", url))
                .transpose()?,
            client_id: self.client_id.clone(),
            parameters: self.parameters.clone(),
            terminal: self.terminal.validate(named(&["error"]))?,
        })
    }
}

const OWN: [&str; 4] = ["grant_type", "refresh_token", "client_id", "client_secret"];
