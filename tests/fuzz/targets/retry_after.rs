//! `Retry-After`, with a `Date` beside it: of a token endpoint, and of an API. What a session makes of it is bounded.

#![no_main]

use std::time::Duration;

use auth_session::fuzzing::{Authority, Session, pause, record, retry_after};
use auth_session::{Error, Generation, JsonDialect, Load, StatusCode};
use fuzz::{answer, at};
use libfuzzer_sys::fuzz_target;

/// However long a server asks for, it is asked again after so long.
const MOST_PATIENCE: Duration = Duration::from_secs(300);
/// An app's request waits no longer than this before it is sent once more.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

fuzz_target!(|input: (u64, u32, &[u8])| {
    let (now, left, bytes) = input;
    let now = at(now);
    let Some(mut answer) = answer(bytes) else { return };
    if answer.status.is_success() {
        answer.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    let text = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = text.as_deref().and_then(|text| retry_after(text, answer.date().unwrap_or(now)));
    if let Some(text) = &text {
        let digits = text.trim();
        if !digits.is_empty() && digits.len() < 20 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            assert_eq!(asked, Some(Duration::from_secs(digits.parse().expect("digits"))));
        }
        assert!(!digits.starts_with('-') || asked.is_none(), "no pause is negative");
    }
    let left = Duration::from_millis(left.into());
    for attempts in 1..4 {
        let pause = pause(answer.status, asked, attempts, left);
        assert!(pause.is_none_or(|pause| pause <= LONGEST_PAUSE && pause < left));
        assert!(attempts < 3 || pause.is_none(), "three attempts are enough");
    }

    let authority = Authority::new(JsonDialect::default()).expect("no mistake");
    let stored = Load::Found(record(None, Some("r")), Generation(1));
    let mut session = Session::restore(stored, now, None, None);
    assert_eq!(session.token(), Ok(None), "a refresh is needed");
    session.answered(&authority, &answer);
    if let Err(Error::RefreshUnavailable { retry_after, .. }) = session.token() {
        assert!(retry_after.is_some_and(|pause| pause <= MOST_PATIENCE), "{retry_after:?}");
        // And then the server is asked again.
        session.pass(retry_after.unwrap_or_default());
        assert_eq!(session.token(), Ok(None));
    }
});
