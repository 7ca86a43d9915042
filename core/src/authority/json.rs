//! The JSON dialect: what most apps' own backends speak. POST with JSON bodies; the answer holds
//! `access_token`, `refresh_token` and `expires_in` beside whatever else the backend sends.

use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};
use url::Url;

use crate::secret::Secret;

/// The three endpoints of the JSON dialect.
#[derive(Clone, Debug)]
pub(crate) struct JsonEndpoints {
    pub(crate) login: Url,
    pub(crate) refresh: Url,
    pub(crate) logout: Url,
}

impl JsonEndpoints {
    pub(super) fn sign_in(&self, http: &Client, credentials: &Value) -> RequestBuilder {
        post(http, &self.login, credentials)
    }

    pub(super) fn refresh(&self, http: &Client, token: &Secret) -> RequestBuilder {
        post(http, &self.refresh, &json!({ "refresh_token": token.expose() }))
    }

    /// Backends differ in which of the two tokens they look at, so both are sent.
    pub(super) fn sign_out(
        &self,
        http: &Client,
        refresh: &Secret,
        access: Option<&Secret>,
    ) -> RequestBuilder {
        let request = post(http, &self.logout, &json!({ "refresh_token": refresh.expose() }));
        match access {
            Some(access) => request.bearer_auth(access.expose()),
            None => request,
        }
    }
}

fn post(http: &Client, url: &Url, body: &Value) -> RequestBuilder {
    http.post(url.clone()).header(header::CONTENT_TYPE, "application/json").body(body.to_string())
}
