//! What the command line says.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "usage: scripts/soak.sh MINUTES [--seed N]
       scripts/soak.sh --seed N --round N [--plan]

  MINUTES     how long to go on, such as 10 or 0.5; a round that has begun is finished
  --seed N    makes the same plans again; without it, a seed is drawn and printed
  --round N   one round of the run with this seed, and no other
  --plan      prints what happens in that round, and does nothing";

/// A day; whoever wants more runs it again.
const MOST_MINUTES: f64 = 1440.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Task {
    Help,
    Run { seed: Option<u64>, most: Duration },
    Round { seed: u64, round: u64 },
    Plan { seed: u64, round: u64 },
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task, String> {
    let (mut minutes, mut seed, mut round, mut plan) = (None, None, None, false);
    let mut parser = Parser::from_args(arguments);
    let text = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(text)? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Task::Help),
            Arg::Long("seed") => seed = Some(number("--seed", &mut parser)?),
            Arg::Long("round") => round = Some(number("--round", &mut parser)?),
            Arg::Long("plan") => plan = true,
            Arg::Value(value) if minutes.is_none() => {
                let given = value.string().map_err(text)?;
                let parsed =
                    given.parse::<f64>().ok().filter(|minutes| *minutes > 0.0 && *minutes <= MOST_MINUTES);
                minutes =
                    Some(parsed.ok_or(format!(
                        "MINUTES is a number above 0 and up to {MOST_MINUTES}, not {given:?}"
                    ))?);
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    match (minutes, seed, round, plan) {
        (Some(minutes), seed, None, false) => {
            Ok(Task::Run { seed, most: Duration::from_secs_f64(minutes * 60.0) })
        }
        (None, Some(seed), Some(round), false) => Ok(Task::Round { seed, round }),
        (None, Some(seed), Some(round), true) => Ok(Task::Plan { seed, round }),
        (Some(_), _, Some(_), _) => {
            Err("one round takes as long as it takes: MINUTES and --round exclude each other".into())
        }
        (_, None, Some(_), _) => Err("--round needs the --seed that its run had".into()),
        (_, _, None, true) => Err("--plan needs a --seed and a --round".into()),
        (None, _, None, false) => Err("for how many minutes?".into()),
    }
}

fn number(option: &str, parser: &mut Parser) -> Result<u64, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    let value = value.string().map_err(|error| error.to_string())?;
    value.parse().map_err(|_| format!("{option} is a number from 0 to {}, not {value:?}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_run_has_minutes_and_a_round_has_a_seed() {
        let half = Duration::from_secs(30);
        assert_eq!(parsed("0.5"), Ok(Task::Run { seed: None, most: half }));
        assert_eq!(parsed("0.5 --seed 7"), Ok(Task::Run { seed: Some(7), most: half }));
        assert_eq!(parsed("--seed 7 --round 3"), Ok(Task::Round { seed: 7, round: 3 }));
        assert_eq!(parsed("--round 3 --plan --seed 7"), Ok(Task::Plan { seed: 7, round: 3 }));
        assert_eq!(parsed("--help"), Ok(Task::Help));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_word_on_why() {
        for (line, why) in [
            ("", "how many minutes"),
            ("0", "above 0"),
            ("ten", "above 0"),
            ("NaN", "above 0"),
            ("1e9", "up to 1440"),
            ("1 2", "unexpected"),
            ("1 --round 3 --seed 7", "exclude each other"),
            ("--round 3", "--seed"),
            ("--seed x 1", "--seed is a number"),
            ("--seed", "--seed"),
            ("--plan", "--plan needs"),
            ("1 --fast", "--fast"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
