//! The system's clocks, set ahead and back by a plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use auth_session::{BootTime, Clock};

/// The machine has been up for so long when a round begins, so that its clock can go back.
const UPTIME: Duration = Duration::from_secs(1_000_000);

#[derive(Clone, Debug)]
pub(crate) struct MovableClock(Arc<Offsets>);

#[derive(Debug)]
struct Offsets {
    began: std::time::Instant,
    boot_ms: AtomicI64,
    wall_ms: AtomicI64,
}

impl MovableClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Offsets {
            began: std::time::Instant::now(),
            boot_ms: AtomicI64::new(0),
            wall_ms: AtomicI64::new(0),
        }))
    }

    pub(crate) fn jump(&self, boot_ms: i64, wall_ms: i64) {
        self.0.boot_ms.fetch_add(boot_ms, Ordering::SeqCst);
        self.0.wall_ms.fetch_add(wall_ms, Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn boot_time(&self) -> BootTime {
        let offset = self.0.boot_ms.load(Ordering::SeqCst);
        let moved = Duration::from_millis(offset.unsigned_abs());
        let now = UPTIME + self.0.began.elapsed();
        BootTime::from_boot(if offset < 0 { now.saturating_sub(moved) } else { now + moved })
    }

    fn wall_time(&self) -> SystemTime {
        let offset = self.0.wall_ms.load(Ordering::SeqCst);
        let (now, moved) = (SystemTime::now(), Duration::from_millis(offset.unsigned_abs()));
        if offset < 0 { now - moved } else { now + moved }
    }
}
