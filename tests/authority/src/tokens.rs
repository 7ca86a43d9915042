//! Who holds which tokens: grants with rotation and reuse detection.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

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
    alive: bool,
}

#[derive(Debug)]
struct Refresh {
    family: usize,
    used: bool,
    revoked: bool,
}

#[derive(Debug)]
struct Access {
    family: usize,
    expired: bool,
}

/// What a refresh token turned out to be.
pub(crate) enum Redeemed {
    Rotated(Value),
    Invalid,
    /// It had been used before: its family is revoked.
    Reused,
}

impl Tokens {
    /// Starts a family and answers like a token endpoint.
    pub(crate) fn issue(&mut self, expires_in: u64) -> Value {
        self.families.push(Family { alive: true });
        self.issue_in(self.families.len() - 1, expires_in)
    }

    fn issue_in(&mut self, family: usize, expires_in: u64) -> Value {
        let (access, refresh) = (access_token(expires_in), random(32));
        self.access.insert(access.clone(), Access { family, expired: false });
        self.refresh.insert(refresh.clone(), Refresh { family, used: false, revoked: false });
        json!({
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": expires_in,
            "token_type": "Bearer",
        })
    }

    pub(crate) fn redeem(&mut self, refresh_token: &str, expires_in: u64) -> Redeemed {
        let Some(token) = self.refresh.get_mut(refresh_token) else { return Redeemed::Invalid };
        let family = token.family;
        if token.revoked || !self.families[family].alive {
            return Redeemed::Invalid;
        }
        if std::mem::replace(&mut token.used, true) {
            self.families[family].alive = false;
            return Redeemed::Reused;
        }
        Redeemed::Rotated(self.issue_in(family, expires_in))
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

    pub(crate) fn accepts(&self, access_token: &str) -> bool {
        self.access.get(access_token).is_some_and(|token| !token.expired && self.families[token.family].alive)
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
fn access_token(expires_in: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let header = json!({"alg": "RS256", "typ": "at+jwt"});
    let claims = json!({"sub": "u1", "name": "Ada", "iat": now, "exp": now + expires_in});
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

    #[test]
    fn base64url_is_that_of_the_rfc() {
        for (plain, encoded) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")] {
            assert_eq!(base64url(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn using_a_refresh_token_twice_revokes_its_family() {
        let mut tokens = Tokens::default();
        let first = tokens.issue(60);
        let other = tokens.issue(60);
        let refresh = first["refresh_token"].as_str().expect("a token").to_owned();
        let Redeemed::Rotated(second) = tokens.redeem(&refresh, 60) else { panic!("the first use is fine") };
        assert!(tokens.accepts(second["access_token"].as_str().expect("a token")));
        assert!(matches!(tokens.redeem(&refresh, 60), Redeemed::Reused));
        assert!(!tokens.accepts(second["access_token"].as_str().expect("a token")));
        let second = second["refresh_token"].as_str().expect("a token");
        assert!(matches!(tokens.redeem(second, 60), Redeemed::Invalid));
        assert!(tokens.accepts(other["access_token"].as_str().expect("a token")));
        assert_eq!(tokens.active_families(), 1);
    }
}
