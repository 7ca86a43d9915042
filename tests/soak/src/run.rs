//! A run: one round after the other, several at a time, for as long as asked.

use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::faults::Faults;
use crate::leaks;
use crate::plan::Plan;
use crate::random::seed_of_round;
use crate::resources::Held;
use crate::round::{self, Report};
use crate::say;
use crate::stalls;
use crate::tally::{Finding, Kind, Tally};

/// They wait most of the time; this many keep two cores busy.
const AT_ONCE: usize = 4;
/// After so many rounds, nothing new begins until what the process holds has been looked at.
const BETWEEN_LOOKS: u64 = 60;
/// The first look, with which the others are compared: after everything that is made once is there.
const WARM_UP: u64 = 18;
/// Threads of the library's runtime that wait for blocking work go after ten seconds.
const SETTLING: Duration = Duration::from_secs(15);
const PROGRESS: Duration = Duration::from_secs(10);
/// What all rounds at once may hold; bodies of 8 MB are among the faults.
const MOST_BYTES: i64 = 512 << 20;

pub(crate) enum Extent {
    Time(Duration),
    Round(u64),
}

struct Run {
    seed: u64,
    faults: Faults,
    tally: Tally,
    /// When the rounds began that are under way, by their numbers.
    under_way: Vec<(u64, Instant)>,
    rounds: JoinSet<(u64, Report)>,
    baseline: Option<Held>,
}

/// Returns whether everything held. Runs on a runtime of its own: the library has another.
pub(crate) fn run(seed: u64, extent: Extent) -> bool {
    leaks::capture();
    stalls::watch();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let clean = runtime.block_on(Run::new(seed).go_on(extent));
    runtime.shutdown_timeout(Duration::from_secs(1));
    clean
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            faults: Faults::new(),
            tally: Tally::default(),
            under_way: Vec::new(),
            rounds: JoinSet::new(),
            baseline: None,
        }
    }

    async fn go_on(mut self, extent: Extent) -> bool {
        say(&format!("seed {}", self.seed));
        let began = Instant::now();
        match extent {
            Extent::Round(round) => {
                self.begin(round);
                self.finish().await;
            }
            Extent::Time(most) => {
                let mut next = 0;
                let mut told = Instant::now();
                while began.elapsed() < most {
                    if next == WARM_UP || next % BETWEEN_LOOKS == 0 && next > 0 {
                        self.finish().await;
                        self.look().await;
                    }
                    while self.rounds.len() >= AT_ONCE {
                        self.end_of_one().await;
                    }
                    self.begin(next);
                    next += 1;
                    if told.elapsed() >= PROGRESS {
                        told = Instant::now();
                        eprintln!(
                            "{:>5} s  {}; {}",
                            began.elapsed().as_secs(),
                            self.tally.progress(),
                            Held::now()
                        );
                    }
                }
                self.finish().await;
                self.look().await;
            }
        }
        say(&format!("{}\n{}", self.tally, Held::now()));
        if !self.tally.is_clean() {
            say(&format!(
                "what was found stands above; scripts/soak.sh --seed {} --round N plays a plan again",
                self.seed
            ));
        }
        say(&self.tally.verdict());
        self.tally.is_clean()
    }

    fn begin(&mut self, round: u64) {
        let plan = Plan::new(seed_of_round(self.seed, round), &self.faults);
        let faults = Faults::new();
        self.under_way.push((round, Instant::now()));
        self.rounds.spawn(async move { (round, round::run(&plan, &faults).await) });
    }

    async fn finish(&mut self) {
        while !self.rounds.is_empty() {
            self.end_of_one().await;
        }
    }

    async fn end_of_one(&mut self) {
        let Some(ended) = self.rounds.join_next().await else { return };
        match ended {
            Ok((round, Report { tally, findings })) => {
                self.under_way.retain(|(number, _)| *number != round);
                self.report(round, &findings);
                self.tally.add(tally);
            }
            Err(_) => self.tell(Kind::Lost, "a round panicked"),
        }
        for panic in leaks::take_panics() {
            self.tell(Kind::Other, &format!("a panic: {panic}"));
        }
        let oldest = self.under_way.iter().map(|(_, began)| *began).min();
        leaks::forget_before(oldest.unwrap_or_else(Instant::now));
        let bytes = Held::now().bytes;
        if bytes > MOST_BYTES {
            self.tell(Kind::Leaked, &format!("{bytes} bytes are allocated"));
        }
    }

    fn report(&self, round: u64, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        let plan = Plan::new(seed_of_round(self.seed, round), &self.faults);
        say(&format!("round {round} has not held:"));
        for Finding { kind, text } in findings {
            say(&format!("  {kind:?}: {text}"));
        }
        say(&format!("{plan}the same plan again: scripts/soak.sh --seed {} --round {round}\n", self.seed));
    }

    fn tell(&mut self, kind: Kind, text: &str) {
        say(&format!("{kind:?}: {text}"));
        self.tally.found(kind);
    }

    /// Compares what the process holds with what it held, when nothing is under way.
    async fn look(&mut self) {
        let began = Instant::now();
        let mut held = Held::now();
        let Some(baseline) = self.baseline else {
            sleep(Duration::from_millis(500)).await;
            self.baseline = Some(Held::now());
            return;
        };
        while !held.beyond(&baseline).is_empty() && began.elapsed() < SETTLING {
            sleep(Duration::from_millis(100)).await;
            held = Held::now();
        }
        for what in held.beyond(&baseline) {
            self.tell(Kind::Leaked, &format!("after {} rounds, {what}", self.tally.rounds));
        }
    }
}
