//! What the targets share: how an input becomes an answer of a server. Inputs are text where they can be, so that the
//! corpus can be read and mutations meet what has a meaning.

use std::time::{Duration, SystemTime};

use auth_session::fuzzing::Answer;
use auth_session::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// No token endpoint's answer that means something is longer than this, and longer inputs are slower.
pub const MOST_BYTES: usize = 1 << 16;

/// A life that is longer than ten years is taken for a mistake.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The first line of an input, and the rest.
pub fn line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[]),
    }
}

/// Lines up to an empty one, and what is behind it.
pub fn lines(mut input: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines = Vec::new();
    while !input.is_empty() {
        let (first, rest) = line(input);
        input = rest;
        if first.is_empty() {
            break;
        }
        lines.push(first);
    }
    (lines, input)
}

/// An answer as on the wire: the status, headers, an empty line, the body. What an HTTP stack would not hand on is
/// left out, as it is there.
pub fn answer(input: &[u8]) -> Option<Answer> {
    let (lines, body) = lines(input);
    let mut lines = lines.into_iter();
    let status = StatusCode::from_bytes(lines.next()?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    Some(Answer { status, headers, body: body.to_vec() })
}

/// Whether a text can stand behind `Bearer ` and cannot end the line.
pub fn is_header_safe(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// Seconds since 1970, up to the end of what HTTP can say.
pub fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds % 253_402_300_800)
}
