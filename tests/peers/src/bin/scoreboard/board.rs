//! The results of all cells, and the two things that are made of them: the page, and what the tier of tests says.

use std::collections::BTreeMap;

use crate::clients::Client;
use crate::scenario::Scenario;

/// What came of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    Ok,
    /// What went wrong.
    Findings(Vec<String>),
    /// The client could not be started.
    NotRun(String),
}

impl Result {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Ok => "ok".to_owned(),
            Self::Findings(findings) => findings.join("; "),
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
        scenarios.iter().filter(|scenario| *self.result(client, scenario) == Result::Ok).count()
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
                    Result::Ok if client.is_ours => passed += 1,
                    result if client.is_ours => {
                        failed.push(format!("{} {}: {}", client.name, scenario.name, result.text()));
                    }
                    _ => {}
                }
            }
            passed += usize::from(ran);
        }
        (passed, failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_about_ours_or_a_client_that_did_not_run_fails_and_one_about_a_peer_does_not() {
        let scenario: Scenario =
            serde_json::from_str(r#"{"name": "a", "title": "b", "steps": []}"#).expect("a scenario");
        let ours = Client::named("authsession").expect("ours");
        let peer = Client::named("axios-recipe").expect("a peer");
        let test = |of_ours: Result, of_peer: Result| {
            let mut board = Board::default();
            board.put(ours, &scenario, of_ours);
            board.put(peer, &scenario, of_peer);
            let (passed, failed) = board.test(&[ours, peer], &[&scenario]);
            (passed, failed.len())
        };
        let finding = || Result::Findings(vec!["2 refreshes, not 1".to_owned()]);
        assert_eq!(test(Result::Ok, finding()), (3, 0));
        assert_eq!(test(finding(), Result::Ok), (2, 1));
        assert_eq!(test(Result::Ok, Result::NotRun("no node".to_owned())), (2, 1));
        assert_eq!(test(Result::NotRun("not built".to_owned()), Result::Ok), (1, 1));
    }
}
