//! The tables of docs/bad-input.md, row by row, over real sockets.

mod scripted;

use std::time::{Duration, SystemTime};

use auth_session::{AuthSession, Error, RefreshObstacle, SessionConfig, SessionState, SignOutReason, Tokens};
use scripted::{PATIENCE, Scripted, unsigned_jwt};
use serde_json::json;
use tokio::time::timeout;

const PAGE: &str = include_str!("../../docs/bad-input.md");
const GOOD: &str = r#"{"access_token":"good","refresh_token":"good"}"#;

/// The rows of the table whose first column is headed so.
fn rows(first_column: &str) -> Vec<Vec<&'static str>> {
    let heading = format!("| {first_column} |");
    let rows: Vec<_> = PAGE
        .lines()
        .skip_while(|line| !line.starts_with(&heading))
        .skip(2)
        .map_while(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 10, "there is a table {heading}");
    rows
}

/// Code spans, each of them repeated where `× N` follows.
fn bytes(cell: &str) -> Vec<u8> {
    let mut result = Vec::new();
    let mut pieces = cell.split('`').skip(1);
    while let (Some(code), Some(behind)) = (pieces.next(), pieces.next()) {
        let times = behind.trim().strip_prefix("× ").map_or(1, |times| times.parse().expect("a number"));
        let code = unescaped(code);
        (0..times).for_each(|_| result.extend_from_slice(&code));
    }
    result
}

/// `\xNN` is a byte; other escapes are JSON's own.
fn unescaped(code: &str) -> Vec<u8> {
    let mut pieces = code.split(r"\x");
    let mut result = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        result.push(u8::from_str_radix(&piece[..2], 16).expect("two digits"));
        result.extend_from_slice(&piece.as_bytes()[2..]);
    }
    result
}

async fn open(server: &Scripted) -> AuthSession {
    let config = SessionConfig::new(&server.url).expect("a URL").allow_loopback(true);
    AuthSession::open(config).await.expect("a session")
}

async fn stale(server: &Scripted) -> AuthSession {
    let session = open(server).await;
    session.adopt(Tokens::from_refresh_token("refresh-1")).await.expect("a good token");
    session
}

/// One row of the first table.
#[derive(Clone)]
struct Answer {
    status: u16,
    cut: bool,
    kind: &'static str,
    body: Vec<u8>,
}

impl Answer {
    fn read(row: &[&'static str]) -> Self {
        let (status, cut) = match row[1].strip_suffix(" cut") {
            Some(status) => (status, true),
            None => (row[1], false),
        };
        Self { status: status.parse().expect("a status"), cut, kind: row[2], body: bytes(row[3]) }
    }

    fn give(&self, server: &Scripted, path: &str) {
        let headers = [("content-type", self.kind)];
        let missing = if self.cut { 10 } else { 0 };
        server.answer_cut(path, self.status, &headers, &self.body, missing);
    }

    async fn at_a_refresh(&self) -> String {
        let server = Scripted::start().await;
        self.give(&server, "/auth/refresh");
        server.answer("/auth/refresh", 200, &[], GOOD);
        server.answer("/me", 200, &[], "");
        let session = stale(&server).await;
        let told = session.get("/me").send().await;
        let asked = server.when_asked("/auth/refresh", 1).await;
        let (token, attempt) = (json!({"refresh_token": "refresh-1"}), asked[0].header("idempotency-key"));
        assert!(asked.iter().all(|again| again.method == "POST" && again.json() == token));
        assert!(asked.iter().all(|again| again.header("idempotency-key") == attempt));
        let ended = matches!(session.state(), SessionState::SignedOut { reason: SignOutReason::Rejected });
        assert!(ended || matches!(session.state(), SessionState::SignedIn { .. }));
        assert!(!format!("{told:?}").contains("canary"));
        let name = match (told, asked.len()) {
            (Ok(_), 1) => {
                let sent = server.asked("/me")[0].header("authorization").map(str::to_owned);
                assert!(sent.is_some_and(|sent| sent.starts_with("Bearer a")), "the row's token is sent");
                "rotated"
            }
            (Ok(_), 2) => "ambiguous",
            (Err(Error::SessionEnded { .. }), 1) if ended => "rejected",
            (Err(Error::RefreshUnavailable { cause: RefreshObstacle::NoAccessToken, .. }), 1) => "salvaged",
            (Err(Error::RefreshUnavailable { cause: RefreshObstacle::Unavailable, .. }), 1) => "unavailable",
            (Err(Error::AuthorityMisconfigured(_)), 1) => "misconfigured",
            (Err(Error::AuthorityUnexpected { .. }), 1) => "unexpected",
            (other, count) => panic!("{other:?} after {count} refreshes"),
        };
        name.to_owned()
    }

    async fn at_a_sign_in(&self) -> String {
        let server = Scripted::start().await;
        self.give(&server, "/auth/login");
        let session = open(&server).await;
        let told = session.sign_in(json!({"password": "correct horse"})).await;
        let signed_in = matches!(session.state(), SessionState::SignedIn { .. });
        assert!(!format!("{told:?}").contains("canary"));
        if let Err(error) = &told {
            assert!(!error.to_string().contains("canary"));
        }
        assert_eq!(signed_in, told.as_ref().is_ok_and(|answer| answer.is_signed_in()));
        match told {
            Ok(_) if signed_in => "signed in".to_owned(),
            Ok(_) => "next step".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }
}

#[tokio::test]
async fn every_answer_of_a_token_endpoint_leads_to_what_the_page_says() {
    for row in rows("answer") {
        let answer = Answer::read(&row);
        let refresh = timeout(PATIENCE, answer.at_a_refresh()).await.expect(row[0]);
        let sign_in = timeout(PATIENCE, answer.at_a_sign_in()).await.expect(row[0]);
        assert_eq!((refresh.as_str(), sign_in.as_str()), (row[4], row[5]), "{}", row[0]);
    }
}

/// Checks how long the access token lives according to the session: `unknown`, or seconds.
fn check_lifetime(session: &AuthSession, expected: &str, row: &str) {
    let SessionState::SignedIn { expires_at, .. } = session.state() else { panic!("signed in: {row}") };
    let left = expires_at.map(|expiry| expiry.duration_since(SystemTime::now()).expect("it is to come"));
    match (left, expected) {
        (None, "unknown") => {}
        (Some(left), seconds) => check_seconds(left, seconds, row),
        (None, _) => panic!("{row}: unknown"),
    }
}

/// A few seconds may have passed since.
fn check_seconds(time: Duration, expected: &str, row: &str) {
    let seconds: u64 = expected.trim_end_matches(" s").parse().expect(row);
    assert!((seconds.saturating_sub(5)..=seconds).contains(&time.as_secs()), "{row}: {time:?}");
}

#[tokio::test]
async fn every_expires_in_is_a_lifetime_or_unknown() {
    for row in rows("`expires_in`") {
        let server = Scripted::start().await;
        let expires_in = row[0].trim_matches('`');
        let body = format!(r#"{{"access_token":"a","expires_in":{expires_in},"refresh_token":"r"}}"#);
        server.answer("/auth/login", 200, &[], body);
        let session = open(&server).await;
        assert!(session.sign_in(json!({})).await.expect(expires_in).is_signed_in());
        check_lifetime(&session, row[1], expires_in);
    }
}

#[tokio::test]
async fn every_payload_of_an_access_token_is_claims_or_none() {
    for row in rows("payload") {
        let server = Scripted::start().await;
        let body = json!({"access_token": unsigned_jwt(&bytes(row[0]))}).to_string();
        let date: &[(&str, &str)] = if row[1].is_empty() { &[] } else { &[("date", row[1])] };
        server.answer("/auth/login", 200, date, body);
        let session = open(&server).await;
        assert!(session.sign_in(json!({})).await.expect(row[0]).is_signed_in());
        let SessionState::SignedIn { subject, .. } = session.state() else { panic!("signed in") };
        assert_eq!(subject.unwrap_or_default(), row[2], "{row:?}");
        check_lifetime(&session, row[3], row[0]);
    }
}

#[tokio::test]
async fn without_a_date_the_device_s_clock_has_to_do() {
    let server = Scripted::start().await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let payload = json!({"exp": now + 3600}).to_string();
    let body = json!({"access_token": unsigned_jwt(payload.as_bytes())}).to_string();
    server.answer("/auth/login", 200, &[], &body);
    // A server whose clock is a day ahead has issued a token that ended a day ago, as it says itself.
    let ahead = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(24 * 60 * 60));
    server.answer("/auth/login", 200, &[("date", &ahead)], &body);
    let session = open(&server).await;
    session.sign_in(json!({})).await.expect("signed in");
    check_lifetime(&session, "3600 s", "without a Date");
    session.sign_in(json!({})).await.expect("signed in");
    check_lifetime(&session, "unknown", "with a Date of tomorrow");
}

#[tokio::test]
async fn every_retry_after_is_a_pause_or_backoff() {
    for row in rows("`Retry-After`") {
        let server = Scripted::start().await;
        let mut headers = vec![("retry-after", row[0])];
        headers.extend((!row[1].is_empty()).then_some(("date", row[1])));
        server.answer("/auth/refresh", 503, &headers, "");
        let error = stale(&server).await.get("/me").send().await.expect_err("no token");
        let pause = error.retry_after().expect("a refresh that failed");
        match row[2] {
            // The first backoff is at most a second.
            "backoff" => assert!(pause <= Duration::from_secs(1), "{row:?}: {pause:?}"),
            seconds => check_seconds(pause, seconds, row[0]),
        }
    }
}
