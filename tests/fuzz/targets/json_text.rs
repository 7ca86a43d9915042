//! How the JSON of a token endpoint is read, forgivingly, and what a path of the app finds in it. The first line is
//! the path.

#![no_main]

use auth_session::fuzzing::{self, take};
use fuzz::line;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| {
    let (first, body) = line(input);
    let read = fuzzing::json(body);
    let text = String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    match (&read, serde_json::from_str::<Value>(&text).ok()) {
        (read, Some(strict)) => assert_eq!(read.as_ref(), Some(&strict), "what is JSON is read as it is"),
        (Some(_), None) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count() > 1;
            let escape = text.contains("\\u");
            assert!(digits || escape, "only numbers beyond all bounds and half surrogate pairs are mended");
        }
        (None, None) => {}
    }
    // Mending one place of a text leaves the others as they are.
    if let Ok(strict) = serde_json::from_str::<Value>(&format!("[{text}]")) {
        let broken = format!("[[{text}],-1e999,\"\\ud83d\"]");
        if let Some(read) = fuzzing::json(broken.as_bytes()) {
            assert_eq!(read, json!([strict, null, "\u{fffd}"]));
        } else {
            assert!(
                serde_json::from_str::<Value>(&format!("[[{text}]]")).is_err(),
                "it was JSON but for two places"
            );
        }
    }
    let Some(read) = read else { return };
    // What was mended is JSON that needs no mending.
    let again = read.to_string();
    assert!(serde_json::from_str::<Value>(&again).is_ok());
    let Ok(path) = std::str::from_utf8(first) else { return };
    let Some((found, taken, rest)) = take(path, &read) else {
        assert!(
            path.is_empty()
                || path.contains("..")
                || path.contains("//")
                || path.starts_with('.')
                || path.ends_with(['.', '/']),
            "a path was refused that names something"
        );
        return;
    };
    assert_eq!(found, taken);
    let left = take(path, &rest).and_then(|(found, _, _)| found);
    assert!(left.is_none_or(|left| left.is_null()), "what is taken is not left behind");
    if let Some(pointer) = path.strip_prefix('/').filter(|_| !path.contains(['~', '+'])) {
        // RFC 6901 knows no index with a leading zero, which is forgiven here.
        let leading = pointer.split('/').any(|name| name.len() > 1 && name.starts_with('0'));
        assert!(leading || read.pointer(path) == found.as_ref());
    }
    if found.is_none() {
        assert_eq!(rest, read, "what is not found changes nothing");
    }
});
