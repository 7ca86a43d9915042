//! The command line.

use std::ffi::OsString;
use std::io::Read;
use std::time::Duration;

use auth_session::Secret;
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
Shows what a session does.

  demo [--json] [--trace]
      The story: an authorization server in this process, a sign-in, an access token that expires under
      100 concurrent requests, a lost network, a sign-out.

  demo --base-url URL --credentials JSON --resource PATH [OPTIONS]
      Your backend, with JSON at /auth/login and /auth/refresh.

  demo --dialect oauth2 --token-endpoint URL --client-id ID --refresh-token TOKEN [--access-token TOKEN]
       --resource URL [OPTIONS]
      Your authorization server (RFC 6749), with tokens that you have.

Options:
  --requests N       how many requests a round (default 200)
  --concurrency N    how many of them at once (default 50)
  --rounds N         how many rounds (default 1)
  --pause-ms M       the pause between rounds (default 0)
  --store file:PATH  keeps the session in this directory; a session found there wins over the flags
  --allow-loopback   allows http:// on 127.0.0.0/8, ::1 and localhost
  --json             the last line of the output is one JSON object
  --trace            tells afterwards what the session decided, and why, on standard error

A secret may be given as @FILE, as - (standard input), or in the environment: AUTHSESSION_CREDENTIALS,
AUTHSESSION_REFRESH_TOKEN, AUTHSESSION_ACCESS_TOKEN. This does not sign out.

Exit code: 0 all requests succeeded, 1 some failed, 2 wrong arguments, 3 sign-in or store failed.
";

pub(crate) enum Command {
    Help,
    Story { json: bool, trace: bool },
    Backend(Box<Backend>),
}

/// What to try against somebody's backend.
pub(crate) struct Backend {
    pub(crate) access: Access,
    pub(crate) resource: String,
    pub(crate) requests: usize,
    pub(crate) concurrency: usize,
    pub(crate) rounds: usize,
    pub(crate) pause: Duration,
    pub(crate) store: Option<String>,
    pub(crate) allow_loopback: bool,
    pub(crate) json: bool,
    pub(crate) trace: bool,
}

/// How to sign in.
pub(crate) enum Access {
    Json {
        base_url: String,
        credentials: Option<serde_json::Value>,
    },
    OAuth2 {
        token_endpoint: String,
        client_id: String,
        refresh_token: Option<Secret>,
        access_token: Option<Secret>,
    },
}

#[derive(Default)]
struct Flags {
    dialect: Option<String>,
    base_url: Option<String>,
    credentials: Option<Secret>,
    token_endpoint: Option<String>,
    client_id: Option<String>,
    refresh_token: Option<Secret>,
    access_token: Option<Secret>,
    resource: Option<String>,
    requests: Option<usize>,
    concurrency: Option<usize>,
    rounds: Option<usize>,
    pause: Option<usize>,
    store: Option<String>,
    allow_loopback: bool,
    json: bool,
    trace: bool,
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut flags = Flags::default();
    let mut parser = Parser::from_args(arguments);
    let mut any_for_a_backend = false;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let Arg::Long(name) = argument else { return Err(argument.unexpected().to_string()) };
        let name = name.to_owned();
        any_for_a_backend |= name != "json" && name != "trace";
        let mut text = || -> Result<String, String> {
            let value = parser.value().map_err(|error| error.to_string())?;
            value.string().map_err(|error| error.to_string())
        };
        match name.as_str() {
            "help" => return Ok(Command::Help),
            "json" => flags.json = true,
            "trace" => flags.trace = true,
            "allow-loopback" => flags.allow_loopback = true,
            "dialect" => flags.dialect = Some(text()?),
            "base-url" => flags.base_url = Some(text()?),
            "token-endpoint" => flags.token_endpoint = Some(text()?),
            "client-id" => flags.client_id = Some(text()?),
            "resource" => flags.resource = Some(text()?),
            "store" => flags.store = Some(directory(&text()?)?),
            "credentials" => flags.credentials = Some(secret("--credentials", &text()?)?),
            "refresh-token" => flags.refresh_token = Some(secret("--refresh-token", &text()?)?),
            "access-token" => flags.access_token = Some(secret("--access-token", &text()?)?),
            "requests" => flags.requests = Some(positive("--requests", &text()?)?),
            "concurrency" => flags.concurrency = Some(positive("--concurrency", &text()?)?),
            "rounds" => flags.rounds = Some(positive("--rounds", &text()?)?),
            "pause-ms" => flags.pause = Some(number("--pause-ms", &text()?)?),
            _ => return Err(format!("there is no option --{name}")),
        }
    }
    if any_for_a_backend {
        flags.backend().map(|backend| Command::Backend(Box::new(backend)))
    } else {
        Ok(Command::Story { json: flags.json, trace: flags.trace })
    }
}

impl Flags {
    fn backend(self) -> Result<Backend, String> {
        let credentials = self.credentials.or_else(|| from_environment("AUTHSESSION_CREDENTIALS"));
        let refresh_token = self.refresh_token.or_else(|| from_environment("AUTHSESSION_REFRESH_TOKEN"));
        let access_token = self.access_token.or_else(|| from_environment("AUTHSESSION_ACCESS_TOKEN"));
        let stored = self.store.is_some();
        let access = match self.dialect.as_deref() {
            None | Some("json") => {
                let credentials = credentials
                    .map(|text| {
                        // The parser's own words could quote the secret.
                        serde_json::from_str(text.expose()).map_err(|_| "--credentials is not JSON")
                    })
                    .transpose()?;
                if credentials.is_none() && !stored {
                    return Err("--credentials is missing".into());
                }
                Access::Json { base_url: self.base_url.ok_or("--base-url is missing")?, credentials }
            }
            Some("oauth2") => {
                if refresh_token.is_none() && !stored {
                    return Err("--refresh-token is missing".into());
                }
                Access::OAuth2 {
                    token_endpoint: self.token_endpoint.ok_or("--token-endpoint is missing")?,
                    client_id: self.client_id.ok_or("--client-id is missing")?,
                    refresh_token,
                    access_token,
                }
            }
            Some(other) => return Err(format!("--dialect is json or oauth2, not {other}")),
        };
        Ok(Backend {
            access,
            resource: self.resource.ok_or("--resource is missing")?,
            requests: self.requests.unwrap_or(200),
            concurrency: self.concurrency.unwrap_or(50),
            rounds: self.rounds.unwrap_or(1),
            pause: Duration::from_millis(self.pause.unwrap_or(0) as u64),
            store: self.store,
            allow_loopback: self.allow_loopback,
            json: self.json,
            trace: self.trace,
        })
    }
}

fn directory(text: &str) -> Result<String, String> {
    match text.strip_prefix("file:") {
        Some(path) if !path.is_empty() => Ok(path.to_owned()),
        _ => Err("--store is file:PATH".into()),
    }
}

fn number(flag: &str, text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{flag} is a whole number, not {text}"))
}

fn positive(flag: &str, text: &str) -> Result<usize, String> {
    match number(flag, text)? {
        0 => Err(format!("{flag} is at least 1")),
        number => Ok(number),
    }
}

fn from_environment(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new)
}

/// The secret itself, `@FILE`, or `-` for standard input.
fn secret(flag: &str, text: &str) -> Result<Secret, String> {
    let read = match (text, text.strip_prefix('@')) {
        ("-", _) => {
            let mut input = String::new();
            std::io::stdin().read_to_string(&mut input).map(|_| input)
        }
        (_, Some(path)) => std::fs::read_to_string(path),
        _ => return Ok(Secret::new(text)),
    };
    match read {
        Ok(content) if !content.trim().is_empty() => Ok(Secret::new(content.trim())),
        Ok(_) => Err(format!("{flag}: there is nothing in it")),
        Err(error) => Err(format!("{flag}: {error}")),
    }
}
