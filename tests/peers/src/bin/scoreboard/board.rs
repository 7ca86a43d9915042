//! The results of all cells, and the two things that are made of them: the page, and what the tier of tests says.

use std::collections::BTreeMap;

use crate::cell::Outcome;
use crate::clients::Client;
use crate::judgement::Cause;
use crate::scenario::Scenario;

/// What came of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    Ran {
        runs: usize,
        /// What went wrong.
        found: Vec<Found>,
        /// What is worth saying though it does no harm.
        remarks: Vec<String>,
    },
    /// The client could not be started.
    NotRun(String),
}

/// What went wrong in some runs of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) cause: Cause,
    /// The number with which its text begins, if it does: the smallest and the largest of all runs.
    number: Option<(u64, u64)>,
    /// What follows the number.
    text: String,
    runs: usize,
}

impl Found {
    fn new(cause: Cause, text: &str) -> Self {
        let number =
            text.split_once(' ').and_then(|(number, rest)| Some((number.parse::<u64>().ok()?, rest)));
        match number {
            Some((number, rest)) => {
                Self { cause, number: Some((number, number)), text: rest.to_owned(), runs: 1 }
            }
            None => Self { cause, number: None, text: text.to_owned(), runs: 1 },
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.cause == other.cause
            && self.text == other.text
            && self.number.is_some() == other.number.is_some()
    }

    fn add(&mut self, other: &Self) {
        self.runs += 1;
        if let (Some((least, most)), Some((number, _))) = (&mut self.number, other.number) {
            (*least, *most) = (number.min(*least), number.max(*most));
        }
    }

    /// `2 refreshes, not 1 (in 2 of 3 runs)`
    fn text(&self, runs: usize) -> String {
        let what = match self.number {
            Some((least, most)) if least == most => format!("{least} {}", self.text),
            Some((least, most)) => format!("{least} to {most} {}", self.text),
            None => self.text.clone(),
        };
        if self.runs == runs { what } else { format!("{what} (in {} of {runs} runs)", self.runs) }
    }
}

impl Result {
    /// Of all runs of a cell. One that cannot be run says it for all.
    pub(crate) fn of(outcomes: Vec<std::result::Result<Outcome, String>>) -> Self {
        let (runs, mut found, mut remarks) = (outcomes.len(), Vec::<Found>::new(), Vec::new());
        for outcome in outcomes {
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(why) => return Self::NotRun(why),
            };
            for finding in outcome.findings {
                let new = Found::new(finding.cause, &finding.text);
                match found.iter_mut().find(|known| known.is_like(&new)) {
                    Some(known) => known.add(&new),
                    None => found.push(new),
                }
            }
            for remark in outcome.remarks {
                if !remarks.contains(&remark) {
                    remarks.push(remark);
                }
            }
        }
        // The worst comes first, whichever run has found it.
        found.sort_by_key(|found| found.cause != Cause::SignedOut);
        Self::Ran { runs, found, remarks }
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, Self::Ran { found, .. } if found.is_empty())
    }

    /// Whether some runs went otherwise than others.
    pub(crate) fn varies(&self) -> bool {
        matches!(self, Self::Ran { runs, found, .. } if found.iter().any(|found| found.runs < *runs))
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Ran { runs, found, remarks } => {
                let found: Vec<String> = found.iter().map(|found| found.text(*runs)).collect();
                let mut text = if found.is_empty() { "ok".to_owned() } else { found.join("; ") };
                if !remarks.is_empty() {
                    text += &format!(" ({})", remarks.join("; "));
                }
                text
            }
            Self::NotRun(why) => format!("did not run: {why}"),
        }
    }
}

/// Results by client and scenario.
#[derive(Debug, Default)]
pub(crate) struct Board {
    results: BTreeMap<(&'static str, String), Result>,
    versions: BTreeMap<&'static str, BTreeMap<String, String>>,
}

impl Board {
    pub(crate) fn put(&mut self, client: &Client, scenario: &Scenario, result: Result) {
        self.results.insert((client.name, scenario.name.clone()), result);
    }

    pub(crate) fn put_versions(&mut self, client: &Client, versions: BTreeMap<String, String>) {
        self.versions.insert(client.name, versions);
    }

    pub(crate) fn result(&self, client: &Client, scenario: &Scenario) -> &Result {
        &self.results[&(client.name, scenario.name.clone())]
    }

    /// `axios 1.21.1, axios-jwt 4.0.3`
    pub(crate) fn versions(&self, client: &Client) -> String {
        let versions = self.versions.get(client.name).into_iter().flatten();
        versions.map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
    }

    /// How many of the scenarios came out well.
    pub(crate) fn ok_count(&self, client: &Client, scenarios: &[&Scenario]) -> usize {
        scenarios.iter().filter(|scenario| self.result(client, scenario).is_ok()).count()
    }

    /// What is behind the findings about a client, and in how many of the scenarios: the most frequent first.
    pub(crate) fn causes(&self, client: &Client, scenarios: &[&Scenario]) -> Vec<(Cause, usize)> {
        let mut counts: BTreeMap<Cause, usize> = BTreeMap::new();
        for scenario in scenarios {
            let Result::Ran { found, .. } = self.result(client, scenario) else { continue };
            let mut causes: Vec<Cause> = found.iter().map(|found| found.cause).collect();
            causes.sort_unstable();
            causes.dedup();
            causes.into_iter().for_each(|cause| *counts.entry(cause).or_default() += 1);
        }
        let mut counts: Vec<(Cause, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// How many of the tier's tests passed, and those that failed: the cells of ours, and that each client ran.
    pub(crate) fn test(&self, clients: &[&Client], scenarios: &[&Scenario]) -> (usize, Vec<String>) {
        let (mut passed, mut failed) = (0, Vec::new());
        for client in clients {
            let mut ran = true;
            for scenario in scenarios {
                match self.result(client, scenario) {
                    Result::NotRun(why) => {
                        if ran {
                            failed.push(format!("{} did not run {}: {why}", client.name, scenario.name));
                        }
                        ran = false;
                    }
                    result if result.is_ok() && client.is_ours => passed += 1,
                    result if client.is_ours => {
                        failed.push(format!("{} {}: {}", client.name, scenario.name, result.text()));
                    }
                    Result::Ran { .. } => {}
                }
            }
            passed += usize::from(ran);
        }
        (passed, failed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::judgement::Finding;

    /// Of runs in which these things went wrong.
    pub(crate) fn result(runs: &[&[(Cause, &str)]]) -> Result {
        let outcome = |findings: &&[(Cause, &str)]| {
            let findings = findings.iter().map(|(cause, text)| Finding::new(*cause, *text)).collect();
            Ok(Outcome { versions: BTreeMap::new(), findings, remarks: Vec::new() })
        };
        Result::of(runs.iter().map(outcome).collect())
    }

    pub(crate) fn scenario(name: &str) -> Scenario {
        let text = format!(r#"{{"name": "{name}", "title": "A 401 | late", "steps": []}}"#);
        serde_json::from_str(&text).expect("a scenario")
    }

    #[test]
    fn a_finding_about_ours_or_a_client_that_did_not_run_fails_and_one_about_a_peer_does_not() {
        let scenario = scenario("a");
        let ours = Client::named("authsession").expect("ours");
        let peer = Client::named("axios-recipe").expect("a peer");
        let test = |of_ours: Result, of_peer: Result| {
            let mut board = Board::default();
            board.put(ours, &scenario, of_ours);
            board.put(peer, &scenario, of_peer);
            let (passed, failed) = board.test(&[ours, peer], &[&scenario]);
            (passed, failed.len())
        };
        let ok = || result(&[&[]]);
        let finding = || result(&[&[(Cause::NeedlessRefresh, "2 refreshes, not 1")], &[]]);
        assert_eq!(test(ok(), finding()), (3, 0));
        assert_eq!(test(finding(), ok()), (2, 1));
        assert_eq!(test(ok(), Result::NotRun("no node".to_owned())), (2, 1));
        assert_eq!(test(Result::NotRun("not built".to_owned()), ok()), (1, 1));
    }

    #[test]
    fn what_does_not_go_wrong_in_every_run_says_in_how_many_it_does() {
        use Cause::{NeedlessRefresh, SignedOut};
        let varying = result(&[&[(NeedlessRefresh, "2 refreshes, not 1")], &[]]);
        assert_eq!(varying.text(), "2 refreshes, not 1 (in 1 of 2 runs)");
        assert!(varying.varies() && !varying.is_ok());
        let numbers = result(&[
            &[(NeedlessRefresh, "4 refreshes, not 1")],
            &[(SignedOut, "signed out"), (NeedlessRefresh, "2 refreshes, not 1")],
            &[(NeedlessRefresh, "3 refreshes, not 1")],
        ]);
        assert_eq!(numbers.text(), "signed out (in 1 of 3 runs); 2 to 4 refreshes, not 1");
        let same = result(&[&[(SignedOut, "signed out")], &[(SignedOut, "signed out")]]);
        assert_eq!(same.text(), "signed out");
        assert!(!same.varies());
        assert_eq!(result(&[&[], &[]]).text(), "ok");
    }

    #[test]
    fn a_remark_is_no_finding() {
        let remarks = vec!["21 requests without a token reach the server".to_owned()];
        let outcome = Outcome { versions: BTreeMap::new(), findings: Vec::new(), remarks };
        let result = Result::of(vec![Ok(outcome)]);
        assert!(result.is_ok());
        assert_eq!(result.text(), "ok (21 requests without a token reach the server)");
    }

    #[test]
    fn a_cause_counts_once_for_a_row_and_the_most_frequent_comes_first() {
        use Cause::{NotAnswered, SignedOut};
        let client = Client::named("axios-recipe").expect("a client");
        let scenarios = ["a", "b"].map(scenario);
        let mut board = Board::default();
        let twice = [(NotAnswered, "the caller gets 401"), (NotAnswered, "1 of 5 succeeds")];
        board.put(client, &scenarios[0], result(&[&twice]));
        let both = [(SignedOut, "signed out"), (NotAnswered, "the caller gets 401")];
        board.put(client, &scenarios[1], result(&[&both]));
        let causes = board.causes(client, &scenarios.iter().collect::<Vec<_>>());
        assert_eq!(causes, [(NotAnswered, 2), (SignedOut, 1)]);
    }
}
