//! The OAuth 2 dialect on the wire: RFC 6749 form posts of a public client, RFC 7009 revocation.

use reqwest::{Client, RequestBuilder, header};
use url::Url;
use url::form_urlencoded::Serializer;

use super::verdict::Terminal;
use crate::secret::Secret;

/// The endpoints of an OAuth 2 authorization server, and this client's name there.
#[derive(Clone, Debug)]
pub(crate) struct OAuth2Endpoints {
    pub(crate) token: Url,
    pub(crate) revocation: Option<Url>,
    pub(crate) client_id: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) terminal: Terminal,
}

impl OAuth2Endpoints {
    /// RFC 6749 section 6. The scope is left out: the refreshed token has the scope of the grant.
    pub(crate) fn refresh(&self, http: &Client, token: &Secret) -> RequestBuilder {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.expose()),
            ("client_id", &self.client_id),
        ];
        let added = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        post(http, &self.token, form.into_iter().chain(added))
    }

    /// RFC 7009 section 2.1; `None` where the server has no such endpoint.
    pub(crate) fn revoke(&self, http: &Client, token: &Secret) -> Option<RequestBuilder> {
        let form =
            [("token", token.expose()), ("token_type_hint", "refresh_token"), ("client_id", &self.client_id)];
        Some(post(http, self.revocation.as_ref()?, form.into_iter()))
    }
}

fn post<'a>(http: &Client, url: &Url, form: impl Iterator<Item = (&'a str, &'a str)>) -> RequestBuilder {
    http.post(url.clone())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Serializer::new(String::new()).extend_pairs(form).finish())
}
