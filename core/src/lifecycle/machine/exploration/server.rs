//! The strict authorization server of the exploration, and the API behind it.

use std::fmt;
use std::time::Duration;

use super::world::User;
use crate::lifecycle::record::AttemptId;
use crate::lifecycle::terms::{Grant, Verdict};
use crate::secret::Secret;
use crate::time::BootTime;

/// How long access tokens live.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

/// A refresh token and the access token that came with it: which sign-in they descend from, and how many
/// rotations ago that was.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) family: u8,
    pub(super) number: u8,
}

impl Token {
    pub(super) fn secret(self) -> Secret {
        Secret::new(self.to_string())
    }

    pub(super) fn of(secret: &Secret) -> Self {
        let (family, number) = secret.expose().split_once('.').expect("the server made it");
        let digits = |text: &str| text.parse().expect("the server made it");
        Self { family: digits(family), number: digits(number) }
    }

    /// One for each refresh token, as if the client drew it when the token arrived.
    pub(super) fn attempt_id(self) -> AttemptId {
        serde_json::from_value(self.to_string().into()).expect("an attempt id is a text")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.family, self.number)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Everything that descends from one sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Family {
    pub(super) user: User,
    pub(super) alive: bool,
    /// The newest refresh token.
    pub(super) current: u8,
    /// Access tokens before this one are refused.
    accepted_from: u8,
    /// Something has happened after which even a faultless client may send a used token.
    pub(super) excused: bool,
    /// The newest refresh token that has ever been in the store.
    pub(super) durable: Option<u8>,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) families: Vec<Family>,
    /// Repeats its answer to the last used token, as if it had not been used.
    pub(super) grace: bool,
    pub(super) names_users: bool,
    pub(super) ages: bool,
}

impl Server {
    pub(super) fn sign_in(&mut self, user: User) -> Grant {
        let family = u8::try_from(self.families.len()).expect("a few sign-ins");
        self.families.push(Family {
            user,
            alive: true,
            current: 0,
            accepted_from: 0,
            excused: false,
            durable: None,
        });
        self.grant(Token { family, number: 0 }, None, BootTime::default())
    }

    /// The tokens as they arrive from here, or from a record with this expiry.
    pub(super) fn grant(&self, token: Token, expires_at: Option<BootTime>, now: BootTime) -> Grant {
        let lifetime = self.ages.then_some(LIFETIME);
        Grant {
            access: Some(token.secret()),
            refresh: Some(token.secret()),
            lifetime,
            remaining: expires_at.map(|expiry| now.until(expiry)).or(lifetime),
            attempt_id: token.attempt_id(),
            lineage: None,
            subject: self.names_users.then(|| self.family(token).user.to_string()),
            claims: None,
        }
    }

    pub(super) fn family(&self, token: Token) -> &Family {
        &self.families[usize::from(token.family)]
    }

    pub(super) fn family_mut(&mut self, token: Token) -> &mut Family {
        &mut self.families[usize::from(token.family)]
    }

    /// Answers a refresh, and says whether it has found a used token that nothing excuses.
    pub(super) fn refresh(&mut self, token: Token) -> (Verdict, bool) {
        let grace = self.grace;
        let family = self.family_mut(token);
        let rejected = Verdict::Rejected { certain: true };
        if !family.alive {
            return (rejected, false);
        }
        if token.number == family.current {
            family.current += 1;
        } else if !(grace && token.number + 1 == family.current) {
            family.alive = false;
            return (rejected, !family.excused);
        }
        let next = Token { number: family.current, ..token };
        (Verdict::Rotated(Box::new(self.grant(next, None, BootTime::default()))), false)
    }

    pub(super) fn accepts(&self, token: Token) -> bool {
        let family = self.family(token);
        family.alive && token.number >= family.accepted_from
    }

    /// No access token of before is accepted from here on.
    pub(super) fn expire(&mut self) {
        for family in &mut self.families {
            family.accepted_from = family.current + 1;
        }
    }
}
