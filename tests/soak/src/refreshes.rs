//! Whether a session has refreshed more often than it must: told from what the server saw.

use std::time::{Duration, Instant};

use test_authority::{Redemption, RefreshSeen};

/// For so long before an outage an answer that the server has handed over may not have arrived: its bytes are still on
/// their way, and the busy client has not read them.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// A process that was killed.
#[derive(Clone, Debug)]
pub(crate) struct Kill {
    /// What its refresh requests were marked with.
    pub(crate) client: String,
    /// Not later than it died.
    pub(crate) at: Instant,
}

/// What else there is to know about a round.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    pub(crate) rotation: bool,
    /// When connections were cut.
    pub(crate) outages: Vec<Instant>,
    /// What they had got and not saved is lost.
    pub(crate) kills: Vec<Kill>,
    /// Whether a good access token may have looked bad to the client: clocks that jumped, refusals by faults.
    pub(crate) other_causes: bool,
    /// Whether a rejection may have been disbelieved: the store could not be read.
    pub(crate) store_unreadable: bool,
}

impl Circumstances {
    /// Whether the answer may have been lost on its way.
    fn may_be_lost(&self, earlier: &RefreshSeen, later: &RefreshSeen) -> bool {
        let ended = earlier.ended.unwrap_or(earlier.arrived);
        let cut = |outage: &&Instant| **outage >= earlier.arrived && **outage <= ended + ON_ITS_WAY;
        !earlier.answered || self.outages.iter().any(|outage| cut(&outage)) || self.was_killed(earlier, later)
    }

    /// Whether the one process was dead before the other one began: the earlier request's sender, with all that it
    /// had got, before the later arrived; or the later one's before the earlier arrived, and its request, which it sent
    /// when it lived, has been overtaken.
    fn was_killed(&self, earlier: &RefreshSeen, later: &RefreshSeen) -> bool {
        let before = |sender: &RefreshSeen, moment: Instant| {
            self.kills.iter().any(|kill| sender.client.as_ref() == Some(&kill.client) && kill.at <= moment)
        };
        before(earlier, later.arrived) || earlier.client != later.client && before(later, earlier.arrived)
    }
}

/// Each refresh request that should not have been sent, and why.
pub(crate) fn surplus(seen: &[RefreshSeen], circumstances: &Circumstances) -> Vec<String> {
    let mut surplus = Vec::new();
    for (number, later) in seen.iter().enumerate() {
        let earlier: Vec<&RefreshSeen> =
            seen[..number].iter().filter(|earlier| earlier.token == later.token).collect();
        let why = earlier.iter().find_map(|earlier| {
            let why = why_not(earlier, later, circumstances)?;
            Some(format!(
                "{} ms after another one: {why}",
                later.arrived.duration_since(earlier.arrived).as_millis()
            ))
        });
        let why = why.or_else(|| {
            is_needless(later, &earlier, circumstances).then(|| "the access token was still good".into())
        });
        if let Some(why) = why {
            let redemption =
                later.redemption.map_or("not looked at".into(), |redemption| format!("{redemption:?}"));
            surplus.push(format!("refresh {} ({redemption}): {why}", number + 1));
        }
    }
    surplus
}

/// Why this request should not have been sent after that one with the same refresh token.
fn why_not(
    earlier: &RefreshSeen,
    later: &RefreshSeen,
    circumstances: &Circumstances,
) -> Option<&'static str> {
    let brought = |seen: &RefreshSeen| {
        matches!(seen.redemption, Some(Redemption::Rotated | Redemption::Replayed | Redemption::InGrace))
    };
    if earlier.ended.is_none_or(|ended| ended > later.arrived) && !circumstances.was_killed(earlier, later) {
        return Some("another one with the same token was on its way");
    }
    if !circumstances.rotation {
        return None;
    }
    if earlier.successor_used.is_some_and(|used| used < later.arrived)
        && !circumstances.was_killed(earlier, later)
    {
        return Some("its successor had been used");
    }
    if circumstances.may_be_lost(earlier, later) {
        return None;
    }
    if brought(earlier) {
        return Some("the answer to an earlier one had arrived");
    }
    (earlier.redemption.is_some() && !circumstances.store_unreadable).then_some("the token had been rejected")
}

fn is_needless(later: &RefreshSeen, earlier: &[&RefreshSeen], circumstances: &Circumstances) -> bool {
    // Without rotation a lost answer leaves a good access token that nobody has.
    let unheard = earlier.iter().any(|earlier| circumstances.may_be_lost(earlier, later));
    later.was_needless
        && later.redemption == Some(Redemption::Rotated)
        && !circumstances.other_causes
        && (circumstances.rotation || !unheard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Circumstances {
        Circumstances {
            rotation: true,
            outages: Vec::new(),
            kills: Vec::new(),
            other_causes: false,
            store_unreadable: false,
        }
    }

    struct Scene(Instant);

    impl Scene {
        fn at(&self, ms: u64) -> Instant {
            self.0 + Duration::from_millis(ms)
        }

        fn seen(&self, arrived: u64, ended: Option<u64>, redemption: Redemption) -> RefreshSeen {
            let mut seen = RefreshSeen::new(Some("token".into()), None);
            seen.arrived = self.at(arrived);
            seen.ended = ended.map(|ended| self.at(ended));
            seen.redemption = Some(redemption);
            seen.answered = ended.is_some();
            seen
        }
    }

    fn scene() -> Scene {
        Scene(Instant::now())
    }

    #[test]
    fn the_same_token_twice_is_surplus_unless_the_answer_was_lost() {
        let scene = scene();
        let first = scene.seen(0, Some(10), Redemption::Rotated);
        let again = scene.seen(50, Some(60), Redemption::Reused);
        assert_eq!(surplus(&[first.clone(), again.clone()], &calm()).len(), 1);
        let lost = RefreshSeen { answered: false, ..first.clone() };
        assert!(surplus(&[lost, again.clone()], &calm()).is_empty());
        let outage = Circumstances { outages: vec![scene.at(12)], ..calm() };
        assert!(surplus(&[first.clone(), again.clone()], &outage).is_empty());
    }

    #[test]
    fn a_kill_excuses_nobody_but_who_was_killed() {
        let scene = scene();
        let of = |client: &str, seen: RefreshSeen| RefreshSeen { client: Some(client.into()), ..seen };
        let first = of("1", scene.seen(20, Some(30), Redemption::Rotated));
        let again = of("2", scene.seen(50, Some(60), Redemption::Reused));
        let killed = |client: &str, ms| {
            let kills = vec![Kill { client: client.into(), at: scene.at(ms) }];
            surplus(&[first.clone(), again.clone()], &Circumstances { kills, ..calm() }).len()
        };
        assert_eq!(killed("1", 40), 0, "what it had got was lost");
        assert_eq!(killed("1", 55), 1, "it lived when the other one sent");
        assert_eq!(killed("2", 10), 0, "it had sent before the first began, and died");
        assert_eq!(killed("2", 40), 1, "it had not been overtaken: it lived when the first arrived");
        assert_eq!(killed("3", 40), 1, "who else was killed has nothing to do with it");
        let nameless = [RefreshSeen { client: None, ..first.clone() }, again.clone()];
        let kills = vec![Kill { client: "1".into(), at: scene.at(40) }];
        assert_eq!(surplus(&nameless, &Circumstances { kills, ..calm() }).len(), 1);
    }

    #[test]
    fn two_at_once_are_surplus_whatever_becomes_of_them() {
        let scene = scene();
        for ended in [None, Some(100)] {
            let first = RefreshSeen { answered: false, ..scene.seen(0, ended, Redemption::Rotated) };
            let second = scene.seen(50, Some(60), Redemption::Reused);
            assert_eq!(surplus(&[first, second], &calm()).len(), 1);
        }
    }

    #[test]
    fn a_token_whose_successor_was_used_is_surplus_even_after_an_outage() {
        let scene = scene();
        let mut first = RefreshSeen { answered: false, ..scene.seen(0, Some(10), Redemption::Rotated) };
        first.successor_used = Some(scene.at(20));
        let again = scene.seen(50, Some(60), Redemption::Reused);
        let outage = Circumstances { outages: vec![scene.at(5)], ..calm() };
        assert_eq!(surplus(&[first, again], &outage).len(), 1);
    }

    #[test]
    fn a_refresh_of_a_good_access_token_is_surplus_unless_the_client_could_not_know() {
        let scene = scene();
        let needless = RefreshSeen { was_needless: true, ..scene.seen(0, Some(10), Redemption::Rotated) };
        assert_eq!(surplus(std::slice::from_ref(&needless), &calm()).len(), 1);
        let jumped = Circumstances { other_causes: true, ..calm() };
        assert!(surplus(&[needless], &jumped).is_empty());
    }

    #[test]
    fn without_rotation_a_token_is_used_again_and_again_but_not_twice_at_once_nor_without_need() {
        let scene = scene();
        let constant = Circumstances { rotation: false, ..calm() };
        let one = scene.seen(0, Some(10), Redemption::Rotated);
        let two = scene.seen(20, Some(30), Redemption::Rotated);
        assert!(surplus(&[one.clone(), two.clone()], &constant).is_empty());
        let at_once = RefreshSeen { arrived: scene.at(5), ..two.clone() };
        assert_eq!(surplus(&[one.clone(), at_once], &constant).len(), 1);
        let needless = RefreshSeen { was_needless: true, ..two };
        assert_eq!(surplus(&[one.clone(), needless.clone()], &constant).len(), 1);
        let unheard = RefreshSeen { answered: false, ..one };
        assert!(surplus(&[unheard, needless], &constant).is_empty());
    }

    #[test]
    fn a_rejected_token_is_sent_again_only_if_the_store_could_not_tell_whether_it_is_the_newest() {
        let scene = scene();
        let rejected = scene.seen(0, Some(10), Redemption::Invalid);
        let again = scene.seen(20, Some(30), Redemption::Invalid);
        assert_eq!(surplus(&[rejected.clone(), again.clone()], &calm()).len(), 1);
        let unreadable = Circumstances { store_unreadable: true, ..calm() };
        assert!(surplus(&[rejected, again], &unreadable).is_empty());
    }
}
