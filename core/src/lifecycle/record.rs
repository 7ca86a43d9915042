//! The one record that is persisted for a session, and its encoded form.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime};

use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::machine::Times;
use crate::authority::tokens::is_header_safe;
use crate::error::Error;
use crate::event::SignOutReason;
use crate::secret::Secret;
use crate::store::{Generation, Slot};

/// A random name for the use of one refresh token, made when the token was received. It is sent with
/// every attempt to use that token, so that a server can recognise a retry after a lost answer, also
/// from a restarted process. It is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttemptId(String);

impl AttemptId {
    /// Makes a new one: 128 random bits.
    pub(crate) fn random() -> Result<Self, Error> {
        Ok(Self(hexadecimal(&random_bytes::<16>()?)))
    }

    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The text that is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A session at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) access_token: Option<Secret>,
    /// On the wall clock, because no other clock survives a reboot.
    pub(crate) expires_at: Option<SystemTime>,
    /// How long the access token lived when it was issued: bounds what a wrong wall clock can claim.
    pub(crate) lifetime: Option<Duration>,
    pub(crate) attempt: AttemptId,
    /// The attempt id of the sign-in: names the session through all rotations.
    pub(crate) lineage: AttemptId,
    pub(crate) subject: Option<String>,
    /// The name of this installation, if servers are told.
    pub(crate) device: Option<String>,
    /// On the server's clock: see the session policies.
    pub(crate) times: Times,
}

/// What stays behind when a session has ended: why, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub(crate) reason: SignOutReason,
}

/// What a slot holds.
// One lives for a moment, on its way to the store or from it.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A session.
    Live(Record),
    /// The end of one.
    Ended(Tombstone),
}

/// Why stored bytes are not an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by another version of the library.
    #[error("of another version")]
    UnknownVersion,
    /// Cut off or changed, of another account, or not ours at all.
    #[error("damaged")]
    Damaged,
}

/// A record larger than this is not one of ours.
pub(crate) const MAX_ENCODED_BYTES: usize = 1 << 20;
/// A header line is shorter than this.
const MAX_HEADER_BYTES: usize = 256;
const FORMAT: &str = "authsession-record";
const VERSION: &str = "1";

/// Times are in milliseconds. Unknown members are ignored, so that a later version may add some
/// without a new format version.
#[derive(Serialize, Deserialize)]
struct Live<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    access_token: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<u64>,
    attempt: AttemptId,
    lineage: AttemptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_in_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Ended {
    reason: String,
}

impl Entry {
    /// The bytes to keep: a header line (format, version, kind, generation, SHA-256) and a JSON object.
    /// The digest covers the rest of the header and the slot, so that no bit can change unnoticed and a record
    /// that was put into another account's place is not read there. It detects accidents; it is no protection
    /// against somebody who can write to the store.
    pub fn encode(&self, slot: &Slot, generation: Generation) -> Zeroizing<Vec<u8>> {
        let (kind, body) = match self {
            Self::Live(record) => ("live", encode_live(record)),
            Self::Ended(tombstone) => {
                ("ended", to_json(&Ended { reason: tombstone.reason.name().to_owned() }))
            }
        };
        let header = format!("{FORMAT} {VERSION} {kind} {}", generation.0);
        let checksum = checksum(slot, &header, &body);
        let mut bytes = Zeroizing::new(Vec::with_capacity(header.len() + checksum.len() + body.len() + 2));
        bytes.extend_from_slice(header.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(checksum.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote for this slot.
    pub fn decode(slot: &Slot, bytes: &[u8]) -> Result<(Self, Generation), RecordError> {
        let newline = bytes
            .iter()
            .take(MAX_HEADER_BYTES)
            .position(|byte| *byte == b'\n')
            .ok_or(RecordError::Damaged)?;
        let (header, body) = (&bytes[..newline], &bytes[newline + 1..]);
        let header = std::str::from_utf8(header).map_err(|_| RecordError::Damaged)?;
        let mut fields = header.split(' ');
        if fields.next() != Some(FORMAT) {
            return Err(RecordError::Damaged);
        }
        if fields.next().ok_or(RecordError::Damaged)? != VERSION {
            return Err(RecordError::UnknownVersion);
        }
        let (covered, written) = header.rsplit_once(' ').ok_or(RecordError::Damaged)?;
        let (Some(kind), Some(generation), Some(_), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(RecordError::Damaged);
        };
        if checksum(slot, covered, body) != written {
            return Err(RecordError::Damaged);
        }
        let generation = Generation(generation.parse().map_err(|_| RecordError::Damaged)?);
        let entry = match kind {
            "live" => Self::Live(decode_live(body).ok_or(RecordError::Damaged)?),
            "ended" => {
                let ended: Ended = serde_json::from_slice(body).map_err(|_| RecordError::Damaged)?;
                // A reason of a later version is still the end of the session.
                let reason = SignOutReason::from_name(&ended.reason).unwrap_or(SignOutReason::Elsewhere);
                Self::Ended(Tombstone { reason })
            }
            _ => return Err(RecordError::Damaged),
        };
        Ok((entry, generation))
    }
}

/// The bytes of an entry that somebody else has made up, with the digest that they must have to be looked at.
#[cfg(fuzzing)]
pub(crate) fn with_checksum(slot: &Slot, header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{header} {}\n", checksum(slot, header, body)).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn encode_live(record: &Record) -> Zeroizing<Vec<u8>> {
    let live = Live {
        refresh_token: record.refresh_token.as_ref().map(|token| token.expose().into()),
        access_token: record.access_token.as_ref().map(|token| token.expose().into()),
        expires_at: record.expires_at.map(since_epoch),
        lifetime: record.lifetime.map(milliseconds),
        attempt: record.attempt.clone(),
        lineage: record.lineage.clone(),
        subject: record.subject.clone(),
        device: record.device.clone(),
        signed_in_at: record.times.signed_in_at.map(since_epoch),
        used_at: record.times.used_at.map(since_epoch),
    };
    to_json(&live)
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Written twice, so that the memory is there at once: what a vector outgrows is given back as it is.
fn to_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).expect("a struct of text and numbers always encodes");
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *json, value).expect("it did so before");
    json
}

fn decode_live(body: &[u8]) -> Option<Record> {
    let live: Live<'_> = serde_json::from_slice(body).ok()?;
    let record = Record {
        refresh_token: live.refresh_token.map(Secret::new),
        access_token: live.access_token.map(Secret::new),
        expires_at: live.expires_at.and_then(from_epoch),
        lifetime: live.lifetime.map(Duration::from_millis),
        attempt: live.attempt,
        lineage: live.lineage,
        subject: live.subject,
        device: live.device,
        times: Times {
            signed_in_at: live.signed_in_at.and_then(from_epoch),
            used_at: live.used_at.and_then(from_epoch),
        },
    };
    is_one_of_ours(&record).then_some(record)
}

/// Whether it holds a token, and nothing that cannot be sent. With another record the session would seem signed in, and
/// no request could ever be made. What an earlier version has let through is the server's to judge.
fn is_one_of_ours(record: &Record) -> bool {
    let fits = |token: &Option<Secret>, rule: fn(&str) -> bool| {
        token.as_ref().is_none_or(|token| rule(token.expose()))
    };
    (record.access_token.is_some() || record.refresh_token.is_some())
        && fits(&record.access_token, is_header_safe)
        && fits(&record.refresh_token, |token| !token.is_empty() && !token.chars().any(char::is_control))
        && [&record.attempt, &record.lineage].into_iter().all(|id| is_header_safe(id.as_str()))
}

fn since_epoch(time: SystemTime) -> u64 {
    milliseconds(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn from_epoch(milliseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn checksum(slot: &Slot, header: &str, body: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for name in [&slot.namespace, &slot.account] {
        // With its length, so that no two slots read the same.
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
    }
    context.update(header.as_bytes());
    context.update(b"\n");
    context.update(body);
    hexadecimal(context.finish().as_ref())
}

pub(crate) fn random_bytes<const COUNT: usize>() -> Result<[u8; COUNT], Error> {
    let mut bytes = [0; COUNT];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Internal("the operating system gave no random bytes".into()))?;
    Ok(bytes)
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot { namespace: "app".into(), account: "main".into() }
    }

    fn live() -> Entry {
        Entry::Live(Record {
            refresh_token: Some(Secret::new("refresh \"1\" \u{e9}")),
            access_token: Some(Secret::new("access-\"quoted\"")),
            expires_at: SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(1_700_000_000_123)),
            lifetime: Some(Duration::from_secs(3600)),
            attempt: AttemptId("ab".into()),
            lineage: AttemptId("cd".into()),
            subject: Some("u1".into()),
            device: Some("d1".into()),
            times: Times {
                signed_in_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(5)),
                used_at: None,
            },
        })
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let ended = Entry::Ended(Tombstone { reason: SignOutReason::User });
        for entry in [live(), ended] {
            assert_eq!(
                Entry::decode(&slot(), &entry.encode(&slot(), Generation(7))),
                Ok((entry, Generation(7)))
            );
        }
    }

    #[test]
    fn a_change_of_any_bit_is_noticed() {
        let bytes = live().encode(&slot(), Generation(7));
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.to_vec();
                damaged[position] ^= 1 << bit;
                assert!(Entry::decode(&slot(), &damaged).is_err(), "bit {bit} of byte {position}");
            }
        }
    }

    #[test]
    fn a_header_with_other_fields_is_damaged() {
        for header in ["live", "live 1", "live 7 ab \u{e9}\u{e9}", "live 7 ab cd ef", " ", "live x 00"] {
            let bytes = format!("{FORMAT} {VERSION} {header}\n{{}}");
            assert_eq!(Entry::decode(&slot(), bytes.as_bytes()), Err(RecordError::Damaged), "{header}");
        }
    }

    #[test]
    fn a_cut_off_record_is_noticed() {
        let bytes = live().encode(&slot(), Generation(7));
        for length in 0..bytes.len() {
            assert!(Entry::decode(&slot(), &bytes[..length]).is_err(), "the first {length} bytes");
        }
    }

    #[test]
    fn a_record_that_no_request_could_be_made_with_is_damaged() {
        let names = r#""attempt":"ab","lineage":"cd""#;
        for body in [
            format!("{{{names}}}"),
            format!(r#"{{"refresh_token":"",{names}}}"#),
            format!(r#"{{"refresh_token":"r\n",{names}}}"#),
            format!(r#"{{"refresh_token":"r","access_token":"a b",{names}}}"#),
            format!(r#"{{"refresh_token":"r","access_token":"a\r\nX: y",{names}}}"#),
            r#"{"refresh_token":"r","attempt":"","lineage":"cd"}"#.to_owned(),
            r#"{"refresh_token":"r","attempt":"a\nb","lineage":"cd"}"#.to_owned(),
            r#"{"refresh_token":"r","attempt":"ab","lineage":"c d"}"#.to_owned(),
        ] {
            let header = "authsession-record 1 live 3";
            let bytes = format!("{header} {}\n{body}", checksum(&slot(), header, body.as_bytes()));
            assert_eq!(Entry::decode(&slot(), bytes.as_bytes()), Err(RecordError::Damaged), "{body}");
        }
    }

    #[test]
    fn a_record_in_another_account_s_place_is_damaged() {
        let bytes = live().encode(&slot(), Generation(7));
        for (namespace, account) in [("app", "other"), ("other", "main"), ("appm", "ain"), ("main", "app")] {
            let other = Slot { namespace: namespace.into(), account: account.into() };
            assert_eq!(Entry::decode(&other, &bytes), Err(RecordError::Damaged));
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_not_called_damaged() {
        let bytes = b"authsession-record 2 live 1 00\n{}";
        assert_eq!(Entry::decode(&slot(), bytes), Err(RecordError::UnknownVersion));
    }

    #[test]
    fn an_attempt_id_is_128_random_bits() {
        let ids: std::collections::HashSet<_> =
            (0..1000).map(|_| AttemptId::random().expect("random bytes")).collect();
        assert_eq!(ids.len(), 1000);
        let digits = |id: &AttemptId| id.as_str().bytes().filter(u8::is_ascii_hexdigit).count();
        assert!(ids.iter().all(|id| (digits(id), id.as_str().len()) == (32, 32)));
        // A bit that never changes is none.
        for place in 0..32 {
            let seen: std::collections::HashSet<_> =
                ids.iter().map(|id| id.as_str().as_bytes()[place]).collect();
            assert_eq!(seen.len(), 16, "digit {place}");
        }
    }

    #[test]
    fn a_tombstone_holds_no_secret_and_a_reason_of_a_later_version_still_ends_the_session() {
        let body = br#"{"reason":"of_a_later_version"}"#;
        let header = "authsession-record 1 ended 3";
        let mut bytes = format!("{header} {}\n", checksum(&slot(), header, body)).into_bytes();
        bytes.extend_from_slice(body);
        let tombstone = Tombstone { reason: SignOutReason::Elsewhere };
        assert_eq!(Entry::decode(&slot(), &bytes), Ok((Entry::Ended(tombstone), Generation(3))));
    }
}
