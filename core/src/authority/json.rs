//! The JSON dialect on the wire.

use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::{Map, Value};
use url::Url;

use super::fields::TokenFields;
use super::verdict::Terminal;
use crate::address::{holds_user_info, holds_white_space, resolve};
use crate::dialect::ValidAdditions;
use crate::error::Error;
use crate::http::origin::Origins;
use crate::secret::Secret;

/// The endpoints of the JSON dialect, and what they want.
#[derive(Clone, Debug)]
pub(crate) struct JsonEndpoints {
    /// What the URLs of further sign-in steps are relative to, and where they may be.
    pub(crate) base: Url,
    pub(crate) step_origins: Origins,
    pub(crate) login: Url,
    pub(crate) login_additions: ValidAdditions,
    pub(crate) refresh: Url,
    pub(crate) refresh_token: Transmission,
    pub(crate) refresh_additions: ValidAdditions,
    pub(crate) logout: Option<Logout>,
    pub(crate) fields: TokenFields,
    pub(crate) terminal: Terminal,
}

#[derive(Clone, Debug)]
pub(crate) struct Logout {
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) token: Transmission,
    pub(crate) additions: ValidAdditions,
}

/// How the refresh token goes to the server.
#[derive(Clone, Debug)]
pub(crate) enum Transmission {
    /// As this member of the body.
    Field(String),
    /// As this cookie.
    Cookie(String),
}

impl JsonEndpoints {
    pub(super) fn sign_in(&self, http: &Client, credentials: Value) -> Result<RequestBuilder, Error> {
        self.step(http, self.login.clone(), credentials)
    }

    /// The next step of a sign-in, at a URL that the server or the app names: only where the credentials
    /// may go anyway.
    pub(crate) fn next_step(
        &self,
        http: &Client,
        target: &str,
        body: Value,
    ) -> Result<RequestBuilder, Error> {
        let refuse = |why: &str| Err(Error::InvalidRequest(why.into()));
        if holds_white_space(target) {
            return refuse("the URL holds white space or control characters");
        }
        let url = resolve(&self.base, target).map_err(Error::InvalidRequest)?;
        self.step_origins.check(&url)?;
        if holds_user_info(&url) {
            return refuse("the URL holds a user name or a password");
        }
        self.step(http, url, body)
    }

    fn step(&self, http: &Client, url: Url, body: Value) -> Result<RequestBuilder, Error> {
        let mut members = match body {
            Value::Object(members) => members,
            // There is nowhere to put additions.
            other if self.login_additions.fields.is_empty() => {
                let request = send(http, Method::POST, url, Some(other.to_string()));
                return Ok(request.headers(self.login_additions.headers.clone()));
            }
            _ => return Err(Error::InvalidRequest("the credentials are not a JSON object".into())),
        };
        for (name, value) in &self.login_additions.fields {
            members.entry(name).or_insert_with(|| value.clone());
        }
        let request = send(http, Method::POST, url, Some(Value::Object(members).to_string()));
        Ok(request.headers(self.login_additions.headers.clone()))
    }

    pub(crate) fn refresh(&self, http: &Client, token: &Secret) -> RequestBuilder {
        with_token(
            http,
            Method::POST,
            &self.refresh,
            &self.refresh_token,
            token,
            self.refresh_additions.fields.clone(),
        )
        .headers(self.refresh_additions.headers.clone())
    }

    /// Backends differ in which of the two tokens they look at, so both are sent. `None` where there is
    /// no such endpoint.
    pub(crate) fn sign_out(
        &self,
        http: &Client,
        refresh: &Secret,
        access: Option<&Secret>,
    ) -> Option<RequestBuilder> {
        let Logout { url, method, token, additions } = self.logout.as_ref()?;
        let mut request = with_token(http, method.clone(), url, token, refresh, additions.fields.clone());
        // Not `bearer_auth`, which would stay beside an Authorization header of the additions.
        if let Some(access) = access
            && !additions.headers.contains_key(header::AUTHORIZATION)
        {
            request = request.bearer_auth(access.expose());
        }
        Some(request.headers(additions.headers.clone()))
    }
}

fn with_token(
    http: &Client,
    method: Method,
    url: &Url,
    transmission: &Transmission,
    token: &Secret,
    mut members: Map<String, Value>,
) -> RequestBuilder {
    if let Transmission::Field(name) = transmission {
        members.insert(name.clone(), token.expose().into());
    }
    // RFC 9110 section 9.3.1: content in a GET request has no meaning.
    let body = (method != Method::GET).then(|| Value::Object(members).to_string());
    let request = send(http, method, url.clone(), body);
    match transmission {
        Transmission::Field(_) => request,
        Transmission::Cookie(name) => request.header(header::COOKIE, format!("{name}={}", token.expose())),
    }
}

fn send(http: &Client, method: Method, url: Url, body: Option<String>) -> RequestBuilder {
    let request = http.request(method, url).header(header::ACCEPT, "application/json");
    match body {
        Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body),
        None => request,
    }
}
