//! What the process holds: memory, descriptors and threads. They return to what they were when nothing is under way.

// The counting allocator is the one place that needs it; it hands everything on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts the bytes that are allocated and not freed yet.
struct Counting;

static ALLOCATED: AtomicI64 = AtomicI64::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) bytes: i64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

/// What may come together in a whole run and be no leak: caches, the connections that are being closed, the threads of
/// the runtimes that wait for work. A minute of rounds that each leave a session behind goes beyond it.
pub(crate) const SLACK: Held = Held { bytes: 768 << 10, descriptors: 16, threads: 24 };

impl Held {
    /// Where the system does not tell, zero.
    pub(crate) fn now() -> Self {
        let count = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
        Self {
            bytes: ALLOCATED.load(Ordering::SeqCst),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }

    /// What is more than it was before, and than it may be.
    pub(crate) fn beyond(&self, before: &Self) -> Vec<String> {
        let mut beyond = Vec::new();
        let mut check = |what: &str, now: i64, before: i64, slack: i64| {
            if now > before + slack {
                beyond.push(format!("{now} {what}, {before} before"));
            }
        };
        check("bytes", self.bytes, before.bytes, SLACK.bytes);
        check("descriptors", self.descriptors as i64, before.descriptors as i64, SLACK.descriptors as i64);
        check("threads", self.threads as i64, before.threads as i64, SLACK.threads as i64);
        beyond
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, descriptors, threads } = self;
        write!(f, "{} KiB, {descriptors} descriptors, {threads} threads", bytes / 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_beyond_its_bound_is_named() {
        let before = Held { bytes: 1 << 20, descriptors: 20, threads: 10 };
        assert!(Held { bytes: 3 << 19, descriptors: 30, threads: 12 }.beyond(&before).is_empty());
        let leaking = Held { bytes: 10 << 20, descriptors: 37, threads: 40 };
        assert_eq!(leaking.beyond(&before).len(), 3);
    }
}
