//! An answer that is kept for a while, in one piece of memory of its own size.

use bytes::{Buf, BufMut, Bytes};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Of a body; what refuses a request is seldom larger.
const MOST_COPIED: usize = 64 << 10;

/// The headers and the body of an answer. As they come they are parts of the memory that the connection reads into, some KiB
/// for an answer of a few bytes, and keep all of it; and the many who wait for the same refresh would free a dozen pieces of
/// memory each before they send again.
pub(super) struct Compact {
    /// For each header the lengths of its name and value, whether it is sensitive, the name and the value; a zero; and a
    /// small body.
    memory: Box<[u8]>,
    large_body: Option<Bytes>,
}

/// Of a header, beside its name and value.
const LENGTHS: usize = 7;

impl Compact {
    pub(super) fn of(headers: &HeaderMap, body: Bytes) -> Self {
        let (body, large_body) =
            if body.len() <= MOST_COPIED { (body, None) } else { (Bytes::new(), Some(body)) };
        let of_headers: usize =
            headers.iter().map(|(name, value)| LENGTHS + name.as_str().len() + value.len()).sum();
        let mut memory = Vec::with_capacity(of_headers + 2 + body.len());
        for (name, value) in headers {
            let lengths = (u16::try_from(name.as_str().len()), u32::try_from(value.len()));
            // A name has less than 64 KiB, and a connection reads less of all headers together than a value could have.
            let (Ok(of_name), Ok(of_value)) = lengths else { continue };
            memory.put_u16(of_name);
            memory.put_u32(of_value);
            memory.put_u8(value.is_sensitive().into());
            memory.put_slice(name.as_str().as_bytes());
            memory.put_slice(value.as_bytes());
        }
        memory.put_u16(0);
        memory.put_slice(&body);
        Self { memory: memory.into_boxed_slice(), large_body }
    }

    pub(super) fn restore(self) -> (HeaderMap, Bytes) {
        let mut memory = Bytes::from(self.memory);
        let mut headers = HeaderMap::new();
        loop {
            let of_name = usize::from(memory.get_u16());
            if of_name == 0 {
                return (headers, self.large_body.unwrap_or(memory));
            }
            let (of_value, is_sensitive) = (memory.get_u32() as usize, memory.get_u8() != 0);
            let name = HeaderName::from_bytes(&memory.split_to(of_name));
            let value = HeaderValue::from_maybe_shared(memory.split_to(of_value));
            // They come from headers.
            if let (Ok(name), Ok(mut value)) = (name, value) {
                value.set_sensitive(is_sensitive);
                headers.append(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_restored_is_the_same_and_lies_elsewhere() {
        let read = Bytes::from_static(b"Bearer realm=\"\xC3\xA9\"secret{}");
        let mut secret = HeaderValue::from_maybe_shared(read.slice(17..23)).expect("a value");
        secret.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers
            .append("www-authenticate", HeaderValue::from_maybe_shared(read.slice(..17)).expect("a value"));
        headers.append("x-of-the-server", HeaderValue::from_static(""));
        headers.append("www-authenticate", secret);
        let (restored, body) = Compact::of(&headers, read.slice(23..)).restore();
        assert_eq!((&restored, &body[..]), (&headers, &b"{}"[..]));
        assert!(restored.get_all("www-authenticate").iter().map(HeaderValue::is_sensitive).eq([false, true]));
        for copy in restored.values().map(HeaderValue::as_bytes).chain([&body[..]]) {
            assert!(!read.as_ptr_range().contains(&copy.as_ptr()), "{copy:?}");
        }
    }

    #[test]
    fn a_large_body_is_not_copied() {
        for (length, is_copied) in [(MOST_COPIED + 1, false), (MOST_COPIED, true), (0, true)] {
            let read = Bytes::from(vec![7; length]);
            let (headers, body) = Compact::of(&HeaderMap::new(), read.clone()).restore();
            assert_eq!((headers.len(), &body), (0, &read));
            assert_eq!(body.as_ptr() != read.as_ptr(), is_copied, "{length}");
        }
    }
}
