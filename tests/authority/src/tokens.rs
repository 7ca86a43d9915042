//! Who holds which tokens: grants with rotation, reuse detection, and what softens it.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use crate::options::RealmOptions;
use crate::users::User;

/// All tokens of a realm.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    families: Vec<Family>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, Access>,
}

/// All tokens that descend from one sign-in.
#[derive(Debug)]
struct Family {
    user: &'static User,
    alive: bool,
}

#[derive(Debug)]
struct Refresh {
    family: usize,
    /// The newest access token that was issued with it or by it.
    access: String,
    used: Option<Use>,
    revoked: bool,
}

/// The first use of a refresh token.
#[derive(Debug)]
struct Use {
    at: Instant,
    idempotency_key: Option<String>,
    answer: Value,
    grace_uses: u32,
    grace_ended: bool,
}

#[derive(Debug)]
struct Access {
    family: usize,
    expired: bool,
}

/// What a refresh token turned out to be.
#[derive(Debug)]
pub(crate) enum Redeemed {
    Rotated(Value),
    /// The same request as before, by its idempotency key: the same answer.
    Replayed(Value),
    /// Used before, and not long ago: the same answer.
    InGrace(Value),
    Invalid,
    /// It had been used before: its family is revoked.
    Reused,
}

impl Tokens {
    /// Starts a family and answers like a token endpoint.
    pub(crate) fn issue(&mut self, user: &'static User, options: &RealmOptions) -> Value {
        self.families.push(Family { user, alive: true });
        self.issue_in(self.families.len() - 1, true, options)
    }

    fn issue_in(&mut self, family: usize, with_refresh: bool, options: &RealmOptions) -> Value {
        let access = access_token(self.families[family].user, options.expires_in_seconds);
        self.access.insert(access.clone(), Access { family, expired: false });
        let mut answer = json!({"access_token": access, "token_type": "Bearer"});
        if with_refresh {
            let refresh = random(32);
            answer["refresh_token"] = json!(refresh);
            let token = Refresh { family, access: access.clone(), used: None, revoked: false };
            self.refresh.insert(refresh, token);
        }
        if !options.omit_expires_in {
            answer["expires_in"] =
                options.expires_in.clone().unwrap_or_else(|| json!(options.expires_in_seconds));
        }
        answer
    }

    pub(crate) fn redeem(
        &mut self,
        refresh_token: &str,
        idempotency_key: Option<&str>,
        options: &RealmOptions,
    ) -> Redeemed {
        let Some(token) = self.refresh.get(refresh_token) else { return Redeemed::Invalid };
        let family = token.family;
        if token.revoked || !self.families[family].alive {
            return Redeemed::Invalid;
        }
        if !options.rotation {
            let answer = self.issue_in(family, false, options);
            let access = answer["access_token"].as_str().unwrap_or_default().to_owned();
            if let Some(token) = self.refresh.get_mut(refresh_token) {
                token.access = access;
            }
            return Redeemed::Rotated(answer);
        }
        if let Some(first) = &token.used {
            let same_request =
                idempotency_key.is_some() && first.idempotency_key.as_deref() == idempotency_key;
            if options.idempotent_replay && same_request {
                return Redeemed::Replayed(first.answer.clone());
            }
            if self.is_in_grace(first, options)
                && let Some(first) = self.refresh.get_mut(refresh_token).and_then(|token| token.used.as_mut())
            {
                first.grace_uses += 1;
                return Redeemed::InGrace(first.answer.clone());
            }
            self.families[family].alive = false;
            return Redeemed::Reused;
        }
        let answer = self.issue_in(family, true, options);
        let first = Use {
            at: Instant::now(),
            idempotency_key: idempotency_key.map(str::to_owned),
            answer: answer.clone(),
            grace_uses: 0,
            grace_ended: false,
        };
        if let Some(token) = self.refresh.get_mut(refresh_token) {
            token.used = Some(first);
        }
        Redeemed::Rotated(answer)
    }

    /// Grace is for a client that has not got the answer. One that uses the successor has.
    fn is_in_grace(&self, first: &Use, options: &RealmOptions) -> bool {
        let successor = first.answer["refresh_token"].as_str().and_then(|token| self.refresh.get(token));
        options.has_grace()
            && !first.grace_ended
            && options.grace_uses.is_none_or(|uses| first.grace_uses < uses)
            && options.grace_seconds.is_none_or(|seconds| first.at.elapsed() < Duration::from_secs(seconds))
            && successor.is_some_and(|successor| successor.used.is_none())
    }

    /// From now on, every refresh token that has been used counts as used long ago.
    pub(crate) fn end_grace(&mut self) {
        for first in self.refresh.values_mut().filter_map(|token| token.used.as_mut()) {
            first.grace_ended = true;
        }
    }

    /// Revokes the family of a refresh token; false if the token is unknown.
    pub(crate) fn revoke(&mut self, refresh_token: &str) -> bool {
        match self.refresh.get(refresh_token) {
            Some(token) => {
                self.families[token.family].alive = false;
                true
            }
            None => false,
        }
    }

    /// Whose access token it is, if it is good.
    pub(crate) fn owner(&self, access_token: &str) -> Option<&'static User> {
        let token = self.access.get(access_token)?;
        let family = &self.families[token.family];
        (!token.expired && family.alive).then_some(family.user)
    }

    /// Whether the access token that came with this refresh token is still good, so that nobody needs another.
    pub(crate) fn is_needless(&self, refresh_token: &str) -> bool {
        self.refresh.get(refresh_token).is_some_and(|token| self.owner(&token.access).is_some())
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        let signatures = self.access.keys().filter_map(|token| token.rsplit('.').next());
        self.refresh.keys().map(String::as_str).chain(signatures).map(str::to_owned).collect()
    }

    pub(crate) fn expire_access_tokens(&mut self) {
        self.access.values_mut().for_each(|token| token.expired = true);
    }

    pub(crate) fn revoke_refresh_tokens(&mut self) {
        self.refresh.values_mut().for_each(|token| token.revoked = true);
    }

    pub(crate) fn active_families(&self) -> u64 {
        self.families.iter().filter(|family| family.alive).count() as u64
    }
}

/// Looks like a JWT, so that clients can read its claims. The server itself looks it up, so the
/// signature is only the random part that makes it unguessable.
fn access_token(user: &User, expires_in: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let header = json!({"alg": "RS256", "typ": "at+jwt"});
    let expiry = now.saturating_add(expires_in);
    let claims = json!({"sub": user.subject, "name": user.name, "iat": now, "exp": expiry});
    format!(
        "{}.{}.{}",
        base64url(header.to_string().as_bytes()),
        base64url(claims.to_string().as_bytes()),
        random(32)
    )
}

fn random(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    SystemRandom::new().fill(&mut buffer).expect("the operating system gives random bytes");
    base64url(&buffer)
}

/// RFC 4648 section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * position) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::ADA;

    fn strict() -> RealmOptions {
        RealmOptions::default()
    }

    fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
        answer[name].as_str().expect("a token")
    }

    fn rotated(redeemed: Redeemed) -> Value {
        match redeemed {
            Redeemed::Rotated(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn base64url_is_that_of_the_rfc() {
        for (plain, encoded) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")] {
            assert_eq!(base64url(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn using_a_refresh_token_twice_revokes_its_family() {
        let mut tokens = Tokens::default();
        let first = tokens.issue(&ADA, &strict());
        let other = tokens.issue(&ADA, &strict());
        let refresh = text(&first, "refresh_token");
        let second = rotated(tokens.redeem(refresh, Some("key"), &strict()));
        assert!(tokens.owner(text(&second, "access_token")).is_some());
        assert!(matches!(tokens.redeem(refresh, Some("key"), &strict()), Redeemed::Reused));
        assert!(tokens.owner(text(&second, "access_token")).is_none());
        assert!(matches!(tokens.redeem(text(&second, "refresh_token"), None, &strict()), Redeemed::Invalid));
        assert!(tokens.owner(text(&other, "access_token")).is_some());
        assert_eq!(tokens.active_families(), 1);
    }

    #[test]
    fn within_the_grace_a_used_token_brings_the_same_successor() {
        let mut tokens = Tokens::default();
        let options = RealmOptions { grace_uses: Some(1), ..strict() };
        let first = tokens.issue(&ADA, &options);
        let refresh = text(&first, "refresh_token");
        let second = rotated(tokens.redeem(refresh, None, &options));
        assert!(
            matches!(tokens.redeem(refresh, None, &options), Redeemed::InGrace(again) if again == second)
        );
        assert!(matches!(tokens.redeem(refresh, None, &options), Redeemed::Reused));
    }

    #[test]
    fn grace_ends_by_time_by_command_and_with_the_use_of_the_successor() {
        for (seconds, command, successor_is_used) in [(0, false, false), (60, true, false), (60, false, true)]
        {
            let mut tokens = Tokens::default();
            let options = RealmOptions { grace_seconds: Some(seconds), ..strict() };
            let first = tokens.issue(&ADA, &options);
            let second = rotated(tokens.redeem(text(&first, "refresh_token"), None, &options));
            if command {
                tokens.end_grace();
            }
            if successor_is_used {
                rotated(tokens.redeem(text(&second, "refresh_token"), None, &options));
            }
            let again = tokens.redeem(text(&first, "refresh_token"), None, &options);
            assert!(matches!(again, Redeemed::Reused), "{seconds} {command} {successor_is_used}");
        }
    }

    #[test]
    fn only_the_same_idempotency_key_gets_the_same_answer_again() {
        let mut tokens = Tokens::default();
        let options = RealmOptions { idempotent_replay: true, ..strict() };
        let first = tokens.issue(&ADA, &options);
        let refresh = text(&first, "refresh_token");
        let second = rotated(tokens.redeem(refresh, Some("a"), &options));
        assert!(
            matches!(tokens.redeem(refresh, Some("a"), &options), Redeemed::Replayed(again) if again == second)
        );
        assert!(matches!(tokens.redeem(refresh, Some("b"), &options), Redeemed::Reused));
        let third = tokens.issue(&ADA, &options);
        rotated(tokens.redeem(text(&third, "refresh_token"), None, &options));
        assert!(matches!(tokens.redeem(text(&third, "refresh_token"), None, &options), Redeemed::Reused));
    }

    #[test]
    fn without_rotation_a_refresh_token_stays_good_and_the_answer_has_none() {
        let mut tokens = Tokens::default();
        let options = RealmOptions { rotation: false, expires_in: Some(json!("soon")), ..strict() };
        let first = tokens.issue(&ADA, &options);
        for _ in 0..2 {
            let answer = rotated(tokens.redeem(text(&first, "refresh_token"), None, &options));
            assert!(answer.get("refresh_token").is_none());
            assert_eq!(answer["expires_in"], "soon");
        }
        let silent = RealmOptions { omit_expires_in: true, ..options };
        assert!(tokens.issue(&ADA, &silent).get("expires_in").is_none());
    }
}
