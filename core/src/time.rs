//! The clocks: one that runs while the device sleeps, and the wall clock.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A point on the clock that starts at boot and keeps running while the device sleeps. An access
/// token's lifetime is counted on it, because a wall clock may be wrong or may jump, and
/// `std::time::Instant` stands still during sleep on Linux, Android and Apple systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(pub(crate) Duration);

impl BootTime {
    /// The point that lies `since_boot` after the start of the clock.
    pub fn from_boot(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    pub(crate) fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }

    /// How long from `self` to `later`; zero where `later` is not later.
    pub(crate) fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

/// Tells the time. Replaced in tests of what depends on time.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The time since boot, sleep included.
    fn boot_time(&self) -> BootTime;
    /// The wall clock; it may be wrong and may jump.
    fn wall_time(&self) -> SystemTime;
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn boot_time(&self) -> BootTime {
        // Linux and Android: CLOCK_MONOTONIC stops during sleep, CLOCK_BOOTTIME does not. On Apple
        // systems CLOCK_MONOTONIC is the continuous clock (clock_gettime(3)).
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const ID: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const ID: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(ID);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or(0);
        BootTime(Duration::new(seconds, nanoseconds))
    }

    fn wall_time(&self) -> SystemTime {
        SystemTime::now()
    }
}
