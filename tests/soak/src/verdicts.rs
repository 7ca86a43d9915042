//! Whether a session had to end: told from what the server saw and what the plan did.

use test_authority::{Redemption, RefreshSeen};

use crate::plan::{Policy, Server};

/// What can have ended a session of a round.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) server: Server,
    pub(crate) seen: Vec<RefreshSeen>,
    pub(crate) sign_outs: u64,
    /// Refusals that faults put in the server's mouth, and that are believed.
    pub(crate) false_rejections: bool,
    /// Whether the server was told to revoke its tokens.
    pub(crate) revoked: bool,
    /// Whether a session has told the server to.
    pub(crate) logged_out: bool,
    /// Whether the store was told to have lost its key.
    pub(crate) key_lost: bool,
    pub(crate) policy: Policy,
    /// Whether the clocks jumped so far that it may have ended the session.
    pub(crate) policy_passed: bool,
    /// Whether others share the store.
    pub(crate) shared: bool,
    /// Whether answers may have been lost without a trace at the server.
    pub(crate) outages: bool,
}

impl Evidence {
    fn was(&self, redemption: Redemption) -> bool {
        self.seen.iter().any(|seen| seen.redemption == Some(redemption))
    }

    /// Why the session must not have ended for this reason, if so.
    pub(crate) fn against(&self, reason: &str) -> Option<String> {
        let rejected = self.false_rejections || self.was(Redemption::Invalid) || self.was(Redemption::Reused);
        let lost = self.outages || self.seen.iter().any(|seen| !seen.answered);
        let justified = match reason {
            "user" => self.sign_outs > 0,
            "rejected" => rejected,
            "rotation_lost" => rejected && lost,
            "elsewhere" => self.shared,
            "secrets_lost" => self.key_lost,
            "idle_timeout" => self.policy == Policy::Idle && self.policy_passed,
            "lifetime_exceeded" => self.policy == Policy::Lifetime && self.policy_passed,
            _ => false,
        };
        (!justified).then(|| format!("a session ended ({reason}), and nothing in the round justifies it"))
    }

    /// What the server must not have had to say.
    pub(crate) fn of_the_server(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.server == Server::Replay && self.was(Redemption::Reused) {
            wrong.push("a retry was no repetition of the request: its key differed".to_owned());
        }
        let revocable = self.revoked || self.logged_out || self.was(Redemption::Reused);
        if self.was(Redemption::Invalid) && !revocable {
            wrong.push("a refresh token was sent that the server has never issued".to_owned());
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Evidence {
        Evidence {
            server: Server::Strict,
            seen: Vec::new(),
            sign_outs: 0,
            false_rejections: false,
            revoked: false,
            logged_out: false,
            key_lost: false,
            shared: false,
            policy: Policy::None,
            policy_passed: false,
            outages: false,
        }
    }

    fn seen(redemption: Redemption, answered: bool) -> RefreshSeen {
        let mut seen = RefreshSeen::new(None, None);
        (seen.redemption, seen.answered) = (Some(redemption), answered);
        seen
    }

    #[test]
    fn without_a_cause_no_reason_is_justified() {
        for reason in auth_session::SignOutReason::ALL {
            assert!(calm().against(reason.name()).is_some(), "{}", reason.name());
        }
    }

    #[test]
    fn each_reason_has_its_cause() {
        let rejected = Evidence { seen: vec![seen(Redemption::Reused, true)], ..calm() };
        assert!(rejected.against("rejected").is_none());
        assert!(rejected.against("rotation_lost").is_some(), "no answer was lost");
        let lost = Evidence {
            seen: vec![seen(Redemption::Rotated, false), seen(Redemption::Reused, true)],
            ..calm()
        };
        assert!(lost.against("rotation_lost").is_none());
        assert!(Evidence { sign_outs: 1, ..calm() }.against("user").is_none());
        assert!(Evidence { shared: true, ..calm() }.against("elsewhere").is_none());
        assert!(Evidence { key_lost: true, ..calm() }.against("secrets_lost").is_none());
        let jumped = |policy| Evidence { policy, policy_passed: true, ..calm() };
        for (policy, reason) in [(Policy::Idle, "idle_timeout"), (Policy::Lifetime, "lifetime_exceeded")] {
            assert!(jumped(policy).against(reason).is_none());
            assert!(Evidence { policy_passed: false, ..jumped(policy) }.against(reason).is_some());
            assert!(jumped(Policy::None).against(reason).is_some());
        }
    }

    #[test]
    fn a_server_that_replays_never_sees_a_reuse_and_no_server_an_unknown_token() {
        let reused = Evidence { seen: vec![seen(Redemption::Reused, true)], ..calm() };
        assert!(reused.of_the_server().is_empty());
        assert_eq!(Evidence { server: Server::Replay, ..reused }.of_the_server().len(), 1);
        let invalid = Evidence { seen: vec![seen(Redemption::Invalid, true)], ..calm() };
        assert_eq!(invalid.of_the_server().len(), 1);
        assert!(Evidence { revoked: true, ..invalid }.of_the_server().is_empty());
    }
}
