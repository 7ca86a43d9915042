//! What it costs to cross from Kotlin and Swift into the library and back, as those clients measure it themselves.

use bench::clients::Failure;
use serde_json::{Map, Value, json};

use crate::driven::{Driven, Language};
use crate::{Bench, Outcome};

const ITERATIONS: u64 = 5000;
const QUICK_ITERATIONS: u64 = 100;
/// Of the whole command, in a process that goes on, so that everything is compiled after the first.
const ROUNDS: usize = 5;

pub(crate) fn run(bench: &mut Bench) -> Result<Outcome, Failure> {
    let mut languages = Map::new();
    for (language, client) in [(Language::Jvm, "authsession-kotlin"), (Language::Swift, "authsession-swift")]
    {
        let measured = match language.missing() {
            Some(why) => {
                eprintln!("not run: {why}");
                json!({"not_run": why})
            }
            None => {
                let measured = measure(bench, language, client);
                measured.map_err(|error| format!("{client}: {error}"))?
            }
        };
        languages.insert(language.name().into(), measured);
    }
    Ok(Outcome::Measured(Value::Object(languages)))
}

fn measure(bench: &Bench, language: Language, client: &str) -> Result<Value, Failure> {
    let mut driven = Driven::start(bench, language, client)?;
    let iterations = if bench.quick { QUICK_ITERATIONS } else { ITERATIONS };
    let arguments = json!({"iterations": iterations, "path": "/me", "get_path": "/me", "echo_path": "/echo"});
    let rounds = if bench.quick { 1 } else { ROUNDS };
    let measured = (0..rounds).map(|_| {
        let mut answer = driven.tell("crossings", arguments.clone())?;
        if let Some(members) = answer.as_object_mut() {
            members.retain(|name, _| name.ends_with("_us"));
        }
        Ok(answer)
    });
    let measured = measured.collect::<Result<Vec<_>, Failure>>()?;
    Ok(json!({"rounds": measured}))
}
