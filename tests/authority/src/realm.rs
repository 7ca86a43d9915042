//! One isolated authorization and resource server.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::answer::Place;
use crate::counters::Counters;
use crate::fault::Fault;
use crate::gate::{Endpoint, Gates, HoldCommand, When};
use crate::ledger::{Ledger, RefreshSeen};
use crate::listener::Listener;
use crate::options::RealmOptions;
use crate::routes;
use crate::tokens::Tokens;
use crate::users::{ADA, User};

/// How long a command waits for what it is to see.
const PATIENCE: Duration = Duration::from_secs(10);

/// An isolated server with listeners of its own. Clones are the same realm.
#[derive(Clone, Debug)]
pub struct Realm(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Arc<Core>,
    api: Listener,
    auth: Listener,
}

/// The part that the request handlers share.
#[derive(Debug)]
pub(crate) struct Core {
    state: Mutex<State>,
    /// Of both listeners, once they listen.
    urls: OnceLock<[String; 2]>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) options: RealmOptions,
    pub(crate) tokens: Tokens,
    pub(crate) counters: Counters,
    pub(crate) gates: Gates,
    pub(crate) ledger: Ledger,
    pub(crate) idempotency_keys: HashSet<String>,
}

impl Core {
    /// Looks at the state or changes it, and lets those who wait for something look as well.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
        result
    }

    pub(crate) async fn until(&self, condition: impl Fn(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if condition(&self.state.lock().unwrap_or_else(PoisonError::into_inner)) {
                return;
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// What goes wrong with a request, after its delay.
    pub(crate) async fn fault(&self, endpoint: Endpoint, path: &str, when: When) -> Option<Fault> {
        let fault = self.with(|state| state.gates.fault(endpoint, path, when))?;
        if let Some(delay) = fault.delay() {
            sleep(delay).await;
        }
        Some(fault)
    }

    /// Where a request with this `Host` has come to.
    pub(crate) fn place(&self, host: &str) -> Place<'_> {
        let [api, auth] = self.urls.get().expect("nobody knows the port before it is set");
        let (here, elsewhere) = if auth.ends_with(host) { (auth, api) } else { (api, auth) };
        Place { here, elsewhere }
    }

    /// Holds a request as long as a test wants it held.
    pub(crate) async fn pass(&self, endpoint: Endpoint, path: &str, when: When) {
        if let Some(hold) = self.with(|state| state.gates.arrive(endpoint, path, when)) {
            self.until(|state| !state.gates.is_holding(hold)).await;
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum CommandError {
    Unknown,
    NoSuchUser,
    Malformed(serde_json::Error),
    /// What it waited for did not happen.
    TimedOut,
    Listener(io::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointCommand {
    endpoint: Endpoint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitHeld {
    endpoint: Endpoint,
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitCounter {
    counter: String,
    at_least: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Api,
    Auth,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenerCommand {
    listener: Which,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueTokens {
    /// The address of the user; the usual one without.
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

impl Realm {
    /// Starts a realm on loopback.
    ///
    /// # Errors
    /// No socket could be bound.
    pub async fn start(options: RealmOptions) -> io::Result<Self> {
        let state = Mutex::new(State { options, ..State::default() });
        let core = Arc::new(Core { state, urls: OnceLock::new(), changed: watch::Sender::new(()) });
        let router = routes::router(Arc::clone(&core));
        let (api, auth) = (Listener::start(router.clone()).await?, Listener::start(router).await?);
        core.urls.get_or_init(|| [api.url(), auth.url()]);
        Ok(Self(Arc::new(Inner { core, api, auth })))
    }

    /// Where the resources are. The token endpoints are there as well.
    pub fn api_url(&self) -> String {
        self.0.api.url()
    }

    /// Another address of the same server, so that the token endpoints can be offline alone.
    pub fn auth_url(&self) -> String {
        self.0.auth.url()
    }

    /// What the realm has seen so far.
    pub fn counters(&self) -> Counters {
        self.0.core.with(|state| self.count(state))
    }

    /// The refresh requests that the realm has seen so far, in the order in which they arrived.
    pub fn refreshes_seen(&self) -> Vec<RefreshSeen> {
        self.0.core.with(|state| state.ledger.entries().to_vec())
    }

    /// What must not be seen anywhere: the refresh tokens, and of the access tokens the part that nobody can guess.
    pub fn secrets(&self) -> Vec<String> {
        self.0.core.with(|state| state.tokens.secrets())
    }

    /// How many requests each fault with a name has struck.
    pub fn strikes(&self) -> BTreeMap<String, u64> {
        self.0.core.with(|state| state.gates.strikes().clone())
    }

    /// Carries out a command, the same as over HTTP; see the crate's README.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub async fn command(&self, name: &str, arguments: Value) -> Result<Value, String> {
        self.carry_out(name, arguments).await.map_err(|error| format!("{name}: {error}"))
    }

    pub(crate) async fn carry_out(&self, name: &str, arguments: Value) -> Result<Value, CommandError> {
        let core = &self.0.core;
        match name {
            "expire_access_tokens" => {
                read::<NoArguments>(arguments)?;
                core.with(|state| state.tokens.expire_access_tokens());
            }
            "revoke_refresh_tokens" => {
                read::<NoArguments>(arguments)?;
                core.with(|state| state.tokens.revoke_refresh_tokens());
            }
            "issue_tokens" => {
                let IssueTokens { user } = read(arguments)?;
                let user = match user {
                    Some(email) => User::with_email(&email).ok_or(CommandError::NoSuchUser)?,
                    None => &ADA,
                };
                return Ok(core.with(|state| state.tokens.issue(user, &state.options)));
            }
            "end_grace" => {
                read::<NoArguments>(arguments)?;
                core.with(|state| state.tokens.end_grace());
            }
            "set" => {
                let changes: Map<String, Value> = read(arguments)?;
                core.with(|state| state.options.with(changes).map(|options| state.options = options))
                    .map_err(CommandError::Malformed)?;
            }
            "hold" => {
                let command: HoldCommand = read(arguments)?;
                core.with(|state| state.gates.hold(command));
            }
            "release" => {
                let EndpointCommand { endpoint } = read(arguments)?;
                core.with(|state| state.gates.release(endpoint));
            }
            "await_held" => {
                let AwaitHeld { endpoint, count } = read(arguments)?;
                self.wait(|state| state.gates.held(endpoint) >= count).await?;
            }
            "fault" => {
                let fault: Fault = read(arguments)?;
                core.with(|state| state.gates.add_fault(fault));
            }
            "clear_faults" => {
                read::<NoArguments>(arguments)?;
                core.with(|state| state.gates.clear_faults());
            }
            "offline" => {
                for listener in self.listeners(read(arguments)?) {
                    listener.go_offline().await;
                }
            }
            "online" => {
                for listener in self.listeners(read(arguments)?) {
                    listener.go_online().await.map_err(CommandError::Listener)?;
                }
            }
            "await_counter" => {
                let AwaitCounter { counter, at_least } = read(arguments)?;
                self.wait(|state| {
                    json!(self.count(state))[&counter].as_u64().is_some_and(|count| count >= at_least)
                })
                .await?;
            }
            _ => return Err(CommandError::Unknown),
        }
        Ok(json!({}))
    }

    fn count(&self, state: &State) -> Counters {
        let peak = self.0.api.peak_connections().max(self.0.auth.peak_connections());
        Counters {
            active_families: state.tokens.active_families(),
            distinct_idempotency_keys: state.idempotency_keys.len() as u64,
            peak_connections: peak as u64,
            ..state.counters.clone()
        }
    }

    async fn wait(&self, condition: impl Fn(&State) -> bool) -> Result<(), CommandError> {
        timeout(PATIENCE, self.0.core.until(condition)).await.map_err(|_| CommandError::TimedOut)
    }

    fn listeners(&self, ListenerCommand { listener }: ListenerCommand) -> Vec<&Listener> {
        match listener {
            Which::Api => vec![&self.0.api],
            Which::Auth => vec![&self.0.auth],
            Which::All => vec![&self.0.api, &self.0.auth],
        }
    }
}

fn read<T: for<'a> Deserialize<'a>>(arguments: Value) -> Result<T, CommandError> {
    serde_json::from_value(arguments).map_err(CommandError::Malformed)
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such command"),
            Self::NoSuchUser => f.write_str("there is no such user"),
            Self::Malformed(error) => write!(f, "malformed: {error}"),
            Self::TimedOut => write!(f, "did not happen within {PATIENCE:?}"),
            Self::Listener(error) => write!(f, "the listener did not come back: {error}"),
        }
    }
}
