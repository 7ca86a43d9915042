//! An answer that is kept for a while, in memory of its own size.

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderValue};

/// A body that is larger is worth the memory that it was read into.
const MOST_COPIED: usize = 4 << 10;

/// Copies the values of the headers and a small body: they are parts of the memory that the connection reads into, some KiB
/// for an answer of a few bytes, and keep all of it. For an answer that waits; most are dropped sooner than copied.
pub(super) fn compact(headers: &mut HeaderMap, body: &mut Bytes) {
    let copies_body = body.len() <= MOST_COPIED;
    let length: usize = headers.values().map(HeaderValue::len).sum();
    let mut memory = BytesMut::with_capacity(length + if copies_body { body.len() } else { 0 });
    for value in headers.values() {
        memory.extend_from_slice(value.as_bytes());
    }
    if copies_body {
        memory.extend_from_slice(body);
    }
    let mut memory = memory.freeze();
    for value in headers.values_mut() {
        // What a header has held is a value of one.
        if let Ok(mut copy) = HeaderValue::from_maybe_shared(memory.split_to(value.len())) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
    if copies_body {
        *body = memory;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_the_same_and_lies_elsewhere() {
        let read = Bytes::from_static(b"Bearer realm=\"\xC3\xA9\"secret{}");
        let mut secret = HeaderValue::from_maybe_shared(read.slice(17..23)).expect("a value");
        secret.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers
            .append("www-authenticate", HeaderValue::from_maybe_shared(read.slice(..17)).expect("a value"));
        headers.append("www-authenticate", secret);
        headers.append("x-empty", HeaderValue::from_static(""));
        let (before, mut body) = (headers.clone(), read.slice(23..));
        compact(&mut headers, &mut body);
        assert_eq!((&headers, &body[..]), (&before, &b"{}"[..]));
        assert!(headers.get_all("www-authenticate").iter().map(HeaderValue::is_sensitive).eq([false, true]));
        for copy in headers.values().map(HeaderValue::as_bytes).chain([&body[..]]) {
            assert!(!read.as_ptr_range().contains(&copy.as_ptr()), "{copy:?}");
        }
    }

    #[test]
    fn a_large_body_is_not_copied() {
        let read = Bytes::from(vec![7; MOST_COPIED + 1]);
        let mut body = read.clone();
        compact(&mut HeaderMap::new(), &mut body);
        assert_eq!(body.as_ptr(), read.as_ptr());
    }
}
