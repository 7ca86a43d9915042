//! What a refusal of an API means: `WWW-Authenticate` in any number of headers, and the body. The first line is what
//! the app says of its API.

#![no_main]

use auth_session::fuzzing::{Answer, meaning};
use auth_session::{AnswerAction, AnswerRules, HeaderMap, HeaderValue};
use fuzz::{answer, line};
use libfuzzer_sys::fuzz_target;

const NAME: &str = "www-authenticate";
/// In bytes, of what an event shows of a challenge.
const LONGEST_PARAMETER: usize = 256;

/// `forbidden` and `bare`, and codes: `refresh=text`, `end=text`, `pass=text`.
fn rules(line: &str) -> AnswerRules {
    line.split(' ').fold(AnswerRules::new(), |rules, word| match word.split_once('=') {
        Some(("refresh", code)) => rules.code(code, AnswerAction::Refresh),
        Some(("end", code)) => rules.code(code, AnswerAction::EndSession),
        Some(("pass", code)) => rules.code(code, AnswerAction::Pass),
        _ if word == "forbidden" => rules.refresh_on_forbidden(),
        _ if word == "bare" => rules.pass_bare_unauthorized(),
        _ => rules,
    })
}

fn with(answer: &Answer, challenges: impl IntoIterator<Item = HeaderValue>) -> Answer {
    let mut headers = HeaderMap::new();
    for challenge in challenges {
        headers.append(NAME, challenge);
    }
    Answer { headers, ..answer.clone() }
}

fuzz_target!(|input: &[u8]| {
    let (first, rest) = line(input);
    let Some(answer) = answer(rest) else { return };
    let first = String::from_utf8_lossy(first);
    let rules = rules(&first);
    let (name, step_up) = meaning(&rules, &answer);
    let status = answer.status.as_u16();
    assert_eq!(name == "accepted", !matches!(status, 401 | 403));
    match name {
        "permission_denied" => assert_eq!(status, 403),
        "not_curable" => assert_eq!(status, 401),
        "session_over" => assert!(first.contains("end="), "only the app's own rule ends a session"),
        "token_refused" if status == 403 => {
            assert!(first.contains("forbidden") || first.contains("refresh="))
        }
        _ => {}
    }
    if let Some(step_up) = &step_up {
        for text in [&step_up.acr_values, &step_up.scope].into_iter().flatten() {
            assert!(!text.is_empty() && text.len() <= LONGEST_PARAMETER);
            assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
    let challenges: Vec<HeaderValue> = answer.headers.get_all(NAME).iter().cloned().collect();
    // RFC 9110 section 5.2: headers of one name may stand in any order as far as one does not continue the other.
    let reversed = with(&answer, challenges.iter().rev().cloned());
    assert_eq!(meaning(&rules, &reversed).0, name, "the order of the headers matters");
    // Nor does it matter how often one is said.
    let doubled = with(&answer, challenges.iter().chain(&challenges).cloned());
    assert_eq!(meaning(&rules, &doubled), (name, step_up.clone()));
    // A scheme that is not about our token changes nothing beside one that is.
    if !challenges.is_empty() && name != "token_refused" {
        let beside = challenges.iter().cloned().chain([HeaderValue::from_static("Basic realm=\"x\"")]);
        assert_eq!(meaning(&rules, &with(&answer, beside)), (name, step_up));
    }
    // One that says so plainly is heard beside all others.
    if status == 401 && !matches!(name, "step_up" | "session_over") && answer.body.is_empty() {
        let plain = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        let said = with(&answer, challenges.into_iter().chain([plain]));
        assert_eq!(meaning(&rules, &said).0, "token_refused");
    }
});
