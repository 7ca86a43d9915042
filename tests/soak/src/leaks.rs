//! Everything that anybody could read afterwards, and whether a token is in it.

use std::collections::HashSet;
use std::fmt::{Debug, Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::span;

/// So much of a token, from wherever in it, is enough to tell it; random text of this length does not come up by chance.
const TELLING: usize = 16;
/// The passwords of a realm's users.
const PASSWORDS: [&str; 2] = ["correct horse", "battery staple"];

/// Told apart by when it was seen: rounds run side by side, and the library's log does not say which one a line is of.
static SEEN: Mutex<Vec<(Instant, Arc<str>)>> = Mutex::new(Vec::new());
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn note(place: &str, text: impl Display) {
    // Before the lock is taken: what is shown may take locks of its own.
    let text = format!("{place}: {text}");
    locked(&SEEN).push((Instant::now(), text.into()));
}

pub(crate) fn show(place: &str, value: &(impl Debug + ?Sized)) {
    note(place, format_args!("{value:?}"));
}

/// Forgets what is older than the oldest round.
pub(crate) fn forget_before(moment: Instant) {
    let mut seen = locked(&SEEN);
    seen.retain(|(when, _)| *when >= moment);
    // What it once needed is not to be taken for memory that somebody has lost.
    seen.shrink_to_fit();
}

/// The panics since the last call that no store was told to have.
pub(crate) fn take_panics() -> Vec<String> {
    std::mem::take(&mut *locked(&PANICS))
}

/// What tells the secrets of a realm: every piece of them of that length.
pub(crate) struct Secrets(HashSet<[u8; TELLING]>);

impl Secrets {
    pub(crate) fn new(tokens: &[String]) -> Self {
        let pieces = tokens.iter().flat_map(|token| token.as_bytes().windows(TELLING));
        Self(pieces.filter_map(|piece| piece.try_into().ok()).collect())
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        let telling =
            |window: &[u8]| window.try_into().is_ok_and(|window: [u8; TELLING]| self.0.contains(&window));
        let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.as_bytes()
            .split(|byte| !of_token(byte))
            .filter(|word| word.len() >= TELLING)
            .any(|word| word.windows(TELLING).any(telling))
            || PASSWORDS.iter().any(|password| text.contains(password))
    }

    /// Where a secret was seen since then: the places, not the texts.
    pub(crate) fn seen_since(&self, moment: Instant) -> Vec<String> {
        // Copied first: whoever has something to say meanwhile must not wait for the search.
        let since = |(when, text): &(Instant, Arc<str>)| (*when >= moment).then(|| Arc::clone(text));
        let seen: Vec<Arc<str>> = locked(&SEEN).iter().filter_map(since).collect();
        let place = |text: &Arc<str>| text.split(':').next().unwrap_or_default().to_owned();
        seen.iter().filter(|text| self.is_in(text)).map(place).collect()
    }
}

/// Takes every span and every event of every level from whoever uses `tracing`.
struct Spans(AtomicU64);

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        note("span", format_args!("{} {}", attributes.metadata().name(), fields.0));
        span::Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        note("span", fields.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        note("event", format_args!("{}{}", event.metadata().target(), fields.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The same for whoever uses `log`.
struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        note("log", format_args!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Once, before anything else. The server of the realms writes to the same log: its own lines are of no interest, but it
/// has none with tokens either.
pub(crate) fn capture() {
    tracing::subscriber::set_global_default(Spans(AtomicU64::new(0))).expect("there is no other");
    log::set_logger(&Lines).expect("there is no other");
    log::set_max_level(log::LevelFilter::Trace);
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        // `FaultyStore` panics as it is told to.
        if !text.contains("a scripted defect of the store") {
            locked(&PANICS).push(text.clone());
        }
        note("panic", text);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_token_is_found_wherever_it_stands() {
        let secrets = Secrets::new(&["q7Zt-rR4_x0pLw9sVdAf2mEoUu1cYbNh".into()]);
        assert!(secrets.is_in("Authorization: Bearer aGVhZA.cGF5.q7Zt-rR4_x0pLw9sVdAf2mEoUu1cYbNh"));
        assert!(secrets.is_in(r#"{"t":"xxq7Zt-rR4_x0pLw9s"#));
        assert!(secrets.is_in("the end of it: 0pLw9sVdAf2mEoUu1cYbNh"), "its beginning is not there");
        assert!(secrets.is_in("…-rR4_x0pLw9sVdAf2mE…"), "nor is its end");
        assert!(secrets.is_in("{\"password\": \"correct horse\"}"));
        for short in ["q7Zt-rR4_x0pLw9", "Af2mEoUu1cYbNh", "x0pLw9sVdAf2mEo"] {
            assert!(!secrets.is_in(short), "{short} is too short to tell");
        }
        assert!(!secrets.is_in("nothing of it, although it is a text with some aVeryLongWordInTheMidstOfIt"));
    }
}
