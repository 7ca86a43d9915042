//! What the fuzz targets in `tests/fuzz` call: whatever reads bytes from outside, in types of its own or of the public
//! API. The targets state what must hold; nothing is decided here.
//!
//! It is there under `--cfg fuzzing` alone, which is the name that Rust's fuzzers use. Not a feature: any crate of an
//! app could switch one on for all of them, and what is in here is nobody's API.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use crate::authority::device::Device;
use crate::authority::fields::FieldPath;
use crate::authority::{self, Endpoints, Reply, tokens};
use crate::config::SessionConfig;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::event::SignOutReason;
use crate::http::answers::AnswerRules;
use crate::http::challenge::{self, Meaning, StepUp};
use crate::http::origin::Origins;
use crate::http::redirect::{self, Redirect};
use crate::http::response::{Disposition, Response};
use crate::http::retry::{self, Circumstances, Failure, RetryPolicy};
use crate::lifecycle::driver;
use crate::lifecycle::machine::{Machine, Policies, Settings, Times, View};
use crate::lifecycle::record::{self, AttemptId, Entry, Record, RecordError, Tombstone};
use crate::lifecycle::terms::{self, Attempt, Effect, Grant, Input, Leased, Loaded, Moment, Stored, Want};
use crate::secret::Secret;
use crate::store::{Generation, Load, Slot};
use crate::time::{BootTime, Clock};
use crate::transport::Transport;
use crate::transport::settings::TransportSettings;
use crate::{address, claims};

/// What relative addresses are relative to.
pub const BASE: &str = "https://api.example.com/v1";

/// An answer of a server.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    fn reply(&self) -> Reply {
        Reply { body: Bytes::copy_from_slice(&self.body), ..Reply::read(self.status, &self.headers) }
    }

    /// As the public API shows it.
    pub fn response(&self) -> Response {
        Response {
            status: self.status,
            url: base(),
            headers: self.headers.clone(),
            body: Bytes::copy_from_slice(&self.body),
            disposition: Disposition::Answered,
            redirected: false,
        }
    }

    /// What the server's clock said.
    pub fn date(&self) -> Option<SystemTime> {
        self.reply().date
    }
}

/// What an answer brought of tokens, in the clear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokens {
    pub access: Option<String>,
    pub refresh: Option<String>,
    pub lifetime: Option<Duration>,
    pub subject: Option<String>,
}

impl From<&Grant> for Tokens {
    fn from(grant: &Grant) -> Self {
        let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        Self {
            access: text(&grant.access),
            refresh: text(&grant.refresh),
            lifetime: grant.lifetime,
            subject: grant.subject.clone(),
        }
    }
}

/// What an answer to a refresh means.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// As in the trace.
    pub name: &'static str,
    pub tokens: Tokens,
    pub retry_after: Option<Duration>,
    /// What gets into an error.
    pub text: Option<String>,
    /// Whether its `Debug` form is the same with other tokens.
    pub hides_tokens: bool,
}

impl From<&terms::Verdict> for Verdict {
    fn from(verdict: &terms::Verdict) -> Self {
        let mut tokens = Tokens::default();
        let mut other = verdict.clone();
        match &mut other {
            terms::Verdict::Rotated(grant) => {
                tokens = grant.as_ref().into();
                grant.access = grant.access.as_ref().map(|_| "other".into());
                grant.refresh = grant.refresh.as_ref().map(|_| "other".into());
            }
            terms::Verdict::Salvaged(refresh, _) => {
                tokens.refresh = Some(refresh.expose().to_owned());
                *refresh = "other".into();
            }
            _ => {}
        }
        Self {
            name: verdict.name(),
            tokens,
            retry_after: match verdict {
                terms::Verdict::Unavailable { retry_after } => *retry_after,
                _ => None,
            },
            text: match verdict {
                terms::Verdict::Misconfigured(text) => Some(text.clone()),
                _ => None,
            },
            hides_tokens: format!("{verdict:?}") == format!("{other:?}"),
        }
    }
}

/// An authorization server, as an app has described it.
#[derive(Clone, Debug)]
pub struct Authority(Endpoints);

impl Authority {
    /// # Errors
    /// The mistake in the description.
    pub fn new(dialect: impl Into<Dialect>) -> Result<Self, Error> {
        let mut origins = Origins::new(false);
        origins.allow("base_url", &base())?;
        dialect.into().validate(&base(), &origins).map(Self)
    }

    /// What an answer to a refresh means.
    pub fn verdict(&self, answer: &Answer) -> Verdict {
        (&self.0.verdict(answer.reply())).into()
    }

    /// What the answer to a step of a sign-in brings; `None` where it is no dialect with credentials.
    #[allow(clippy::type_complexity)]
    pub fn step(&self, answer: &Answer) -> Option<Result<(Option<Tokens>, Value), Error>> {
        let Endpoints::Json(endpoints) = &self.0 else { return None };
        let read = authority::read_step(endpoints, answer.reply());
        Some(read.map(|(grant, rest)| (grant.as_ref().map(Tokens::from), rest)))
    }

    /// Where a step of a sign-in goes that the server has named.
    ///
    /// # Errors
    /// It goes nowhere.
    pub fn step_address(&self, target: &str) -> Option<Result<Url, Error>> {
        let Endpoints::Json(endpoints) = &self.0 else { return None };
        let request = endpoints.next_step(&client(), target, Value::Null);
        Some(request.map(|request| request.build().expect("it can be sent").url().clone()))
    }

    /// Whether the tokens can be sent: in a refresh, at the logout, and with a request.
    pub fn can_send(&self, tokens: &Tokens) -> bool {
        let refresh = tokens.refresh.as_deref().map(Secret::from);
        let access = tokens.access.as_deref().map(Secret::from);
        let requests = match (&self.0, &refresh) {
            (Endpoints::Json(endpoints), Some(refresh)) => {
                let refreshed = endpoints.refresh(&client(), refresh);
                [Some(refreshed), endpoints.sign_out(&client(), refresh, access.as_ref())]
            }
            (Endpoints::OAuth2(endpoints), Some(refresh)) => {
                [Some(endpoints.refresh(&client(), refresh)), endpoints.revoke(&client(), refresh)]
            }
            _ => [None, None],
        };
        let bearer =
            access.is_none_or(|access| HeaderValue::try_from(format!("Bearer {}", access.expose())).is_ok());
        bearer && requests.into_iter().flatten().all(|request| request.build().is_ok())
    }
}

fn base() -> Url {
    Url::parse(BASE).expect("a URL")
}

fn client() -> reqwest::Client {
    static TRANSPORT: OnceLock<Transport> = OnceLock::new();
    TRANSPORT.get_or_init(|| Transport::new(&TransportSettings::default()).expect("a client")).authority()
}

/// A JSON text of a token endpoint.
pub fn json(body: &[u8]) -> Option<Value> {
    tokens::parse(body)
}

/// Where in an answer a value is, as an app writes it; and what is left when it is taken out.
pub fn take(path: &str, json: &Value) -> Option<(Option<Value>, Option<Value>, Value)> {
    let path = FieldPath::parse(path)?;
    let mut rest = json.clone();
    Some((path.find(json).cloned(), path.take(&mut rest), rest))
}

/// The claims of an access token.
pub fn claims_of(token: &str) -> Option<Arc<Map<String, Value>>> {
    claims::decode(&Secret::from(token))
}

pub fn subject(claims: &Map<String, Value>) -> Option<String> {
    claims::subject(Some(claims))
}

/// What is left of a token's life.
pub fn remaining(claims: &Map<String, Value>, now: SystemTime) -> Option<Duration> {
    claims::remaining(Some(claims), now)
}

/// What a refusal of an API means: a name, and what is asked for.
pub fn meaning(rules: &AnswerRules, answer: &Answer) -> (&'static str, Option<StepUp>) {
    match challenge::meaning(rules, answer.status, &answer.headers, &answer.body) {
        Meaning::Accepted => ("accepted", None),
        Meaning::TokenRefused => ("token_refused", None),
        Meaning::StepUp(step_up) => ("step_up", Some(step_up)),
        Meaning::SessionOver => ("session_over", None),
        Meaning::PermissionDenied => ("permission_denied", None),
        Meaning::NotCurable => ("not_curable", None),
    }
}

/// When a server wants to be asked again.
pub fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    authority::verdict::retry_after(text, now)
}

/// How long an app's request pauses after such an answer, before it is sent again.
pub fn pause(
    status: StatusCode,
    retry_after: Option<Duration>,
    attempts: u32,
    left: Duration,
) -> Option<Duration> {
    let circumstances =
        Circumstances { idempotent: true, attempts, elapsed: Duration::ZERO, left, entropy: u32::MAX };
    retry::pause(RetryPolicy::default(), Failure::Answered { status, retry_after }, circumstances)
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    Nowhere,
    Refused,
    To { url: Url, method: Method, keeps_body: bool, keeps_credentials: bool },
}

/// What becomes of an answer to `method url` with this `Location`.
pub fn follow(status: StatusCode, location: &HeaderValue, method: &Method, url: &Url) -> Followed {
    match redirect::redirect(status, Some(location), method, url, redirect::MOST_REDIRECTS) {
        Redirect::None => Followed::Nowhere,
        Redirect::Refused => Followed::Refused,
        Redirect::Follow { url, method, keeps_body, keeps_credentials } => {
            Followed::To { url, method, keeps_body, keeps_credentials }
        }
    }
}

/// What an address of the app means.
///
/// # Errors
/// It is none.
pub fn resolve(base: &Url, target: &str) -> Result<Url, String> {
    address::resolve(base, target)
}

/// Whether a session with this base URL and these further origins gives its token to that address; `None` where the
/// settings are refused.
pub fn gets_token(base: &str, origins: &[&str], url: &Url) -> Option<bool> {
    let mut config = SessionConfig::new(base).ok()?;
    for origin in origins {
        config = config.allow_origin(*origin);
    }
    Some(config.validate().ok()?.origins.check(url).is_ok())
}

/// The slot that everything is of.
pub fn slot() -> Slot {
    Slot { namespace: "app".into(), account: "main".into() }
}

/// Bytes of a record that somebody has made up, with the right digest.
pub fn with_checksum(header: &str, body: &[u8]) -> Vec<u8> {
    record::with_checksum(&slot(), header, body)
}

/// The same of a sealed one.
#[cfg(feature = "keystore")]
pub fn sealed_with_checksum(header: &str, ciphertext: &[u8]) -> Vec<u8> {
    crate::store::keystore_format::with_checksum(header, ciphertext)
}

/// What the file of a Keystore's slot says without the key: the end of a session, or the bytes of a sealed one as they
/// are written.
///
/// # Errors
/// It is neither.
#[cfg(feature = "keystore")]
#[allow(clippy::type_complexity)]
pub fn sealed(bytes: &[u8]) -> Result<(Generation, Result<Tombstone, Vec<u8>>), RecordError> {
    crate::store::keystore_format::parse(&slot(), bytes)
}

/// What a tombstone says.
pub fn reason(tombstone: &Tombstone) -> SignOutReason {
    tombstone.reason
}

/// A record of these tokens.
pub fn record(access: Option<&str>, refresh: Option<&str>) -> Record {
    let attempt = AttemptId::random().expect("random bytes");
    Record {
        refresh_token: refresh.map(Secret::from),
        access_token: access.map(Secret::from),
        expires_at: None,
        lifetime: None,
        lineage: attempt.clone(),
        attempt,
        subject: None,
        device: None,
        times: Times::default(),
    }
}

/// A record of somebody who signed in, and used the session last, at these times of the server's clock.
pub fn record_at(signed_in_at: SystemTime, used_at: SystemTime) -> Record {
    let times = Times { signed_in_at: Some(signed_in_at), used_at: Some(used_at) };
    Record { times, ..record(Some("a"), Some("r")) }
}

/// What a server's clock says in a `Date` of this text.
pub fn date(text: &str) -> Option<SystemTime> {
    let mut headers = HeaderMap::new();
    headers.insert(header::DATE, HeaderValue::from_str(text).ok()?);
    Reply::read(StatusCode::OK, &headers).date
}

/// The clocks of a fuzzed session.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    boot: BootTime,
    wall: SystemTime,
}

impl Clock for Clocks {
    fn boot_time(&self) -> BootTime {
        self.boot
    }

    fn wall_time(&self) -> SystemTime {
        self.wall
    }
}

/// A session without a driver: the rules, fed with what was stored and what servers say, over a store that takes
/// everything at once.
#[derive(Debug)]
pub struct Session {
    machine: Machine,
    clocks: Clocks,
    device: Device,
    stored: Load,
    in_flight: Option<Attempt>,
    attempt_id: Option<AttemptId>,
}

impl Session {
    /// A session that finds this in its store, at this time of the wall clock.
    pub fn restore(
        stored: Load,
        wall: SystemTime,
        idle_timeout: Option<Duration>,
        absolute_lifetime: Option<Duration>,
    ) -> Self {
        let policies = Policies { idle_timeout, absolute_lifetime };
        let (machine, effects) = Machine::open(Settings { policies, ..Settings::default() });
        let mut session = Self {
            machine,
            clocks: Clocks { boot: BootTime::default(), wall },
            device: Device::new(Some(HeaderName::from_static("x-device"))),
            stored,
            in_flight: None,
            attempt_id: None,
        };
        session.carry_out(effects);
        session
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clocks.boot, entropy: u32::MAX }
    }

    fn apply(&mut self, input: Input) {
        let effects = self.machine.apply(self.moment(), input);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Load { attempt } => {
                    let loaded = self.loaded();
                    self.apply(Input::Loaded { attempt, loaded });
                }
                Effect::Lease { attempt } => {
                    let leased = Leased { shared: false, loaded: Loaded::Unreadable(Error::Locked) };
                    self.apply(Input::Leased { attempt, result: Ok(leased) });
                }
                Effect::Refresh { attempt, attempt_id, .. } => {
                    self.in_flight = Some(attempt);
                    self.attempt_id = Some(attempt_id);
                }
                Effect::Save { epoch, held, times, .. } => {
                    let device = self.device.id().map(str::to_owned);
                    let record = driver::record(&held, times, false, device, &self.clocks);
                    let generation = self.generation().next();
                    self.stored = Load::Found(record, generation);
                    self.apply(Input::Saved { epoch, revision: held.revision, result: Ok(generation) });
                }
                Effect::Erase { attempt, reason, .. } => {
                    let generation = self.generation().next();
                    self.stored = Load::Tombstone(Tombstone { reason }, generation);
                    self.apply(Input::Erased { attempt, result: Ok(generation) });
                }
                _ => {}
            }
        }
    }

    fn generation(&self) -> Generation {
        match &self.stored {
            Load::Found(_, generation) | Load::Tombstone(_, generation) => *generation,
            _ => Generation::default(),
        }
    }

    fn loaded(&self) -> Loaded {
        match self.stored.clone() {
            Load::Found(record, generation) => {
                self.device.restore(record.device.as_deref());
                let times = record.times;
                let grant = driver::grant(record, &self.clocks);
                Loaded::Found(Box::new(Stored { grant, times, generation }))
            }
            Load::Tombstone(tombstone, _) => Loaded::Ended(tombstone.reason),
            Load::Corrupt(cause) => Loaded::Damaged(cause),
            Load::UnknownVersion => Loaded::Unreadable(Error::StoreCorrupt(String::new())),
            Load::Unrecoverable => Loaded::Lost,
            Load::Absent => Loaded::Absent,
            Load::Locked | Load::Transient(_) | Load::Refused(_) => Loaded::Unreadable(Error::Locked),
        }
    }

    /// Time passes, on both clocks.
    pub fn pass(&mut self, time: Duration) {
        self.clocks.boot = self.clocks.boot.after(time);
        self.clocks.wall = self.clocks.wall.checked_add(time).unwrap_or(self.clocks.wall);
        self.apply(Input::Tick);
    }

    /// A server says what time it is.
    pub fn server_says(&mut self, date: SystemTime) {
        self.apply(Input::ServerDate(date));
    }

    /// The token that a request gets; `None` where it waits for a refresh.
    ///
    /// # Errors
    /// What the caller gets.
    pub fn token(&mut self) -> Result<Option<String>, Error> {
        let (answer, effects) = self.machine.want(self.moment(), Want::default());
        self.carry_out(effects);
        match answer {
            terms::Answer::Use { access, .. } => Ok(Some(access.expose().to_owned())),
            terms::Answer::Wait { .. } => Ok(None),
            terms::Answer::Fail(error) => Err(error),
            terms::Answer::NotRenewable | terms::Answer::PassOn => Err(Error::Internal(String::new())),
        }
    }

    /// Whether a refresh is under way, and under which name (`Idempotency-Key`) and of which device.
    pub fn refreshes(&self) -> Option<[HeaderValue; 2]> {
        self.in_flight?;
        let text = |text: &str| HeaderValue::from_str(text).expect("it can be sent");
        Some([text(self.attempt_id.as_ref()?.as_str()), text(self.device.id().unwrap_or_default())])
    }

    /// The answer to the refresh.
    pub fn answered(&mut self, authority: &Authority, answer: &Answer) {
        if let Some(attempt) = self.in_flight.take() {
            self.apply(Input::RefreshAnswered { attempt, verdict: authority.0.verdict(answer.reply()) });
        }
    }

    /// The user signs out.
    pub fn sign_out(&mut self) {
        let (_, effects) = self.machine.sign_out(self.moment());
        self.carry_out(effects);
    }

    /// Why nobody is signed in, if nobody is.
    pub fn signed_out(&self) -> Option<SignOutReason> {
        match self.machine.view() {
            View::SignedOut(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether somebody is signed in.
    pub fn is_signed_in(&self) -> bool {
        matches!(self.machine.view(), View::SignedIn(_))
    }

    /// What the store holds.
    pub fn stored(&self) -> &Load {
        &self.stored
    }

    /// What the store holds, as bytes.
    pub fn encoded(&self) -> Option<Vec<u8>> {
        let (entry, generation) = match self.stored.clone() {
            Load::Found(record, generation) => (Entry::Live(record), generation),
            Load::Tombstone(tombstone, generation) => (Entry::Ended(tombstone), generation),
            _ => return None,
        };
        Some(entry.encode(&slot(), generation).to_vec())
    }
}
