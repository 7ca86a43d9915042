//! The JSON dialect: what most apps' own backends speak, with whatever names they chose.

use reqwest::Method;

use super::{Additions, Addresses, TerminalAnswers, invalid};
use crate::authority::fields::{FieldPath, TokenFields, named};
use crate::authority::json::{JsonEndpoints, Logout, Transmission};
use crate::error::Error;

/// The JSON dialect. The default is POST to `/auth/login`, `/auth/refresh` and `/auth/logout`; answers hold
/// `access_token`, `refresh_token` and `expires_in`, in snake case or camel case.
///
/// A *path* says where in an answer a value is: member names separated by dots (`data.tokens.access`), or,
/// if it begins with a slash, a JSON pointer (RFC 6901: `/data/tokens/access`, `~1` for a slash and `~0` for
/// a tilde within a name). A number is the index where there is an array. The first call of a setting that
/// takes a path replaces its default, each further call adds an alternative; the first one that holds
/// something usable counts.
///
/// ```
/// use auth_session::{Additions, JsonDialect, Method, SessionConfig};
///
/// # fn example() -> Result<(), auth_session::Error> {
/// let dialect = JsonDialect::new("/v2/session", "/v2/session/renew", "/v2/session")
///     .access_token_at("data.tokens.access")
///     .refresh_token_at("data.tokens.refresh")
///     .refresh_request_field("refreshToken")
///     .logout_method(Method::DELETE)
///     .login(Additions::new().field("client_id", "app").header("x-api-key", "…"))
///     .terminal_codes(["SESSION_REVOKED"])
///     .error_code_at("error.code");
/// let config = SessionConfig::new("https://api.example.com")?.dialect(dialect);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JsonDialect {
    login_url: String,
    refresh_url: String,
    logout_url: Option<String>,
    logout_method: Method,
    access_token_at: Vec<String>,
    refresh_token_at: Vec<String>,
    expires_in_at: Vec<String>,
    error_code_at: Vec<String>,
    refresh_request_field: String,
    logout_request_field: String,
    refresh_token_cookie: Option<String>,
    login: Additions,
    refresh: Additions,
    logout: Additions,
    terminal: TerminalAnswers,
}

impl Default for JsonDialect {
    fn default() -> Self {
        Self::new("/auth/login", "/auth/refresh", "/auth/logout")
    }
}

impl JsonDialect {
    /// The dialect at these URLs, absolute or relative to the base URL.
    pub fn new(
        login_url: impl Into<String>,
        refresh_url: impl Into<String>,
        logout_url: impl Into<String>,
    ) -> Self {
        Self {
            login_url: login_url.into(),
            refresh_url: refresh_url.into(),
            logout_url: Some(logout_url.into()),
            logout_method: Method::POST,
            access_token_at: Vec::new(),
            refresh_token_at: Vec::new(),
            expires_in_at: Vec::new(),
            error_code_at: Vec::new(),
            refresh_request_field: "refresh_token".into(),
            logout_request_field: "refresh_token".into(),
            refresh_token_cookie: None,
            login: Additions::new(),
            refresh: Additions::new(),
            logout: Additions::new(),
            // A backend answers a refresh token that is no good with 401.
            terminal: TerminalAnswers { statuses: vec![401], codes: Vec::new() },
        }
    }

    /// Gets the credentials and answers with tokens.
    pub fn login_url(mut self, url: impl Into<String>) -> Self {
        self.login_url = url.into();
        self
    }

    /// Gets the refresh token and answers with tokens.
    pub fn refresh_url(mut self, url: impl Into<String>) -> Self {
        self.refresh_url = url.into();
        self
    }

    /// Gets the refresh token, with the access token as Bearer, and ends the session.
    pub fn logout_url(mut self, url: impl Into<String>) -> Self {
        self.logout_url = Some(url.into());
        self
    }

    /// The backend has no logout: a sign-out stays on the device.
    pub fn without_logout(mut self) -> Self {
        self.logout_url = None;
        self
    }

    /// How the logout is called: POST (the default), PUT, PATCH, DELETE, or GET, which has no body.
    pub fn logout_method(mut self, method: Method) -> Self {
        self.logout_method = method;
        self
    }

    /// The path of the access token in an answer. Default: `access_token`, `accessToken`.
    pub fn access_token_at(mut self, path: impl Into<String>) -> Self {
        self.access_token_at.push(path.into());
        self
    }

    /// The path of the refresh token in an answer. Default: `refresh_token`, `refreshToken`.
    pub fn refresh_token_at(mut self, path: impl Into<String>) -> Self {
        self.refresh_token_at.push(path.into());
        self
    }

    /// The path of the access token's lifetime in seconds. Default: `expires_in`, `expiresIn`. Without one,
    /// the token's own `exp` counts; without that, the token is used until it is refused.
    pub fn expires_in_at(mut self, path: impl Into<String>) -> Self {
        self.expires_in_at.push(path.into());
        self
    }

    /// The member of the refresh request that holds the refresh token. Default: `refresh_token`.
    pub fn refresh_request_field(mut self, name: impl Into<String>) -> Self {
        self.refresh_request_field = name.into();
        self
    }

    /// The member of the logout request that holds the refresh token. Default: `refresh_token`.
    pub fn logout_request_field(mut self, name: impl Into<String>) -> Self {
        self.logout_request_field = name.into();
        self
    }

    /// The refresh token comes in a cookie of this name (`Set-Cookie` of the login and of the refresh) and
    /// goes back as `Cookie`, not in the body, to the refresh and the logout URL only.
    pub fn refresh_token_cookie(mut self, name: impl Into<String>) -> Self {
        self.refresh_token_cookie = Some(name.into());
        self
    }

    /// What the login and the further steps of a sign-in get besides. Members of the credentials win.
    pub fn login(mut self, additions: Additions) -> Self {
        self.login = additions;
        self
    }

    /// What the refresh gets besides.
    pub fn refresh(mut self, additions: Additions) -> Self {
        self.refresh = additions;
        self
    }

    /// What the logout gets besides.
    pub fn logout(mut self, additions: Additions) -> Self {
        self.logout = additions;
        self
    }

    /// The statuses of a refresh's answer that end the session, instead of 401 alone. If the body is not
    /// JSON, the answer may come from something in between, and is believed only when it comes twice.
    pub fn terminal_statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.terminal.statuses = statuses.into_iter().collect();
        self
    }

    /// The error codes in a refresh's answer that end the session, whatever the status. Default: none.
    pub fn terminal_codes<C: Into<String>>(mut self, codes: impl IntoIterator<Item = C>) -> Self {
        self.terminal.codes = codes.into_iter().map(Into::into).collect();
        self
    }

    /// The path of the error code in an answer. Default: `error`, `code`, `error.code`.
    pub fn error_code_at(mut self, path: impl Into<String>) -> Self {
        self.error_code_at.push(path.into());
        self
    }

    pub(super) fn validate(&self, addresses: Addresses<'_>) -> Result<JsonEndpoints, Error> {
        for (setting, name) in [
            ("refresh_request_field", &self.refresh_request_field),
            ("logout_request_field", &self.logout_request_field),
        ] {
            if name.is_empty() {
                return invalid(setting, "a name that is not empty");
            }
        }
        if self.refresh_token_cookie.as_deref().is_some_and(|name| !is_cookie_name(name)) {
            return invalid("refresh_token_cookie", "the name of a cookie (RFC 6265 section 4.1.1)");
        }
        let methods = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::GET];
        if !methods.contains(&self.logout_method) {
            return invalid("logout_method", "POST, PUT, PATCH, DELETE or GET");
        }
        let transmission = |field: &str| match &self.refresh_token_cookie {
            Some(cookie) => Transmission::Cookie(cookie.clone()),
            None => Transmission::Field(field.to_owned()),
        };
        let in_body = self.refresh_token_cookie.is_none();
        let logout = match &self.logout_url {
            None => None,
            Some(url) => Some(Logout {
                url: addresses.endpoint("logout_url", url)?,
                method: self.logout_method.clone(),
                token: transmission(&self.logout_request_field),
                additions: self.logout.validate("logout", in_body.then_some(&*self.logout_request_field))?,
            }),
        };
        let login = addresses.endpoint("login_url", &self.login_url)?;
        let refresh = addresses.endpoint("refresh_url", &self.refresh_url)?;
        let mut step_origins = addresses.origins.clone();
        step_origins.allow("login_url", &login)?;
        step_origins.allow("refresh_url", &refresh)?;
        Ok(JsonEndpoints {
            base: addresses.base.clone(),
            step_origins,
            login,
            login_additions: self.login.validate("login", None)?,
            refresh,
            refresh_token: transmission(&self.refresh_request_field),
            refresh_additions: self
                .refresh
                .validate("refresh", in_body.then_some(&*self.refresh_request_field))?,
            logout,
            fields: TokenFields {
                access: paths("access_token_at", &self.access_token_at, &["access_token", "accessToken"])?,
                refresh: paths(
                    "refresh_token_at",
                    &self.refresh_token_at,
                    &["refresh_token", "refreshToken"],
                )?,
                lifetime: paths("expires_in_at", &self.expires_in_at, &["expires_in", "expiresIn"])?,
                cookie: self.refresh_token_cookie.clone(),
            },
            terminal: self.terminal.validate(paths(
                "error_code_at",
                &self.error_code_at,
                &["error", "code", "error.code"],
            )?)?,
        })
    }
}

fn paths(setting: &'static str, given: &[String], default: &[&str]) -> Result<Vec<FieldPath>, Error> {
    if given.is_empty() {
        return Ok(named(default));
    }
    given.iter().map(|text| FieldPath::parse(text)).collect::<Option<_>>().map_or_else(
        || invalid(setting, "member names separated by dots, or a JSON pointer that begins with a slash"),
        Ok,
    )
}

/// A token of RFC 9110 section 5.6.2.
fn is_cookie_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
