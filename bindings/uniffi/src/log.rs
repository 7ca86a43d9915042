//! The library's log, handed to the app.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use auth_session::Error;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span;

use crate::callback::AppFailure;
use crate::error::SessionFailure;

/// How many lines may wait for the app. What comes while they do is dropped: a log must not hold requests up.
const WAITING_LINES: usize = 1024;
/// Only what this library says; other Rust code in the process has a log of its own.
const TARGET: &str = "auth_session";

/// How much is logged, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Gets the lines of the log, one at a time, on a thread of the library. No line holds a token, a password or a body.
#[uniffi::export(foreign)]
pub trait LogSink: Send + Sync {
    /// A line of the log.
    fn log(&self, level: LogLevel, target: String, message: String) -> Result<(), AppFailure>;
}

/// Hands the log up to `level` to the app; a later call replaces the sink and the level, and `None` ends it. One for
/// the process. A sink is refused with `already_open`, and not kept, where Rust code of the app has installed a
/// subscriber of `tracing` itself, which gets the same lines.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn LogSink>>, level: LogLevel) -> Result<(), SessionFailure> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let install = || tracing::subscriber::set_global_default(Forwarding).is_ok();
    if sink.is_some() && !*INSTALLED.get_or_init(install) {
        return Err(Error::AlreadyOpen { field: "log subscriber" }.into());
    }
    let shared = shared();
    shared.level.store(if sink.is_some() { level as usize } else { OFF }, Ordering::Relaxed);
    let replaced = std::mem::replace(&mut *shared.sink.write().unwrap_or_else(PoisonError::into_inner), sink);
    // Letting go of an object of the app calls the app: not under the lock.
    drop(replaced);
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

const OFF: usize = usize::MAX;

struct Shared {
    sink: RwLock<Option<Arc<dyn LogSink>>>,
    level: AtomicUsize,
    lines: SyncSender<Line>,
    dropped: AtomicU64,
}

struct Line {
    level: LogLevel,
    target: &'static str,
    message: String,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (lines, waiting) = sync_channel::<Line>(WAITING_LINES);
        let forward = move || {
            for line in waiting {
                let shared = shared();
                let sink = shared.sink.read().unwrap_or_else(PoisonError::into_inner).clone();
                let Some(sink) = sink else { continue };
                let dropped = shared.dropped.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let message = format!("{dropped} lines of the log were dropped");
                    let _ = sink.log(LogLevel::Warn, TARGET.to_owned(), message);
                }
                // A sink that fails cannot be told of it.
                let _ = sink.log(line.level, line.target.to_owned(), line.message);
            }
        };
        // Without a thread nothing is forwarded; the lines are dropped when the queue is full.
        let _ = std::thread::Builder::new().name("auth-session-log".to_owned()).spawn(forward);
        Shared { sink: RwLock::default(), level: AtomicUsize::new(OFF), lines, dropped: AtomicU64::new(0) }
    })
}

fn level_of(metadata: &tracing::Metadata<'_>) -> LogLevel {
    match *metadata.level() {
        tracing::Level::ERROR => LogLevel::Error,
        tracing::Level::WARN => LogLevel::Warn,
        tracing::Level::INFO => LogLevel::Info,
        tracing::Level::DEBUG => LogLevel::Debug,
        tracing::Level::TRACE => LogLevel::Trace,
    }
}

/// A subscriber of `tracing` that knows no spans.
struct Forwarding;

impl tracing::Subscriber for Forwarding {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        let level = shared().level.load(Ordering::Relaxed);
        level != OFF && metadata.target().starts_with(TARGET) && level_of(metadata) as usize <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match shared().level.load(Ordering::Relaxed) {
            0 => LevelFilter::ERROR,
            1 => LevelFilter::WARN,
            2 => LevelFilter::INFO,
            3 => LevelFilter::DEBUG,
            OFF => LevelFilter::OFF,
            _ => LevelFilter::TRACE,
        })
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let metadata = event.metadata();
        let line = Line { level: level_of(metadata), target: metadata.target(), message: message.0 };
        if shared().lines.try_send(line).is_err() {
            shared().dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The message of an event and behind it its fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That of an app, which wants nothing.
    struct Own;

    impl tracing::Subscriber for Own {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            false
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {}

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    struct Sink;

    impl LogSink for Sink {
        fn log(&self, _: LogLevel, _: String, _: String) -> Result<(), AppFailure> {
            Ok(())
        }
    }

    /// The only test that installs a subscriber: there is one for the process.
    #[test]
    fn a_sink_that_cannot_be_used_is_not_kept_and_none_is_no_failure() {
        tracing::subscriber::set_global_default(Own).expect("the first");
        for _ in 0..2 {
            let sink = Arc::new(Sink);
            let failure = set_log_sink(Some(Arc::clone(&sink) as _), LogLevel::Trace).expect_err("taken");
            assert!(failure.to_string().starts_with("already_open: "), "{failure}");
            assert_eq!(Arc::strong_count(&sink), 1, "it is let go of");
            assert_eq!(shared().level.load(Ordering::Relaxed), OFF);
            set_log_sink(None, LogLevel::Error).expect("there is nothing to end");
        }
    }
}
