//! Who may be signed in when: told from the calls that began and ended sessions, whatever the threads did between.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::User;

/// Moments in the order in which they happened.
pub(crate) type Tick = u64;

#[derive(Debug, Default)]
pub(crate) struct Ticks(AtomicU64);

impl Ticks {
    pub(crate) fn now(&self) -> Tick {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// A call that signs somebody in, or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// `None`: out.
    pub(crate) user: Option<User>,
    pub(crate) called: Tick,
    /// Its future had been polled once: what it begins with had happened.
    pub(crate) begun: Option<Tick>,
    /// It returned and had taken effect.
    pub(crate) done: Option<Tick>,
    /// It returned and had not.
    pub(crate) failed: bool,
    /// In another process.
    pub(crate) elsewhere: bool,
}

impl Change {
    pub(crate) fn called(user: Option<User>, called: Tick) -> Self {
        Self { user, called, begun: None, done: None, failed: false, elsewhere: false }
    }
}

/// A request from its making to its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) made: Tick,
    /// It had been polled once: from here on it belongs to a session.
    pub(crate) begun: Tick,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History(pub(crate) Vec<Change>);

impl History {
    /// Whether a request may have been answered in the name of this user: there is a sign-in that was called before the
    /// request had begun, and after which nothing else had certainly taken effect when the request was made.
    pub(crate) fn may_answer(&self, user: User, asked: Asked) -> bool {
        self.0.iter().any(|signed_in| {
            signed_in.user == Some(user)
                && !signed_in.failed
                && signed_in.called < asked.begun
                && !self.0.iter().any(|later| supersedes(later, signed_in, asked.made))
        })
    }

    /// Whether nobody can be signed in: a sign-out came after every sign-in had begun.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.0.iter().any(|out| {
            out.user.is_none()
                && out.begun.is_some()
                && self
                    .0
                    .iter()
                    .filter(|change| change.user.is_some() && !change.failed)
                    .all(|sign_in| sign_in.begun.is_some_and(|begun| begun < out.called))
        })
    }

    /// The same across processes, where a sign-in that had begun before a sign-out may end after it.
    pub(crate) fn is_signed_out_for_all(&self) -> bool {
        self.0.iter().any(|out| {
            out.user.is_none()
                && out.done.is_some()
                && self
                    .0
                    .iter()
                    .filter(|change| change.user.is_some() && !change.failed)
                    .all(|sign_in| sign_in.done.is_some_and(|done| done < out.called))
        })
    }

    /// Who must be signed in, unless something has ended the session: no other sign-in or sign-out was under way when
    /// this one was, nor came after it.
    pub(crate) fn must_be(&self) -> Option<User> {
        let last = self.0.iter().filter(|change| change.user.is_some()).max_by_key(|change| change.called)?;
        last.done?;
        let alone = self.0.iter().all(|other| {
            other.called == last.called || other.failed || other.done.is_some_and(|done| done < last.called)
        });
        last.user.filter(|_| alone)
    }
}

fn supersedes(later: &Change, signed_in: &Change, made: Tick) -> bool {
    let Some(done) = later.done else { return false };
    let settled = signed_in.done.is_some_and(|done| done < later.called);
    // A sign-out makes a sign-in that has begun before it worthless, whenever that ends.
    let void = later.user.is_none() && signed_in.begun.is_some_and(|begun| begun < later.called);
    // What another process has done is met at the next refresh: until then the token at hand is used.
    !later.elsewhere && later.user != signed_in.user && done < made && (settled || void)
}

#[cfg(test)]
mod tests {
    use super::*;
    use User::{Ada, Bob};

    fn done(user: Option<User>, called: Tick, done: Tick) -> Change {
        Change { begun: Some(called + 1), done: Some(done), ..Change::called(user, called) }
    }

    fn asked(made: Tick, begun: Tick) -> Asked {
        Asked { made, begun }
    }

    #[test]
    fn a_request_is_answered_for_who_was_signed_in_when_it_began_and_for_nobody_who_came_later() {
        let history = History(vec![done(Some(Ada), 1, 5), done(Some(Bob), 20, 25)]);
        assert!(history.may_answer(Ada, asked(10, 11)));
        assert!(!history.may_answer(Bob, asked(10, 11)), "Bob had not signed in yet");
        assert!(history.may_answer(Ada, asked(19, 22)) && history.may_answer(Bob, asked(19, 22)));
        assert!(!history.may_answer(Ada, asked(26, 27)), "Ada was not signed in any more");
        assert!(history.may_answer(Bob, asked(26, 27)));
    }

    #[test]
    fn after_a_sign_out_nobody_is_answered_until_somebody_signs_in() {
        let history = History(vec![done(Some(Ada), 1, 5), done(None, 10, 12)]);
        assert!(history.may_answer(Ada, asked(9, 11)));
        assert!(!history.may_answer(Ada, asked(13, 14)));
        assert!(history.is_signed_out());
        let again = History([history.0, vec![done(Some(Ada), 20, 22)]].concat());
        assert!(again.may_answer(Ada, asked(23, 24)) && !again.is_signed_out());
    }

    #[test]
    fn a_sign_in_that_had_begun_before_a_sign_out_never_takes_effect_after_it() {
        let slow = Change { done: None, ..done(Some(Bob), 8, 0) };
        let history = History(vec![done(Some(Ada), 1, 5), slow, done(None, 10, 12)]);
        assert!(history.is_signed_out());
        assert!(!history.may_answer(Bob, asked(13, 14)));
    }

    #[test]
    fn a_sign_in_and_a_sign_out_at_once_may_end_either_way() {
        let history = History(vec![Change { begun: Some(13), ..done(Some(Ada), 9, 14) }, done(None, 10, 12)]);
        assert!(!history.is_signed_out());
        assert!(history.may_answer(Ada, asked(15, 16)));
        assert_eq!(history.must_be(), None);
    }

    #[test]
    fn across_processes_a_sign_in_that_ends_after_a_sign_out_may_stand() {
        let slow = Change { done: Some(15), ..done(Some(Ada), 8, 0) };
        assert!(!History(vec![slow, done(None, 10, 12)]).is_signed_out_for_all());
        assert!(History(vec![done(Some(Ada), 1, 5), done(None, 10, 12)]).is_signed_out_for_all());
        assert!(!History(vec![done(Some(Ada), 1, 5), Change::called(None, 10)]).is_signed_out_for_all());
    }

    #[test]
    fn a_sign_out_in_another_process_need_not_be_known_yet() {
        let elsewhere = Change { elsewhere: true, ..done(None, 10, 12) };
        assert!(History(vec![done(Some(Ada), 1, 5), elsewhere]).may_answer(Ada, asked(13, 14)));
    }

    #[test]
    fn who_signed_in_last_and_alone_must_be_signed_in() {
        assert_eq!(History(vec![done(Some(Ada), 1, 5), done(Some(Bob), 10, 12)]).must_be(), Some(Bob));
        assert_eq!(History(vec![done(Some(Ada), 1, 5), done(None, 10, 12)]).must_be(), None);
        let failed = Change { failed: true, ..Change::called(Some(Bob), 10) };
        assert_eq!(History(vec![done(Some(Ada), 1, 5), failed]).must_be(), None);
    }
}
