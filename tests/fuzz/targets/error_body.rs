//! The body of an API's answer: the codes that the app has listed, and what an error says of a body that is no JSON.
//! The first line is a code.

#![no_main]

use auth_session::fuzzing::{Answer, json, meaning};
use auth_session::{AnswerAction, AnswerRules, Error, HeaderMap, StatusCode};
use fuzz::line;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let (code, body) = line(input);
    let code = String::from_utf8_lossy(code);
    let answer = |status| Answer { status, headers: HeaderMap::new(), body: body.to_vec() };
    let strict: Option<Value> = serde_json::from_slice(body).ok();

    let rules = AnswerRules::new().code(code.clone(), AnswerAction::EndSession);
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let (name, _) = meaning(&rules, &answer(status));
        let says = |pointer: &str| {
            strict.as_ref().and_then(|json| json.pointer(pointer)).and_then(Value::as_str) == Some(&*code)
        };
        let listed = ["/code", "/error", "/error/code", "/error_code"].into_iter().any(says);
        assert_eq!(name == "session_over", listed, "{code:?}");
    }
    assert_eq!(meaning(&rules, &answer(StatusCode::NOT_FOUND)).0, "accepted");

    match answer(StatusCode::OK).response().json::<Value>() {
        Ok(decoded) => {
            assert_eq!(Some(&decoded), strict.as_ref());
            assert_eq!(json(body).as_ref(), Some(&decoded), "a token endpoint reads it in the same way");
        }
        Err(Error::Undecodable(text)) => {
            assert!(strict.is_none() && text.starts_with("not JSON (line ") && text.len() < 80, "{text}");
        }
        Err(other) => panic!("{other:?}"),
    }
    // Nor does one of another shape show what there is instead.
    if let Err(Error::Undecodable(text)) = answer(StatusCode::OK).response().json::<[u8; 4]>() {
        let shape = text.strip_prefix("JSON of another shape (line ");
        let place = shape.or_else(|| text.strip_prefix("not JSON (line ")).expect("one of the two");
        assert!(
            place.trim_end_matches(')').replace(", column ", "").bytes().all(|byte| byte.is_ascii_digit())
        );
    }
});
