//! A process with a session is killed at every point of a refresh and of a sign-out: what the next one finds.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

use process::{SessionProcess, answered, command, program, refreshes, signed_in, signed_out, start};
use serde_json::json;
use test_authority::{Realm, RealmOptions};
use tokio::process::Command;

/// No request takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Several blocks of a file, in bytes.
const LONG: usize = 4096;
/// What the system sends to a process that writes more to a file than it may (signal(7)).
const SIGXFSZ: i32 = 25;

/// What the server does with a refresh token that it has rotated already.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Strict,
    WithGrace,
    WithReplay,
}

impl Server {
    const ALL: [Self; 3] = [Self::Strict, Self::WithGrace, Self::WithReplay];

    async fn start(self) -> Realm {
        let options = match self {
            Self::Strict => RealmOptions::default(),
            Self::WithGrace => RealmOptions { grace_uses: Some(1), ..RealmOptions::default() },
            Self::WithReplay => RealmOptions { idempotent_replay: true, ..RealmOptions::default() },
        };
        start(options).await
    }
}

/// A realm, and a process on a store of its own, signed in with an access token that has expired.
struct Scene {
    realm: Realm,
    folder: tempfile::TempDir,
    process: SessionProcess,
}

impl Scene {
    async fn new(server: Server) -> Self {
        let realm = server.start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = SessionProcess::open(&realm, folder.path()).await;
        assert_eq!(process.opened, signed_out("never_signed_in"));
        assert_eq!(process.ask(json!({"do": "sign_in"})).await, json!({}));
        command(&realm, "expire_access_tokens", json!({})).await;
        Self { realm, folder, process }
    }

    async fn hold(&self, endpoint: &str, when: &str) {
        command(&self.realm, "hold", json!({"endpoint": endpoint, "when": when})).await;
    }

    async fn await_held(&self, endpoint: &str) {
        command(&self.realm, "await_held", json!({"endpoint": endpoint, "count": 1})).await;
    }

    /// Kills the process, if it has not ended yet, and opens the session in another one.
    async fn restart(&mut self) -> &mut SessionProcess {
        self.process.kill().await;
        command(&self.realm, "release", json!({"endpoint": "refresh"})).await;
        self.process = SessionProcess::open(&self.realm, self.folder.path()).await;
        &mut self.process
    }

    /// The store's one file with this extension.
    fn stored(&self, extension: &str) -> PathBuf {
        let mut entries = fs::read_dir(self.folder.path()).expect("the store");
        let record = entries.find_map(|entry| {
            let path = entry.expect("an entry").path();
            path.extension().is_some_and(|found| found == "session").then_some(path)
        });
        record.expect("a record").with_extension(extension)
    }
}

/// The server has rotated the token, and only it and a dead process know the new one.
async fn expect_after_a_lost_answer(server: Server, scene: &mut Scene) {
    let process = scene.restart().await;
    assert_eq!(process.opened, signed_in(), "{server:?}");
    let answer = process.get().await;
    if server == Server::Strict {
        // The new process cannot know that an answer was lost, only the server can.
        assert_eq!(answer, json!({"status": 401, "disposition": "session_ended"}));
        assert_eq!(process.ask(json!({"do": "state"})).await, signed_out("rejected"));
        // It returns when the tombstone is durable.
        assert_eq!(process.ask(json!({"do": "sign_out"})).await, json!({}));
        assert_eq!(refreshes(&scene.realm), (2, 1, 1));
        assert_eq!(scene.restart().await.opened, signed_out("rejected"));
    } else {
        assert_eq!(answer, answered(), "{server:?}");
        assert_eq!(refreshes(&scene.realm), (2, 1, 0), "{server:?}");
        let counters = scene.realm.counters();
        assert_eq!(counters.distinct_idempotency_keys, 1, "{server:?}");
        assert_eq!(scene.restart().await.get().await, answered(), "{server:?}");
    }
}

#[tokio::test]
async fn killed_before_the_server_commits_the_next_process_refreshes_with_the_same_token() {
    for server in Server::ALL {
        let mut scene = Scene::new(server).await;
        // Before the token is sent, because what a server has got it may act upon.
        let hanging = scene.process.hang("lease", true).await;
        scene.process.tell(json!({"do": "get", "path": "/me"})).await;
        scene.process.answer(hanging).await;
        let process = scene.restart().await;
        assert_eq!(process.opened, signed_in(), "{server:?}");
        assert_eq!(process.get().await, answered(), "{server:?}");
        assert_eq!(refreshes(&scene.realm), (1, 1, 0), "{server:?}");
    }
}

#[tokio::test]
async fn killed_between_the_server_s_commit_and_its_answer_the_session_survives_where_the_server_forgives() {
    for server in Server::ALL {
        let mut scene = Scene::new(server).await;
        scene.hold("refresh", "after").await;
        scene.process.tell(json!({"do": "get", "path": "/me"})).await;
        scene.await_held("refresh").await;
        expect_after_a_lost_answer(server, &mut scene).await;
    }
}

#[tokio::test]
async fn killed_between_the_answer_and_the_save_the_session_survives_where_the_server_forgives() {
    for server in Server::ALL {
        let mut scene = Scene::new(server).await;
        let hanging = scene.process.hang("save", false).await;
        scene.process.tell(json!({"do": "get", "path": "/me"})).await;
        scene.process.answer(hanging).await;
        expect_after_a_lost_answer(server, &mut scene).await;
    }
}

#[tokio::test]
async fn killed_between_the_save_and_its_publication_the_session_survives_everywhere() {
    for server in Server::ALL {
        let mut scene = Scene::new(server).await;
        let hanging = scene.process.hang("save", true).await;
        scene.process.tell(json!({"do": "get", "path": "/me"})).await;
        scene.process.answer(hanging).await;
        let process = scene.restart().await;
        assert_eq!(process.opened, signed_in(), "{server:?}");
        assert_eq!(process.get().await, answered(), "{server:?}");
        assert_eq!(refreshes(&scene.realm), (1, 1, 0), "{server:?}");
        // What was saved can be refreshed as well.
        command(&scene.realm, "expire_access_tokens", json!({})).await;
        assert_eq!(scene.process.get().await, answered(), "{server:?}");
        assert_eq!(refreshes(&scene.realm), (2, 2, 0), "{server:?}");
    }
}

#[tokio::test]
async fn killed_in_the_middle_of_the_write_the_record_before_it_is_whole() {
    for server in Server::ALL {
        let mut scene = Scene::new(server).await;
        let before = fs::read(scene.stored("session")).expect("a record");
        scene.process.kill().await;
        // The system kills a process that writes more than its limit, here one block, to a file.
        let long = json!({"endpoint": "refresh", "when": "after", "times": 1,
            "content": {"members": {"set": {"access_token": "x".repeat(LONG)}}}});
        command(&scene.realm, "fault", long).await;
        let mut limited = Command::new("sh");
        let limit = "ulimit -c 0; ulimit -f 1; exec \"$0\" \"$@\"";
        limited.args(["-c", limit]).arg(program());
        scene.process = SessionProcess::spawn(limited, &scene.realm, scene.folder.path(), PATIENCE).await;
        assert_eq!(scene.process.opened, signed_in());
        scene.process.tell(json!({"do": "get", "path": "/me"})).await;
        assert_eq!(scene.process.wait().await.signal(), Some(SIGXFSZ));
        let rest = fs::read(scene.stored("new")).expect("a temporary file");
        assert!(!rest.is_empty() && rest.len() < LONG, "{} bytes", rest.len());
        assert_eq!(fs::read(scene.stored("session")).expect("a record"), before);
        expect_after_a_lost_answer(server, &mut scene).await;
    }
}

#[tokio::test]
async fn killed_between_the_write_and_the_rename_the_record_before_it_counts() {
    for server in Server::ALL {
        let mut scene = Scene::new(server).await;
        let before = fs::read(scene.stored("session")).expect("a record");
        let path = scene.stored("session");
        assert_eq!(scene.process.get().await, answered());
        scene.process.kill().await;
        // The files as they are when the temporary one is written and not renamed yet.
        fs::rename(&path, scene.stored("new")).expect("the new record");
        fs::write(&path, &before).expect("the old record");
        expect_after_a_lost_answer(server, &mut scene).await;
    }
}

#[tokio::test]
async fn killed_before_the_tombstone_the_sign_out_has_not_happened_unless_the_server_heard_of_it() {
    for heard in [false, true] {
        let mut scene = Scene::new(Server::Strict).await;
        if !heard {
            command(&scene.realm, "fault", json!({"endpoint": "logout", "status": 503})).await;
        }
        let hanging = scene.process.hang("erase", false).await;
        scene.process.tell(json!({"do": "sign_out"})).await;
        scene.process.answer(hanging).await;
        if heard {
            command(&scene.realm, "await_counter", json!({"counter": "logouts", "at_least": 1})).await;
        }
        let process = scene.restart().await;
        assert_eq!(process.opened, signed_in());
        let answer = process.get().await;
        if heard {
            assert_eq!(answer, json!({"status": 401, "disposition": "session_ended"}));
            assert_eq!(process.ask(json!({"do": "state"})).await, signed_out("rejected"));
        } else {
            assert_eq!(answer, answered());
        }
        assert_eq!(scene.realm.counters().reuse_detected, 0);
    }
}

#[tokio::test]
async fn killed_after_the_tombstone_the_session_stays_signed_out() {
    let mut scene = Scene::new(Server::Strict).await;
    let hanging = scene.process.hang("erase", true).await;
    scene.process.tell(json!({"do": "sign_out"})).await;
    scene.process.answer(hanging).await;
    let process = scene.restart().await;
    assert_eq!(process.opened, signed_out("user"));
    assert_eq!(process.get().await, json!({"error": "signed_out"}));
    assert_eq!(refreshes(&scene.realm), (0, 0, 0));
}

#[tokio::test]
async fn a_refresh_answered_after_the_sign_out_brings_nothing_back_whenever_the_process_is_killed() {
    for answered_before_the_kill in [false, true] {
        let mut scene = Scene::new(Server::Strict).await;
        scene.hold("refresh", "after").await;
        scene.process.tell(json!({"do": "get", "path": "/me"})).await;
        scene.await_held("refresh").await;
        assert_eq!(scene.process.ask(json!({"do": "sign_out"})).await, json!({}));
        if answered_before_the_kill {
            command(&scene.realm, "release", json!({"endpoint": "refresh"})).await;
            // What the refresh brought is revoked: it has been dealt with.
            command(&scene.realm, "await_counter", json!({"counter": "logouts", "at_least": 1})).await;
        }
        let process = scene.restart().await;
        assert_eq!(process.opened, signed_out("user"));
        assert_eq!(process.get().await, json!({"error": "signed_out"}));
        assert_eq!(refreshes(&scene.realm), (1, 1, 0));
    }
}
