//! What counts as right, and in which words what is wrong is said: by consequences that every client has in common. The
//! rules in prose are in `tests/peers/README.md`.

/// What kind of thing went wrong. One defect of a client shows in many rows, so that its causes say more of it than the
/// number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    SignedOut,
    Revived,
    NotTheirs,
    RedirectFollowed,
    SpentTokenUsed,
    NotAnswered,
    Hanging,
    Waiting,
    SessionEndUnseen,
    CarriedOut,
    ServerSession,
    NeedlessRefresh,
    NeedlessRequest,
    Loop,
    Broken,
}

impl Cause {
    /// For the page.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::SignedOut => "the user is signed out of a session that goes on",
            Self::Revived => "the user is signed in again after signing out",
            Self::NotTheirs => "a request succeeds in a session that is not its own",
            Self::RedirectFollowed => "the refresh token follows a redirect",
            Self::SpentTokenUsed => "a spent refresh token is used again",
            Self::NotAnswered => "callers do not get the answer that is due",
            Self::Hanging => "callers hang",
            Self::Waiting => "callers are held up by a refresh",
            Self::SessionEndUnseen => "the end of the session is not seen",
            Self::CarriedOut => "requests are carried out too often or not at all",
            Self::ServerSession => "the server's session is over or left behind",
            Self::NeedlessRefresh => "a refresh too many",
            Self::NeedlessRequest => "requests too many",
            Self::Loop => "the same request over and over",
            Self::Broken => "commands fail",
        }
    }
}

/// Something that went wrong, in few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) cause: Cause,
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }
}

/// How a request came back to its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// With an answer of the server, whether the client throws it or not.
    Status(u16),
    /// With an error, in the client's words.
    Failed(String),
}

/// How requests are to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// With an answer of this status.
    Answer(u16),
    /// Anyhow, but not with a success.
    Failure,
    /// Anyhow: where a failure is due to what a client cannot know, or one that refreshes once more does no harm, the
    /// server's counters say what went wrong.
    Anything,
}

/// What has become of the session since requests were begun that must not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    Nothing,
    SignedOut,
    SignedInAgain,
}

/// What went wrong with `count` requests, of which `settled` have come back.
pub(crate) fn judge_callers(wanted: Wanted, count: usize, settled: &[Settled], since: Since) -> Vec<Finding> {
    let mut findings = Vec::new();
    let right = settled.iter().filter(|settled| is_right(wanted, settled)).count();
    if right < settled.len() {
        let cause = match wanted {
            Wanted::Answer(_) => Cause::NotAnswered,
            Wanted::Failure | Wanted::Anything => Cause::NotTheirs,
        };
        findings.push(Finding::new(cause, wrong(wanted, count, settled, right, since)));
    }
    let hanging = count - settled.len();
    if hanging > 0 {
        let text = match count {
            1 => "the caller hangs".to_owned(),
            _ => format!("{hanging} of {count} hang"),
        };
        findings.push(Finding::new(Cause::Hanging, text));
    }
    findings
}

fn is_right(wanted: Wanted, settled: &Settled) -> bool {
    match (wanted, settled) {
        (Wanted::Answer(wanted), Settled::Status(status)) => *status == wanted,
        (Wanted::Answer(_), Settled::Failed(_)) | (Wanted::Failure, Settled::Status(200..300)) => false,
        (Wanted::Failure | Wanted::Anything, _) => true,
    }
}

fn wrong(wanted: Wanted, count: usize, settled: &[Settled], right: usize, since: Since) -> String {
    match wanted {
        Wanted::Failure | Wanted::Anything => {
            let what = match since {
                Since::Nothing => "without a session",
                Since::SignedOut => "after the sign-out",
                Since::SignedInAgain => "with the tokens of the next user",
            };
            match count {
                1 => format!("succeeds {what}"),
                _ => format!("{} of {count} succeed {what}", settled.len() - right),
            }
        }
        Wanted::Answer(200..300) if count > 1 => {
            format!("{right} of {count} {}", if right == 1 { "succeeds" } else { "succeed" })
        }
        Wanted::Answer(status) if count > 1 => format!("{right} of {count} get the {status}"),
        Wanted::Answer(_) => match &settled[0] {
            Settled::Status(status) => format!("the caller gets {status}"),
            Settled::Failed(_) => "the caller gets an error".to_owned(),
        },
    }
}

/// How a counter is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    AtMost,
    Exactly,
    /// It says how something is done, not what comes of it.
    NotCompared,
}

/// Requests for tokens and surplus requests can be too many; what is carried out can be too much and too little; what
/// else the server counts, such as idempotency keys, shows in its consequences alone.
pub(crate) fn bound(counter: &str) -> Bound {
    match counter {
        "refresh_requests"
        | "refreshes"
        | "reuse_detected"
        | "resource_requests"
        | "resource_unauthorized"
        | "redirects_followed" => Bound::AtMost,
        "resource_ok" | "active_families" | "echoed_bytes" => Bound::Exactly,
        _ => Bound::NotCompared,
    }
}

/// A number, without the digits of a large one that are others in each run.
fn roughly(count: u64) -> String {
    if count < 100 {
        return count.to_string();
    }
    let unit = 10u64.pow((count - 1).ilog10());
    format!("more than {}", (count - 1) / unit * unit)
}

/// What it means that a counter is not what was expected. `None` where it is right, or is not compared.
pub(crate) fn judge_counter(counter: &str, expected: u64, actual: u64) -> Option<Finding> {
    let wrong = match bound(counter) {
        Bound::AtMost => actual > expected,
        Bound::Exactly => actual != expected,
        Bound::NotCompared => false,
    };
    let counted = |cause: Cause, one: &str, many: &str| {
        let what = if actual == 1 { one } else { many };
        Finding::new(cause, format!("{} {what}, not {expected}", roughly(actual)))
    };
    let finding = match counter {
        _ if !wrong => return None,
        "refresh_requests" => counted(Cause::NeedlessRefresh, "refresh request", "refresh requests"),
        "refreshes" => counted(Cause::NeedlessRefresh, "refresh", "refreshes"),
        "reuse_detected" => Finding::new(Cause::SpentTokenUsed, "a spent refresh token is used again"),
        "resource_requests" => counted(Cause::NeedlessRequest, "request sent", "requests sent"),
        "resource_unauthorized" => counted(Cause::NeedlessRequest, "refused request", "refused requests"),
        "redirects_followed" => Finding::new(Cause::RedirectFollowed, "the refresh token follows a redirect"),
        "resource_ok" => counted(Cause::CarriedOut, "request carried out", "requests carried out"),
        "echoed_bytes" if expected > 0 && actual == 2 * expected => {
            Finding::new(Cause::CarriedOut, "order placed twice")
        }
        "echoed_bytes" => Finding::new(Cause::CarriedOut, "orders lost or placed twice"),
        _ if actual > expected => Finding::new(Cause::ServerSession, "the server's session is left behind"),
        _ => Finding::new(Cause::ServerSession, "the server's session is over"),
    };
    Some(finding)
}

/// Whether requests that do not come back are being sent over and over, from how many the server has seen since these
/// callers began. A client that merely retries sends a few for each.
pub(crate) fn is_a_loop(callers: usize, requests_seen: u64) -> bool {
    const MOST_PER_CALLER: u64 = 20;
    requests_seen > MOST_PER_CALLER * callers as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(wanted: Wanted, count: usize, settled: &[(usize, Settled)]) -> String {
        let settled: Vec<Settled> =
            settled.iter().flat_map(|(times, settled)| vec![settled.clone(); *times]).collect();
        texts(judge_callers(wanted, count, &settled, Since::Nothing)).join("; ")
    }

    fn texts(findings: impl IntoIterator<Item = Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.text).collect()
    }

    fn judge_count(counter: &str, expected: u64, actual: u64) -> String {
        judge_counter(counter, expected, actual).expect("a finding").text
    }

    fn status(status: u16) -> Settled {
        Settled::Status(status)
    }

    fn failed() -> Settled {
        Settled::Failed("ECONNRESET".to_owned())
    }

    #[test]
    fn every_caller_must_get_the_success() {
        assert_eq!(judge(Wanted::Answer(200), 5, &[(5, status(200))]), "");
        assert_eq!(judge(Wanted::Answer(200), 5, &[(1, status(200)), (4, status(401))]), "1 of 5 succeeds");
        assert_eq!(judge(Wanted::Answer(200), 5, &[(3, status(200)), (2, failed())]), "3 of 5 succeed");
        assert_eq!(judge(Wanted::Answer(200), 1, &[(1, status(401))]), "the caller gets 401");
        assert_eq!(judge(Wanted::Answer(200), 1, &[(1, failed())]), "the caller gets an error");
    }

    #[test]
    fn a_status_of_the_servers_own_must_reach_the_caller() {
        assert_eq!(judge(Wanted::Answer(403), 1, &[(1, status(403))]), "");
        assert_eq!(judge(Wanted::Answer(403), 1, &[(1, status(401))]), "the caller gets 401");
        assert_eq!(judge(Wanted::Answer(500), 2, &[(1, status(500)), (1, failed())]), "1 of 2 get the 500");
    }

    #[test]
    fn any_failure_that_reaches_the_caller_will_do_where_one_is_due_but_no_success() {
        assert_eq!(judge(Wanted::Failure, 3, &[(1, status(401)), (1, status(503)), (1, failed())]), "");
        assert_eq!(judge(Wanted::Failure, 1, &[(1, status(200))]), "succeeds without a session");
        let late = judge_callers(Wanted::Failure, 2, &[status(200), status(401)], Since::SignedOut);
        assert_eq!(texts(late), ["1 of 2 succeed after the sign-out"]);
        let next = judge_callers(Wanted::Failure, 1, &[status(204)], Since::SignedInAgain);
        assert_eq!(texts(next), ["succeeds with the tokens of the next user"]);
    }

    #[test]
    fn where_anything_will_do_it_must_still_come_back() {
        assert_eq!(judge(Wanted::Anything, 3, &[(1, status(200)), (1, status(401)), (1, failed())]), "");
        assert_eq!(judge(Wanted::Anything, 3, &[(1, status(200))]), "2 of 3 hang");
    }

    #[test]
    fn who_does_not_come_back_hangs_beside_whatever_else_goes_wrong() {
        assert_eq!(judge(Wanted::Failure, 100, &[(2, failed())]), "98 of 100 hang");
        assert_eq!(judge(Wanted::Answer(200), 1, &[]), "the caller hangs");
        assert_eq!(judge(Wanted::Answer(200), 3, &[(1, failed())]), "0 of 3 succeed; 2 of 3 hang");
    }

    #[test]
    fn fewer_refreshes_than_expected_are_no_fault_and_more_are() {
        assert_eq!(judge_counter("refreshes", 3, 2), None);
        assert_eq!(judge_count("refreshes", 1, 3), "3 refreshes, not 1");
        assert_eq!(judge_count("refresh_requests", 0, 1), "1 refresh request, not 0");
        assert_eq!(judge_count("reuse_detected", 0, 1), "a spent refresh token is used again");
    }

    #[test]
    fn what_is_carried_out_is_neither_too_much_nor_too_little() {
        assert_eq!(judge_counter("resource_ok", 5, 5), None);
        judge_counter("resource_ok", 5, 4).expect("too little");
        judge_counter("resource_ok", 5, 6).expect("too much");
        assert_eq!(judge_count("echoed_bytes", 9, 18), "order placed twice");
        judge_counter("active_families", 0, 1).expect("left behind");
    }

    #[test]
    fn a_large_number_is_given_roughly() {
        for (count, text) in
            [(1, "1"), (99, "99"), (100, "more than 90"), (101, "more than 100"), (257, "more than 200")]
        {
            assert_eq!(roughly(count), text);
        }
        assert_eq!(judge_count("refresh_requests", 5, 116), "more than 100 refresh requests, not 5");
    }

    #[test]
    fn how_a_client_does_it_is_not_compared() {
        for counter in ["distinct_idempotency_keys", "idempotency_replays", "logouts", "peak_connections"] {
            assert_eq!(judge_counter(counter, 1, 7), None, "{counter}");
        }
    }

    #[test]
    fn a_client_that_retries_a_few_times_does_not_loop() {
        assert!(!is_a_loop(1, 5));
        assert!(is_a_loop(1, 21));
        assert!(!is_a_loop(1000, 4000));
    }
}
