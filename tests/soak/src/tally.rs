//! What a run has done and found, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A caller that nobody cancelled never got anything.
    Lost,
    /// A caller got something long after its deadline, or never.
    Hung,
    /// A token or a password could be read; memory, descriptors or threads were not given back.
    Leaked,
    /// A refresh request that should not have been sent.
    Surplus,
    /// Anything else that must not be.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    /// It holds no token.
    pub(crate) text: String,
}

/// The counts of one round, or of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) held: u64,
    pub(crate) requests: u64,
    /// Answers by their status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Callers that had to get a 200: nothing went wrong that they could have felt.
    pub(crate) owed: u64,
    pub(crate) cancelled: u64,
    /// By the code of the error.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) refresh_requests: u64,
    pub(crate) refreshes: u64,
    pub(crate) sign_ins: u64,
    pub(crate) sign_outs: u64,
    pub(crate) stops: u64,
    pub(crate) kills: u64,
    /// By what struck; `endpoint: fault`.
    pub(crate) faults: BTreeMap<String, u64>,
    /// By what the stores were told; whether it struck, they do not say.
    pub(crate) store_faults: BTreeMap<String, u64>,
    pub(crate) ended: BTreeMap<String, u64>,
    pub(crate) slowest: Duration,
    /// How long after their deadlines callers were told.
    pub(crate) late: Vec<Duration>,
    pub(crate) findings: BTreeMap<Kind, u64>,
}

fn add<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key).or_default() += count;
    }
}

impl Tally {
    /// Counts a round, which has held if nothing was found.
    pub(crate) fn add(&mut self, round: Self) {
        self.rounds += 1;
        self.held += u64::from(round.findings.is_empty());
        self.requests += round.requests;
        self.owed += round.owed;
        self.late.extend(round.late);
        add(&mut self.statuses, round.statuses);
        add(&mut self.store_faults, round.store_faults);
        self.cancelled += round.cancelled;
        self.refresh_requests += round.refresh_requests;
        self.refreshes += round.refreshes;
        self.sign_ins += round.sign_ins;
        self.sign_outs += round.sign_outs;
        self.stops += round.stops;
        self.kills += round.kills;
        self.slowest = self.slowest.max(round.slowest);
        add(&mut self.errors, round.errors);
        add(&mut self.faults, round.faults);
        add(&mut self.ended, round.ended);
        add(&mut self.findings, round.findings);
    }

    pub(crate) fn found(&mut self, kind: Kind) {
        *self.findings.entry(kind).or_default() += 1;
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The last line of a run.
    pub(crate) fn verdict(&self) -> String {
        let count = |kind| self.findings.get(&kind).copied().unwrap_or(0);
        let others = match count(Kind::Other) {
            0 => String::new(),
            others => format!(", other findings {others}"),
        };
        format!(
            "lost {}, hung {}, leaked {}, surplus refreshes {}{others}",
            count(Kind::Lost),
            count(Kind::Hung),
            count(Kind::Leaked),
            count(Kind::Surplus)
        )
    }

    fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// The 99th percentile of how late callers were told, and the most.
    fn lateness(&self) -> Option<(Duration, Duration)> {
        let mut late = self.late.clone();
        late.sort_unstable();
        let last = late.len().checked_sub(1)?;
        Some((late[last * 99 / 100], late[last]))
    }

    /// For those who watch.
    pub(crate) fn progress(&self) -> String {
        format!(
            "{} rounds, {} requests, {} answered, {} cancelled, {} refreshes, {} kills; {}",
            self.rounds,
            self.requests,
            self.answered(),
            self.cancelled,
            self.refreshes,
            self.kills,
            self.verdict()
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: &dyn fmt::Display| writeln!(f, "{name:<18} {value}");
        row("rounds", &format!("{}, of which {} held", self.rounds, self.held))?;
        row("requests", &self.requests)?;
        row("  answered", &format!("{}: {}", self.answered(), Listed(&self.statuses)))?;
        row("  owed a 200", &self.owed)?;
        row("  cancelled", &self.cancelled)?;
        row("  errors", &Listed(&self.errors))?;
        row("refreshes", &format!("{}, of {} requests", self.refreshes, self.refresh_requests))?;
        row("sign-ins", &self.sign_ins)?;
        row("sign-outs", &self.sign_outs)?;
        row("sessions ended", &Listed(&self.ended))?;
        row("processes", &format!("{} killed, {} stopped for a while", self.kills, self.stops))?;
        row("slowest answer", &format!("{} ms", self.slowest.as_millis()))?;
        if let Some((most, worst)) = self.lateness() {
            let (most, worst) = (most.as_millis(), worst.as_millis());
            row(
                "past a deadline",
                &format!("{}, 99 % by {most} ms at most, the last by {worst} ms", self.late.len()),
            )?;
        }
        row("faults", &self.faults.values().sum::<u64>())?;
        for (fault, count) in &self.faults {
            row("", &format!("{count:>5}  {fault}"))?;
        }
        row("store faults", &format!("{}, if all struck", self.store_faults.values().sum::<u64>()))?;
        for (fault, count) in &self.store_faults {
            row("", &format!("{count:>5}  {fault}"))?;
        }
        row("other findings", &self.findings.get(&Kind::Other).copied().unwrap_or(0))
    }
}

struct Listed<'a, K>(&'a BTreeMap<K, u64>);

impl<K: fmt::Display> fmt::Display for Listed<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(key, count)| format!("{key} {count}")).collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_counts_each_kind_of_finding_and_a_round_with_any_has_not_held() {
        let mut run = Tally::default();
        assert_eq!(run.verdict(), "lost 0, hung 0, leaked 0, surplus refreshes 0");
        run.add(Tally::default());
        for kind in [Kind::Lost, Kind::Hung, Kind::Leaked, Kind::Surplus, Kind::Other] {
            let mut round = Tally::default();
            round.found(kind);
            run.add(round);
        }
        assert_eq!(run.verdict(), "lost 1, hung 1, leaked 1, surplus refreshes 1, other findings 1");
        assert_eq!((run.rounds, run.held, run.is_clean()), (6, 1, false));
    }

    #[test]
    fn the_verdict_tells_other_findings_when_there_are_no_others() {
        let mut run = Tally::default();
        run.found(Kind::Other);
        assert_eq!(run.verdict(), "lost 0, hung 0, leaked 0, surplus refreshes 0, other findings 1");
        assert!(!run.is_clean());
    }

    #[test]
    fn lateness_is_told_by_its_percentile_and_its_worst() {
        let late = (1..=200).rev().map(Duration::from_millis).collect();
        let run = Tally { late, ..Tally::default() };
        assert_eq!(run.lateness(), Some((Duration::from_millis(198), Duration::from_millis(200))));
        assert_eq!(Tally::default().lateness(), None);
    }
}
