//! What callers got, and who must have got a 200: where nothing went wrong that a caller may feel, nothing else will do.

use std::fmt;
use std::time::{Duration, Instant};

use test_authority::RefreshSeen;

use crate::plan::{Action, Endpoint, Errand, Plan, ProcessAct};

/// In good weather, whoever waits for so long gets its answer: it takes milliseconds on an idle machine, and up to one and a
/// half seconds when four rounds of eighty callers, unoptimised, get what somebody's compiler leaves of two cores.
const PROMPT: Duration = Duration::from_secs(2);
/// A request may be held for a quarter of a second, and so may the refresh that it needs, each before and after the server
/// acts; and the request once more with the new token.
const PROMPT_WITH_HOLDS: Duration = Duration::from_secs(3);
/// Before it is sent for a second time, a request whose connection broke pauses for up to a quarter of a second, and
/// before the third time for up to half of one.
const PAUSES: Duration = Duration::from_millis(750);
/// So many refreshes in half a minute, more than a round, whose tokens are refused when they are first used: then the
/// session believes that refreshing cures nothing, and hands on the refusals.
const USELESS: usize = 5;
/// An answer that the server has handed over may not have been read yet.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Status(u16),
    /// The code of an error.
    Error(String),
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Error(code) => f.write_str(code),
        }
    }
}

/// What became of a caller that nobody cancelled.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) made: Instant,
    pub(crate) ended: Instant,
    /// For how much of that time nothing could run.
    pub(crate) stalled: Duration,
    pub(crate) deadline: Duration,
    pub(crate) errand: Errand,
    pub(crate) got: Got,
    /// What an error says of itself.
    pub(crate) text: String,
}

/// What a caller of a round may have felt.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// When it first was foul; it never clears up entirely, because of what is remembered: a backoff, a session that has
    /// ended, a store that is behind.
    pub(crate) foul_since: Option<Instant>,
    pub(crate) holds: bool,
    /// From when to when access tokens were made to expire.
    pub(crate) expiries: Vec<(Instant, Instant)>,
    pub(crate) refreshes: Vec<RefreshSeen>,
    /// How many requests for resources were struck by a fault: each may have spoilt one answer.
    pub(crate) strikes: u64,
    /// Whether there were bodies. A server that refuses one before it has read it closes the connection, and the
    /// reset that the rest of the body meets can overtake the answer, or strike whoever takes the connection from the pool.
    pub(crate) bodies: bool,
    /// Whether a token of the store that a session finds may have expired as well as its own.
    pub(crate) shared: bool,
}

/// Whether callers may feel it, and those who come later too. Not so: what hits sign-ins alone, and what is counted by its
/// strikes.
pub(crate) fn is_foul(action: &Action) -> bool {
    match action {
        Action::Fault { endpoint, .. } => *endpoint == Endpoint::Refresh,
        Action::Offline { .. }
        | Action::ClockJump { .. }
        | Action::RevokeRefreshTokens
        | Action::SignIn { .. }
        | Action::SignOut { .. }
        | Action::Suspend
        | Action::StoreFault { .. } => true,
        Action::Process { act, .. } => !matches!(
            act,
            ProcessAct::Callers { .. }
                | ProcessAct::SignInAgain
                | ProcessAct::Resume
                | ProcessAct::StoreGoesOn
                | ProcessAct::GoOn
        ),
        _ => false,
    }
}

pub(crate) fn has_holds(plan: &Plan) -> bool {
    plan.has(|action| matches!(action, Action::Hold { .. }))
}

pub(crate) fn has_bodies(plan: &Plan) -> bool {
    plan.has(|action| {
        matches!(action, Action::Callers { errand: Errand::Echo { .. } | Errand::EchoStream { .. }, .. })
    })
}

impl Weather {
    fn prompt(&self) -> Duration {
        if self.holds { PROMPT_WITH_HOLDS } else { PROMPT }
    }

    /// Whether nothing that happened can be why this caller did not get a 200.
    fn demands_200(&self, outcome: &Outcome) -> bool {
        let was_fair = self.foul_since.is_none_or(|since| outcome.ended < since);
        let is_excused = match &outcome.got {
            Got::Error(code) if code == "timeout" => outcome.deadline < self.prompt() + outcome.stalled,
            Got::Error(code) if code == "network" => self.may_be_broken(outcome),
            Got::Status(401) => self.may_be_refused(outcome),
            _ => false,
        };
        was_fair && !is_excused
    }

    /// Only what is safe to repeat is sent again when its connection breaks, and only if there is time for the pause.
    fn may_be_broken(&self, outcome: &Outcome) -> bool {
        let was_refused = self.bodies && self.expiries.iter().any(|(from, _)| *from <= outcome.ended);
        let is_repeated = matches!(outcome.errand, Errand::Me | Errand::Streaming);
        let had_time = outcome.ended - outcome.made + PAUSES < outcome.deadline;
        was_refused && !(is_repeated && had_time)
    }

    /// A request is sent twice at most: a fresh token that expires before it is used gets its caller a 401.
    fn may_be_refused(&self, outcome: &Outcome) -> bool {
        let mut before = self.expiries.iter().filter(|(from, _)| *from <= outcome.ended);
        // A streamed body is not sent again.
        if matches!(outcome.errand, Errand::EchoStream { .. }) {
            return before.next().is_some();
        }
        if self.is_believed_useless(outcome.ended) || self.shared && before.clone().count() > 1 {
            return true;
        }
        before.any(|(_, until)| {
            let expired_on_its_way = |refresh: &RefreshSeen| {
                let unread = refresh.ended.is_none_or(|ended| ended + ON_ITS_WAY >= outcome.made);
                unread && refresh.arrived <= *until
            };
            *until >= outcome.made || self.refreshes.iter().any(expired_on_its_way)
        })
    }

    fn is_believed_useless(&self, moment: Instant) -> bool {
        let was_refused_at_first = |refresh: &&RefreshSeen| {
            let used = refresh.successor_used.filter(|used| *used <= moment);
            used.is_some_and(|used| {
                self.expiries.iter().any(|(from, until)| *until >= refresh.arrived && *from <= used)
            })
        };
        self.refreshes.iter().filter(was_refused_at_first).count() >= USELESS
    }

    /// How many callers were owed a 200, and what those got who got something else.
    pub(crate) fn judge(&self, outcomes: &[Outcome]) -> (u64, Vec<String>) {
        let owed: Vec<&Outcome> = outcomes.iter().filter(|outcome| self.demands_200(outcome)).collect();
        let cheated: Vec<&&Outcome> = owed.iter().filter(|outcome| outcome.got != Got::Status(200)).collect();
        let count = owed.len() as u64;
        let mut wrong = self.odd_statuses(outcomes);
        if cheated.len() as u64 <= self.strikes {
            return (count, wrong);
        }
        let text = |outcome: &&&Outcome| {
            format!(
                "although nothing had gone wrong, {:?} with {} ms got {} after {} ms, {} of them stalled {}",
                outcome.errand,
                outcome.deadline.as_millis(),
                outcome.got,
                (outcome.ended - outcome.made).as_millis(),
                outcome.stalled.as_millis(),
                outcome.text,
            )
        };
        wrong.extend(cheated.iter().map(text));
        (count, wrong)
    }

    /// Whatever the weather: by itself the server says 200, or 401 to a token that is no good.
    fn odd_statuses(&self, outcomes: &[Outcome]) -> Vec<String> {
        let is_odd = |outcome: &&Outcome| !matches!(outcome.got, Got::Status(200 | 401) | Got::Error(_));
        let odd: Vec<String> =
            outcomes.iter().filter(is_odd).map(|outcome| outcome.got.to_string()).collect();
        let unexplained = odd.len() as u64 > self.strikes;
        unexplained
            .then(|| format!("{} faults struck resources, and callers got {}", self.strikes, odd.join(", ")))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use auth_session::{StoreFault, StoreOperation};

    use super::*;
    use crate::plan::User;

    fn fair() -> Weather {
        Weather {
            foul_since: None,
            holds: false,
            expiries: Vec::new(),
            refreshes: Vec::new(),
            strikes: 0,
            bodies: false,
            shared: false,
        }
    }

    struct Scene(Instant);

    impl Scene {
        fn at(&self, ms: u64) -> Instant {
            self.0 + Duration::from_millis(ms)
        }

        /// Made after 1000 ms, over after 1100.
        fn caller(&self, deadline_ms: u64, got: Got) -> Outcome {
            let deadline = Duration::from_millis(deadline_ms);
            Outcome {
                made: self.at(1000),
                ended: self.at(1100),
                stalled: Duration::ZERO,
                deadline,
                errand: Errand::Me,
                got,
                text: String::new(),
            }
        }

        fn expired(&self, ms: u64) -> Vec<(Instant, Instant)> {
            vec![(self.at(ms), self.at(ms + 1))]
        }
    }

    fn error(code: &str) -> Got {
        Got::Error(code.into())
    }

    fn findings(weather: &Weather, outcome: Outcome) -> usize {
        weather.judge(&[outcome]).1.len()
    }

    #[test]
    fn in_good_weather_nothing_will_do_but_a_200_or_the_deadline_of_the_hasty() {
        let scene = Scene(Instant::now());
        for got in [Got::Status(401), error("signed_out"), error("network"), error("timeout")] {
            assert_eq!(findings(&fair(), scene.caller(3000, got)), 1);
        }
        assert_eq!(findings(&fair(), scene.caller(3000, Got::Status(200))), 0);
        assert_eq!(findings(&fair(), scene.caller(50, error("timeout"))), 0);
        assert_eq!(findings(&fair(), scene.caller(50, error("network"))), 1);
        let stalled =
            |ms| Outcome { stalled: Duration::from_millis(ms), ..scene.caller(3000, error("timeout")) };
        assert_eq!((findings(&fair(), stalled(1000)), findings(&fair(), stalled(2500))), (1, 0));
        let holds = Weather { holds: true, ..fair() };
        assert_eq!(findings(&holds, scene.caller(2500, error("timeout"))), 0);
        assert_eq!(findings(&holds, scene.caller(3000, error("timeout"))), 1);
    }

    #[test]
    fn who_was_done_before_it_got_foul_is_owed_a_200() {
        let scene = Scene(Instant::now());
        for (since, count) in [(1050, 0), (1150, 1)] {
            let weather = Weather { foul_since: Some(scene.at(since)), ..fair() };
            assert_eq!(findings(&weather, scene.caller(3000, error("signed_out"))), count);
        }
    }

    #[test]
    fn a_fault_spoils_no_more_answers_than_it_has_struck_requests() {
        let scene = Scene(Instant::now());
        let struck = Weather { strikes: 1, ..fair() };
        let two = [scene.caller(3000, Got::Status(503)), scene.caller(3000, Got::Status(503))];
        assert_eq!(struck.judge(&two[..1]), (1, Vec::new()));
        assert_eq!(struck.judge(&two).1.len(), 3, "both callers, and their statuses");
        let refused = [scene.caller(3000, Got::Status(401)), scene.caller(3000, error("network"))];
        assert_eq!(struck.judge(&refused).1.len(), 2);
        let foul = Weather { foul_since: Some(scene.at(0)), ..fair() };
        assert_eq!(findings(&foul, scene.caller(3000, Got::Status(503))), 1, "whatever the weather");
        assert_eq!(findings(&foul, scene.caller(3000, Got::Status(401))), 0);
    }

    #[test]
    fn a_401_is_for_who_met_a_token_that_expired_before_it_could_be_used() {
        let scene = Scene(Instant::now());
        let refused = || scene.caller(3000, Got::Status(401));
        for (at, count) in [(500, 1), (1050, 0), (1200, 1)] {
            assert_eq!(
                findings(&Weather { expiries: scene.expired(at), ..fair() }, refused()),
                count,
                "{at}"
            );
        }
        let mut refresh = RefreshSeen::new(None, None);
        (refresh.arrived, refresh.ended) = (scene.at(400), Some(scene.at(600)));
        let on_its_way =
            |at| Weather { expiries: scene.expired(at), refreshes: vec![refresh.clone()], ..fair() };
        assert_eq!(findings(&on_its_way(500), refused()), 0);
        assert_eq!(findings(&on_its_way(300), refused()), 1, "what it brought is newer");
        let streamed = Outcome { errand: Errand::EchoStream { bytes: 1 }, ..refused() };
        assert_eq!(findings(&Weather { expiries: scene.expired(500), ..fair() }, streamed.clone()), 0);
        assert_eq!(findings(&fair(), streamed), 1);
        let twice = [scene.expired(300), scene.expired(500)].concat();
        assert_eq!(findings(&Weather { expiries: twice.clone(), ..fair() }, refused()), 1);
        assert_eq!(findings(&Weather { expiries: twice, shared: true, ..fair() }, refused()), 0);
    }

    #[test]
    fn when_five_fresh_tokens_were_refused_at_once_refusals_go_to_the_callers() {
        let scene = Scene(Instant::now());
        let refreshes = |used: u64| {
            let one = |number: u64| {
                let mut refresh = RefreshSeen::new(None, None);
                refresh.arrived = scene.at(number * 100);
                refresh.ended = Some(scene.at(number * 100 + 1));
                refresh.successor_used = Some(scene.at(number * 100 + used));
                refresh
            };
            (0..5).map(one).collect::<Vec<_>>()
        };
        let expiries: Vec<_> = (0..5).flat_map(|number| scene.expired(number * 100 + 10)).collect();
        let late =
            Outcome { made: scene.at(3000), ended: scene.at(3010), ..scene.caller(3000, Got::Status(401)) };
        let weather = |used| Weather { refreshes: refreshes(used), expiries: expiries.clone(), ..fair() };
        assert_eq!(findings(&weather(20), late.clone()), 0);
        assert_eq!(findings(&weather(5), late.clone()), 1, "they were used before they expired");
        let four = Weather { refreshes: refreshes(20).split_off(1), ..weather(20) };
        assert_eq!(findings(&four, late), 1);
    }

    #[test]
    fn a_connection_breaks_for_a_body_that_is_refused_and_for_who_is_not_repeated_and_meets_it() {
        let scene = Scene(Instant::now());
        let of = |errand, deadline_ms| Outcome { errand, ..scene.caller(deadline_ms, error("network")) };
        let streamed = Weather { bodies: true, expiries: scene.expired(500), ..fair() };
        for (errand, deadline_ms, count) in [
            (Errand::EchoStream { bytes: 1 }, 3000, 0),
            (Errand::Echo { bytes: 1 }, 3000, 0),
            (Errand::Me, 3000, 1),
            (Errand::Me, 800, 0),
            (Errand::Me, 900, 1),
        ] {
            assert_eq!(findings(&streamed, of(errand, deadline_ms)), count, "{errand:?}");
            assert_eq!(
                findings(&Weather { expiries: Vec::new(), ..streamed.clone() }, of(errand, deadline_ms)),
                1
            );
            assert_eq!(findings(&Weather { bodies: false, ..streamed.clone() }, of(errand, deadline_ms)), 1);
        }
    }

    #[test]
    fn what_touches_the_session_is_foul_and_what_an_app_does_every_day_is_not() {
        let process = |act| Action::Process { number: 0, act };
        let fault = |endpoint| Action::Fault { endpoint, after: true, name: "a 500", times: 1 };
        for action in [
            Action::Suspend,
            Action::SignOut { cancelled_after_ms: None },
            Action::StoreFault { operation: StoreOperation::Load, fault: StoreFault::Fail, times: 1 },
            fault(Endpoint::Refresh),
            process(ProcessAct::Kill),
            process(ProcessAct::SignOut),
        ] {
            assert!(is_foul(&action), "{action:?}");
        }
        for action in [
            Action::Reopen,
            Action::NetworkChanged,
            Action::ExpireAccessTokens,
            Action::SignInAgain { user: User::Ada },
            fault(Endpoint::Resource),
            process(ProcessAct::Callers { count: 1 }),
        ] {
            assert!(!is_foul(&action), "{action:?}");
        }
    }
}
