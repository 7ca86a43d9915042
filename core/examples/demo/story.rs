//! The story that the README begins with.

use std::time::Instant;

use auth_session::{AuthSession, Error, SessionConfig, SessionState};
use serde_json::json;
use test_authority::{Realm, RealmOptions};

use crate::Failure;
use crate::load::{Outcome, requests};
use crate::report::{self, Report};

pub(crate) async fn run(json: bool) -> Result<Report, Failure> {
    let timeline = Timeline { start: Instant::now(), quiet: json };
    let mut report = Report::begin();
    let realm = Realm::start(RealmOptions::default())
        .await
        .map_err(|error| Failure::Broken(format!("no server on loopback: {error}")))?;
    let tell = async |command: &str, arguments| {
        realm.command(command, arguments).await.map(|_| ()).map_err(Failure::Broken)
    };
    timeline.say("a strict authorization server is up: refresh tokens rotate, reuse ends the session");

    let opened = async {
        // More than usual: the story has 100 requests under way at once.
        let config = SessionConfig::new(&realm.api_url())?.allow_loopback(true).max_connections_per_host(128);
        AuthSession::open(config).await
    };
    let session = match opened.await {
        Ok(session) => session,
        Err(error) => return Err(Failure::NotSignedIn(Box::new(report.end(None)), error)),
    };
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    let answer = match session.sign_in(credentials).await {
        Ok(answer) => answer,
        Err(error) => return Err(Failure::NotSignedIn(Box::new(report.end(Some(&session))), error)),
    };
    timeline.say(&format!("signed in; the server sent the user along: {}", answer["user"]["name"]));
    let outcomes = requests(&session, "/me", 1, 1).await;
    timeline.say(&format!("GET /me: {}", summary(&outcomes)));
    report.add(outcomes);

    tell("hold", json!({"endpoint": "resource"})).await?;
    let callers = {
        let session = session.clone();
        tokio::spawn(async move { requests(&session, "/me", 100, 100).await })
    };
    tell("await_held", json!({"endpoint": "resource", "count": 100})).await?;
    tell("expire_access_tokens", json!({})).await?;
    timeline.say("100 requests are under way when the access token expires");
    tell("release", json!({"endpoint": "resource"})).await?;
    let outcomes = callers.await.map_err(|error| Failure::Broken(error.to_string()))?;
    let seen = realm.counters();
    timeline.say(&format!(
        "{}; the server refused {} requests and saw {} refresh",
        summary(&outcomes),
        seen.resource_unauthorized,
        seen.refreshes
    ));
    report.add(outcomes);

    tell("expire_access_tokens", json!({})).await?;
    tell("offline", json!({"listener": "all"})).await?;
    timeline.say("the network goes away, with the token expired");
    let lost = session.get("/me").send().await;
    let lost = lost.map_or_else(|error: Error| error.to_string(), |answer| answer.status().to_string());
    let still = if matches!(session.state(), SessionState::SignedIn { .. }) {
        "still signed in"
    } else {
        "signed out"
    };
    timeline.say(&format!("GET /me: {lost}; {still}"));

    tell("online", json!({"listener": "all"})).await?;
    session.network_changed();
    let outcomes = requests(&session, "/me", 100, 100).await;
    timeline.say(&format!(
        "the network is back: {}; {} refreshes so far",
        summary(&outcomes),
        realm.counters().refreshes
    ));
    report.add(outcomes);

    if let Err(error) = session.sign_out().await {
        timeline.say(&format!("the store is not erased yet: {error}"));
    }
    tell("await_counter", json!({"counter": "logouts", "at_least": 1})).await?;
    timeline.say("signed out; the server has revoked the tokens");
    let refused = session.get("/me").send().await;
    let refused = refused.map_or_else(|error| error.to_string(), |answer| answer.status().to_string());
    timeline.say(&format!("GET /me: {refused}"));
    timeline.say("");
    Ok(report.end(Some(&session)))
}

struct Timeline {
    start: Instant,
    quiet: bool,
}

impl Timeline {
    fn say(&self, what: &str) {
        if self.quiet {
            return;
        }
        if what.is_empty() {
            report::print("");
        } else {
            report::print(&format!("{:>7.1} ms  {what}", self.start.elapsed().as_secs_f64() * 1000.0));
        }
    }
}

fn summary(outcomes: &[Outcome]) -> String {
    let succeeded = outcomes.iter().filter(|outcome| outcome.failure.is_none()).count();
    format!("{succeeded} of {} succeeded", outcomes.len())
}
