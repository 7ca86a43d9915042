//! What the runner is asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, ValueExt};

use crate::clients::{CLIENTS, Client};

pub(crate) const USAGE: &str = "\
usage: scoreboard [OPTION]...

  --client NAME     this client only; may be repeated
  --scenario NAME   this scenario only; may be repeated
  --folder FOLDER   the scenarios of this folder instead of the project's
  --runs N          runs each cell so often; 3 for a page, else 1
  --list            names the clients and the scenarios, and runs nothing
  --write PAGE      writes the scoreboard
  --test PAGE       as a tier of tests: ours must be ok in every row, and every client must run
  -v, --verbose     shows each step as it goes
  -h, --help        this text";

/// Where a client's own callers race, a run alone says little.
const RUNS_FOR_A_PAGE: usize = 3;

/// What the runner is asked for.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// All where none is named.
    pub(crate) clients: Vec<&'static Client>,
    /// All where none is named.
    pub(crate) scenarios: Vec<String>,
    pub(crate) folder: Option<PathBuf>,
    runs: Option<NonZeroUsize>,
    pub(crate) list: bool,
    pub(crate) write: Option<PathBuf>,
    pub(crate) test: Option<PathBuf>,
    pub(crate) verbose: bool,
    pub(crate) help: bool,
}

impl Arguments {
    /// Of the command line, without the program's name.
    ///
    /// # Errors
    /// Says what is not understood.
    pub(crate) fn parse<T: Into<std::ffi::OsString>>(
        arguments: impl IntoIterator<Item = T, IntoIter: 'static>,
    ) -> Result<Self, String> {
        Self::read(lexopt::Parser::from_args(arguments.into_iter().map(Into::into)))
    }

    /// How often each cell is run.
    pub(crate) fn runs(&self) -> usize {
        let for_the_purpose = if self.write.is_some() { RUNS_FOR_A_PAGE } else { 1 };
        self.runs.map_or(for_the_purpose, NonZeroUsize::get)
    }

    fn read(mut parser: lexopt::Parser) -> Result<Self, String> {
        let mut read = Self::default();
        let failed = |error: lexopt::Error| error.to_string();
        while let Some(argument) = parser.next().map_err(failed)? {
            match argument {
                Long("client") => {
                    let name = parser.value().and_then(|name| name.string()).map_err(failed)?;
                    let client = Client::named(&name).ok_or_else(|| {
                        let names: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
                        format!("there is no client {name}; there are {}", names.join(", "))
                    })?;
                    read.clients.push(client);
                }
                Long("scenario") => {
                    read.scenarios.push(parser.value().and_then(|name| name.string()).map_err(failed)?);
                }
                Long("folder") => read.folder = Some(parser.value().map_err(failed)?.into()),
                Long("runs") => {
                    read.runs = Some(parser.value().and_then(|runs| runs.parse()).map_err(failed)?);
                }
                Long("list") => read.list = true,
                Long("write") => read.write = Some(parser.value().map_err(failed)?.into()),
                Long("test") => read.test = Some(parser.value().map_err(failed)?.into()),
                Short('v') | Long("verbose") => read.verbose = true,
                Short('h') | Long("help") => read.help = true,
                other => return Err(other.unexpected().to_string()),
            }
        }
        if read.clients.is_empty() {
            read.clients = CLIENTS.iter().collect();
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &'static str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace())
    }

    #[test]
    fn clients_and_scenarios_can_be_named_and_are_all_otherwise() {
        let one = parse("--client axios-recipe --client okhttp --scenario late_401 -v").expect("arguments");
        assert_eq!(
            one.clients.iter().map(|client| client.name).collect::<Vec<_>>(),
            ["axios-recipe", "okhttp"]
        );
        assert_eq!(one.scenarios, ["late_401"]);
        assert!(one.verbose);
        assert_eq!(parse("").expect("no arguments").clients.len(), CLIENTS.len());
    }

    #[test]
    fn a_page_is_made_of_several_runs_and_the_number_can_be_given() {
        let runs = |line| parse(line).expect("arguments").runs();
        assert_eq!(runs(""), 1);
        assert_eq!(runs("--test page.md"), 1);
        assert_eq!(runs("--write page.md"), RUNS_FOR_A_PAGE);
        assert_eq!(runs("--write page.md --runs 1"), 1);
        assert_eq!(runs("--runs 5"), 5);
        parse("--runs 0").expect_err("no runs");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let error = |line| parse(line).expect_err("an error");
        assert!(error("--client nobody").contains("there is no client nobody; there are authsession,"));
        assert!(error("--client").contains("--client"));
        assert!(error("--fast").contains("--fast"));
        assert!(error("late_401").contains("late_401"));
    }
}
