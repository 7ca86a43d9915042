//! The answer to a step of a sign-in: tokens, or what the server wants next, and what the app gets to see of it.

#![no_main]

use auth_session::JsonDialect;
use auth_session::fuzzing::{Authority, json, take};
use fuzz::{LONGEST_LIFETIME, answer, is_header_safe, line};
use libfuzzer_sys::fuzz_target;

const ACCESS: [&str; 2] = ["access_token", "accessToken"];
const REFRESH: [&str; 2] = ["refresh_token", "refreshToken"];

fuzz_target!(|input: &[u8]| {
    let (first, rest) = line(input);
    let Some(answer) = answer(rest) else { return };
    let first = std::str::from_utf8(first).unwrap_or_default();
    let own = (!first.is_empty()).then_some(first);
    let mut dialect = JsonDialect::default();
    if let Some(path) = own {
        dialect = dialect.access_token_at(path);
    }
    let Ok(authority) = Authority::new(dialect) else { return };
    let result = authority.step(&answer).expect("a dialect with credentials");
    let access: Vec<&str> = own.map_or(ACCESS.to_vec(), |own| vec![own]);
    match result {
        Ok((tokens, rest)) => {
            assert!(answer.status.is_success());
            for path in access.iter().chain(&REFRESH) {
                let left = take(path, &rest).expect("a path").0;
                assert!(left.is_none_or(|left| left.is_null()), "the app gets no token");
            }
            let Some(tokens) = tokens else { return };
            assert!(tokens.access.is_some() || tokens.refresh.is_some());
            assert!(tokens.access.as_deref().is_none_or(is_header_safe));
            assert!(tokens.lifetime.is_none_or(|life| !life.is_zero() && life <= LONGEST_LIFETIME));
            assert!(authority.can_send(&tokens));
        }
        Err(error) => {
            let text = error.to_string();
            let code = error.code();
            assert!(["sign_in_rejected", "sign_in_unavailable", "undecodable"].contains(&code), "{code}");
            assert_eq!(answer.status.is_success(), code == "undecodable");
            // What a server wrote is in no text; its words are long, ours are few.
            assert!(text.len() < 100 && text.is_ascii(), "{text}");
            if code == "undecodable" {
                assert!(json(&answer.body).is_none_or(|json| {
                    access.iter().any(|path| take(path, &json).is_some_and(|(found, _, _)| found.is_some()))
                }));
            }
        }
    }
});
