//! Explores the machine exhaustively: two of them in two processes, one store, a strict rotating server,
//! and everything that can happen, in every order, within bounds. In every state the invariants of
//! `docs/architecture.md` are checked; what breaks one is shown as the shortest way there.

mod fingerprint;
mod process;
mod server;
mod world;

use std::collections::{HashSet, VecDeque};
use std::io::Write as _;
use std::time::Instant;

pub(super) use fingerprint::Fingerprint;
use world::{Bounds, Rules, Step, World};

/// What an exploration has seen.
struct Explored {
    states: usize,
    transitions: usize,
    /// Where nothing more comes of itself.
    ends: usize,
}

/// A machine that goes in circles and counts them has no end of states; the bounds below have far fewer.
const MOST_STATES: usize = 3_000_000;

/// Visits every state, those near the beginning first.
fn explore(rules: Rules, bounds: Bounds) -> Result<Explored, String> {
    let first = World::new(rules, bounds);
    let mut seen = HashSet::from([first.fingerprint()]);
    // How each state was reached first.
    let mut ways: Vec<(usize, Option<Step>)> = vec![(0, None)];
    let mut frontier = VecDeque::from([(first, 0)]);
    let mut explored = Explored { states: 1, transitions: 0, ends: 0 };
    while let Some((mut world, index)) = frontier.pop_front() {
        let steps = world.steps();
        if !world.must_go_on() {
            explored.ends += 1;
            world.check_end();
            if let Some(violation) = world.violation() {
                return Err(trace(&ways, index, None, violation));
            }
        }
        if explored.states > MOST_STATES {
            return Err(trace(&ways, index, None, "there is no end of states"));
        }
        for step in steps {
            explored.transitions += 1;
            let mut next = world.clone();
            next.take(step);
            if let Some(violation) = next.violation() {
                return Err(trace(&ways, index, Some(step), violation));
            }
            if seen.insert(next.fingerprint()) {
                explored.states += 1;
                frontier.push_back((next, ways.len()));
                ways.push((index, Some(step)));
            }
        }
    }
    Ok(explored)
}

fn trace(ways: &[(usize, Option<Step>)], mut index: usize, last: Option<Step>, violation: &str) -> String {
    let mut steps: Vec<Step> = last.into_iter().collect();
    while let (before, Some(step)) = ways[index] {
        steps.push(step);
        index = before;
    }
    let mut text = format!("{violation}, after\n");
    for (number, step) in steps.iter().rev().enumerate() {
        text += &format!("{:>4}  {step:?}\n", number + 1);
    }
    text
}

/// Goes some way from the beginning again and again, each time as chance has it.
fn walk(rules: Rules, bounds: Bounds, walks: u64, longest: usize) -> Result<Explored, String> {
    let first = World::new(rules, bounds);
    let mut seen = HashSet::new();
    let mut explored = Explored { states: 0, transitions: 0, ends: 0 };
    for walk in 0..walks {
        let mut chance = walk;
        let mut world = first.clone();
        let mut ways: Vec<(usize, Option<Step>)> = vec![(0, None)];
        loop {
            let steps = world.steps();
            if !world.must_go_on() {
                explored.ends += 1;
                world.check_end();
            }
            if let Some(violation) = world.violation() {
                return Err(trace(&ways, ways.len() - 1, None, violation));
            }
            if steps.is_empty() || ways.len() > longest {
                break;
            }
            let step = steps[usize::try_from(bits(&mut chance) % steps.len() as u64).expect("an index")];
            world.take(step);
            ways.push((ways.len() - 1, Some(step)));
            explored.transitions += 1;
            explored.states += usize::from(seen.insert(world.fingerprint()));
        }
    }
    Ok(explored)
}

/// SplitMix64: the same ways every time.
fn bits(chance: &mut u64) -> u64 {
    *chance = chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = (*chance ^ (*chance >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Explores all, and says on the standard error stream what was seen: past the test harness, because the
/// numbers are a result.
fn hold(name: &str, worlds: &[(Rules, Bounds)]) {
    let start = Instant::now();
    let mut sum = Explored { states: 0, transitions: 0, ends: 0 };
    for (rules, bounds) in worlds {
        match explore(*rules, *bounds) {
            Ok(explored) => sum.add(&explored),
            Err(trace) => panic!("{rules:?}\n{bounds:?}\n{trace}"),
        }
    }
    sum.report(name, start);
}

impl Explored {
    fn add(&mut self, other: &Self) {
        self.states += other.states;
        self.transitions += other.transitions;
        self.ends += other.ends;
    }

    fn report(&self, name: &str, start: Instant) {
        let Self { states, transitions, ends } = self;
        let seconds = start.elapsed().as_secs_f32();
        let text = format!("{name}: {states} states, {transitions} transitions, {ends} ends, {seconds:.1} s");
        // Nobody needs the numbers so much that the test should fail without them.
        let _ = writeln!(std::io::stderr(), "explored {text}");
    }
}

/// Three requests in two processes; a process that starts again makes one more.
const STRICT: Rules = Rules { grace: false, names_users: true, ages: false, reader: false, requests: [2, 1] };
const GRACE: Rules = Rules { grace: true, ..STRICT };
/// For bounds that multiply what can happen.
const FEWER: Rules = Rules { requests: [1, 1], ..STRICT };
const AGES: Rules = Rules { ages: true, ..FEWER };
const NAMELESS: Rules = Rules { names_users: false, ..FEWER };

/// One owns the session, and the other only reads it.
const READER: Rules = Rules { reader: true, ..FEWER };

/// Access tokens expire once, and nothing goes wrong.
const USUAL: Bounds = Bounds {
    losses: 0,
    expiries: 1,
    failed_writes: 0,
    doubtful_writes: 0,
    failed_reads: 0,
    crashes: 0,
    sign_outs: 0,
    sign_ins: 0,
    pauses: 0,
    denials: 0,
    resumes: 0,
    suspensions: 0,
};

#[test]
fn the_invariants_hold_whatever_is_lost_fails_or_crashes() {
    let lost = Bounds { losses: 1, crashes: 1, failed_writes: 1, ..USUAL };
    let read = Bounds { failed_reads: 1, crashes: 1, denials: 1, resumes: 1, ..USUAL };
    let slow = Bounds { pauses: 1, doubtful_writes: 1, ..USUAL };
    hold(
        "losses, failures and crashes",
        &[(STRICT, lost), (GRACE, lost), (AGES, lost), (FEWER, read), (FEWER, slow)],
    );
}

#[test]
fn the_invariants_hold_whenever_the_user_signs_out() {
    let out = Bounds { sign_outs: 1, ..USUAL };
    let lost = Bounds { losses: 1, crashes: 1, ..out };
    let written = Bounds { failed_writes: 1, doubtful_writes: 1, ..out };
    hold("sign-outs", &[(STRICT, out), (FEWER, lost), (NAMELESS, written)]);
}

#[test]
fn the_invariants_hold_whenever_a_user_signs_in() {
    let sign_in = Bounds { sign_ins: 1, ..USUAL };
    let written = Bounds { failed_writes: 1, ..sign_in };
    let crashed = Bounds { crashes: 1, ..sign_in };
    let out = Bounds { sign_outs: 1, ..sign_in };
    hold(
        "sign-ins",
        &[(STRICT, sign_in), (FEWER, written), (FEWER, crashed), (NAMELESS, crashed), (FEWER, out)],
    );
}

#[test]
fn the_invariants_hold_whenever_a_process_is_suspended() {
    let suspended = Bounds { suspensions: 1, ..USUAL };
    let lost = Bounds { losses: 1, ..suspended };
    let paused = Bounds { pauses: 1, ..suspended };
    let out = Bounds { sign_outs: 1, ..suspended };
    hold(
        "suspensions",
        &[(STRICT, suspended), (AGES, suspended), (FEWER, lost), (FEWER, paused), (FEWER, out)],
    );
}

#[test]
fn who_only_reads_changes_nothing_and_every_invariant_holds() {
    let resumed = Bounds { resumes: 1, ..USUAL };
    let lost = Bounds { losses: 1, crashes: 1, ..USUAL };
    let read = Bounds { failed_reads: 1, pauses: 1, ..USUAL };
    let out = Bounds { sign_outs: 1, resumes: 1, ..USUAL };
    let sign_in = Bounds { sign_ins: 1, resumes: 1, ..USUAL };
    let nameless = Rules { names_users: false, ..READER };
    let ages = Rules { ages: true, ..READER };
    hold(
        "readers",
        &[
            (READER, resumed),
            (ages, resumed),
            (READER, lost),
            (ages, read),
            (READER, out),
            (nameless, sign_in),
        ],
    );
}

/// Takes minutes and some GiB: set `AUTH_SESSION_EXPLORE` to anything.
#[test]
fn the_invariants_hold_when_more_things_come_together() {
    if std::env::var_os("AUTH_SESSION_EXPLORE").is_none() {
        return;
    }
    let out = Bounds { sign_outs: 1, losses: 1, crashes: 1, failed_writes: 1, ..USUAL };
    let both = Bounds { sign_outs: 1, sign_ins: 1, failed_writes: 1, ..USUAL };
    let slow = Bounds { sign_outs: 1, pauses: 1, doubtful_writes: 1, ..USUAL };
    let crashed = Bounds { sign_ins: 1, crashes: 1, ..USUAL };
    hold("more", &[(STRICT, out), (FEWER, both), (FEWER, slow), (AGES, crashed)]);
}

/// Where everything comes together there are too many ways to go them all: these are some.
#[test]
fn the_invariants_hold_on_long_ways_on_which_anything_happens() {
    const WALKS: u64 = 400;
    const LONGEST: usize = 150;
    let bounds = Bounds {
        losses: 2,
        expiries: 3,
        failed_writes: 2,
        doubtful_writes: 1,
        failed_reads: 2,
        crashes: 2,
        sign_outs: 2,
        sign_ins: 2,
        pauses: 3,
        denials: 1,
        resumes: 2,
        suspensions: 2,
    };
    let start = Instant::now();
    let mut sum = Explored { states: 0, transitions: 0, ends: 0 };
    for (grace, names_users, ages, reader) in [
        (false, true, false, false),
        (false, false, false, false),
        (false, true, true, false),
        (false, false, true, false),
        (true, true, false, false),
        (true, false, true, false),
        (false, true, false, true),
        (false, false, true, true),
    ] {
        let rules = Rules { grace, names_users, ages, reader, requests: [3, 3] };
        match walk(rules, bounds, WALKS, LONGEST) {
            Ok(explored) => sum.add(&explored),
            Err(trace) => panic!("{rules:?}\n{trace}"),
        }
    }
    sum.report("long ways", start);
}
