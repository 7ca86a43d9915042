//! Commands of the benchmark: a JSON line in, a JSON line out, one after the other.

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::watch;

use crate::tokens::Realm;

/// Says where the server listens and obeys until standard input closes.
pub(crate) async fn obey(realm: &Realm, announcement: &Value) -> io::Result<()> {
    let mut output = stdout();
    output.write_all(format!("{announcement}\n").as_bytes()).await?;
    output.flush().await?;
    let mut commands = BufReader::new(stdin()).lines();
    while let Some(line) = commands.next_line().await? {
        let answer = match serde_json::from_str::<Value>(&line) {
            Ok(command) => carry_out(realm, &command).await,
            Err(_) => json!({"error": "not JSON"}),
        };
        output.write_all(format!("{answer}\n").as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

async fn carry_out(realm: &Realm, command: &Value) -> Value {
    let count = command["count"].as_u64().unwrap_or(0);
    match command["do"].as_str().unwrap_or_default() {
        "counters" => {
            let mut counters = serde_json::to_value(*realm.counters()).unwrap_or_default();
            counters["refresh_requests"] = (*realm.arrived.borrow()).into();
            counters["unauthorized"] = (*realm.unauthorized.borrow()).into();
            return counters;
        }
        "expire_access_tokens" => realm.expire_access_tokens(),
        "hold_refreshes" => _ = realm.held.send_replace(true),
        "release_refreshes" => _ = realm.held.send_replace(false),
        "await_refresh_requests" => at_least(&realm.arrived, count).await,
        "await_unauthorized" => at_least(&realm.unauthorized, count).await,
        _ => return json!({"error": "unknown command"}),
    }
    json!({"done": true})
}

/// Returns when so many have been counted since the server began. Whoever waits in vain ends the process.
async fn at_least(counter: &watch::Sender<u64>, count: u64) {
    // The sender outlives the wait.
    let _ = counter.subscribe().wait_for(|counted| *counted >= count).await;
}
