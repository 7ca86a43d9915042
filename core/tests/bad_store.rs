//! What a session makes of a file store that is damaged, gone, closed or full. The last table of
//! `docs/bad-input.md` lists it; none of it ends a session.

#![cfg(target_os = "linux")]

#[path = "support/process.rs"]
mod process;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_session::{AuthSession, Error, Event, FileStore, SessionConfig, SessionState, SignOutReason};
use process::{SessionProcess, answered, command, program, refreshes, signed_in, start};
use serde_json::json;
use test_authority::{Realm, RealmOptions};
use tokio::process::Command;
use tokio::time::timeout;

/// Nothing here takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// A user of no rights, on most systems "nobody".
const NOBODY: u32 = 65534;

async fn open(realm: &Realm, directory: &Path, account: &str) -> AuthSession {
    let config = SessionConfig::new(&realm.api_url()).expect("a URL").allow_loopback(true);
    let config = config.account(account).store(FileStore::new(directory));
    AuthSession::open(config).await.expect("a session")
}

async fn sign_in(session: &AuthSession) -> Result<(), Error> {
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    session.sign_in(credentials).await.map(|_| ())
}

/// The status of an answer, or the code of an error.
async fn get(session: &AuthSession) -> String {
    match timeout(PATIENCE, session.get("/me").send()).await.expect("an answer in time") {
        Ok(answer) => format!("{} {}", answer.status().as_u16(), answer.disposition().name()),
        Err(error) => error.code().to_owned(),
    }
}

fn is_signed_in(session: &AuthSession) -> bool {
    matches!(session.state(), SessionState::SignedIn { .. })
}

fn lock_cause(session: &AuthSession) -> Option<&'static str> {
    session.lock_cause().map(|cause| cause.code())
}

/// The files with this extension, the newest first.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the store")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort_by_key(|path| fs::symlink_metadata(path).and_then(|data| data.modified()).ok());
    files.reverse();
    files
}

fn record(directory: &Path) -> PathBuf {
    files(directory, "session").remove(0)
}

/// How the record goes bad.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Truncated,
    BitFlipped,
    Empty,
    TooLarge,
    OtherAccount,
    LaterVersion,
    Link,
    Pipe,
    Directory,
}

impl Damage {
    const ALL: [Self; 9] = [
        Self::Truncated,
        Self::BitFlipped,
        Self::Empty,
        Self::TooLarge,
        Self::OtherAccount,
        Self::LaterVersion,
        Self::Link,
        Self::Pipe,
        Self::Directory,
    ];

    /// Whether the next save takes its place.
    fn is_replaced(self) -> bool {
        !matches!(self, Self::LaterVersion | Self::Directory)
    }

    async fn inflict(self, realm: &Realm, directory: &Path) {
        let path = record(directory);
        let mut bytes = fs::read(&path).expect("a record");
        match self {
            Self::Truncated => bytes.truncate(bytes.len() / 2),
            Self::BitFlipped => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            Self::Empty => bytes.clear(),
            Self::TooLarge => bytes.resize((1 << 20) + 1, b' '),
            Self::OtherAccount => {
                let other = open(realm, directory, "other").await;
                sign_in(&other).await.expect("signed in");
                other.close().await;
                let others = files(directory, "session").into_iter().find(|found| *found != path);
                bytes = fs::read(others.expect("another record")).expect("a record");
            }
            Self::LaterVersion => {
                bytes = b"authsession-record 2 live 9 00\n{}".to_vec();
            }
            // What it leads to would be a good record.
            Self::Link => {
                let target = path.with_extension("elsewhere");
                fs::rename(&path, &target).expect("moved");
                return symlink(target, path).expect("a link");
            }
            Self::Pipe => {
                fs::remove_file(&path).expect("removed");
                let made = std::process::Command::new("mkfifo").arg(&path).status();
                return assert!(made.expect("the system has mkfifo").success());
            }
            Self::Directory => {
                fs::remove_file(&path).expect("removed");
                return fs::create_dir_all(path.join("full")).expect("a directory");
            }
        }
        fs::write(path, bytes).expect("written");
    }
}

/// What is there, without following or waiting for it.
fn there(path: &Path) -> (u32, u64, Option<Vec<u8>>) {
    let data = fs::symlink_metadata(path).expect("it is there");
    (data.mode(), data.ino(), data.is_file().then(|| fs::read(path).expect("a file")))
}

#[tokio::test]
async fn a_bad_record_locks_the_session_and_is_kept_until_the_user_signs_in() {
    for damage in Damage::ALL {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let session = open(&realm, folder.path(), "main").await;
        sign_in(&session).await.expect("signed in");
        session.close().await;
        let path = record(folder.path());
        damage.inflict(&realm, folder.path()).await;
        let before = there(&path);
        let session = open(&realm, folder.path(), "main").await;
        assert_eq!(session.state(), SessionState::Locked, "{damage:?}");
        assert_eq!(lock_cause(&session), Some("store_corrupt"), "{damage:?}");
        assert_eq!(get(&session).await, "store_corrupt", "{damage:?}");
        session.resume();
        assert_eq!(get(&session).await, "store_corrupt", "{damage:?}");
        assert_eq!(there(&path), before, "{damage:?}: it is kept as it is");
        assert_eq!(sign_in(&session).await, Ok(()), "{damage:?}");
        assert_eq!(get(&session).await, "200 answered", "{damage:?}");
        if damage.is_replaced() {
            session.close().await;
            let session = open(&realm, folder.path(), "main").await;
            assert!(is_signed_in(&session), "{damage:?}: the sign-in was saved");
            session.close().await;
        } else {
            assert_eq!(there(&path), before, "{damage:?}: no save takes its place");
            let signed_out = session.sign_out().await.map_err(|error| error.code());
            let expected = if damage == Damage::Directory { Err("store_unavailable") } else { Ok(()) };
            assert_eq!(signed_out, expected, "{damage:?}");
            assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::User });
        }
    }
}

#[tokio::test]
async fn a_record_that_goes_bad_while_somebody_is_signed_in_ends_nothing_and_is_saved_again() {
    for damage in Damage::ALL {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let session = open(&realm, folder.path(), "main").await;
        sign_in(&session).await.expect("signed in");
        let path = record(folder.path());
        damage.inflict(&realm, folder.path()).await;
        let before = there(&path);
        session.resume();
        assert_eq!(get(&session).await, "200 answered", "{damage:?}");
        command(&realm, "expire_access_tokens", json!({})).await;
        let told = get(&session).await;
        assert!(is_signed_in(&session), "{damage:?}");
        if damage == Damage::LaterVersion {
            // Whoever has written it may have used the refresh token up.
            assert_eq!((told.as_str(), refreshes(&realm)), ("401 refresh_failed", (0, 0, 0)));
        } else {
            assert_eq!((told.as_str(), refreshes(&realm)), ("200 answered", (1, 1, 0)), "{damage:?}");
        }
        if damage.is_replaced() {
            session.close().await;
            let session = open(&realm, folder.path(), "main").await;
            assert!(is_signed_in(&session), "{damage:?}: it was saved again");
            assert_eq!(get(&session).await, "200 answered", "{damage:?}");
            session.close().await;
        } else {
            assert_eq!(there(&path), before, "{damage:?}: no save takes its place");
        }
        assert_eq!(realm.counters().reuse_detected, 0, "{damage:?}");
    }
}

#[tokio::test]
async fn a_session_reads_no_bad_record_as_its_own_when_it_only_reads() {
    for damage in Damage::ALL {
        let realm = start(RealmOptions::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let session = open(&realm, folder.path(), "default").await;
        sign_in(&session).await.expect("signed in");
        session.close().await;
        let mut reader = SessionProcess::open_reader(&realm, folder.path()).await;
        assert_eq!(reader.opened, signed_in());
        damage.inflict(&realm, folder.path()).await;
        command(&realm, "expire_access_tokens", json!({})).await;
        let refused = json!({"status": 401, "disposition": "refresh_failed"});
        assert_eq!(reader.get().await, refused, "{damage:?}");
        assert_eq!(reader.ask(json!({"do": "state"})).await, signed_in(), "{damage:?}");
    }
}

#[tokio::test]
async fn a_missing_directory_is_made_and_made_again() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("a").join("b");
    let session = open(&realm, &directory, "main").await;
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::NeverSignedIn });
    assert!(!directory.exists(), "reading makes nothing");
    sign_in(&session).await.expect("signed in");
    fs::remove_dir_all(folder.path().join("a")).expect("removed");
    session.resume();
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(get(&session).await, "200 answered");
    assert!(is_signed_in(&session));
    session.close().await;
    let session = open(&realm, &directory, "main").await;
    assert_eq!((is_signed_in(&session), get(&session).await.as_str()), (true, "200 answered"));
    assert_eq!(refreshes(&realm), (1, 1, 0));
    session.close().await;
}

#[tokio::test]
async fn a_file_in_the_place_of_the_directory_is_an_error_that_passes_and_not_an_empty_store() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("sessions");
    fs::write(&directory, "not a directory").expect("a file");
    let session = open(&realm, &directory, "main").await;
    assert_eq!(session.state(), SessionState::Locked);
    assert_eq!(
        (lock_cause(&session), get(&session).await.as_str()),
        (Some("store_unavailable"), "store_unavailable")
    );
    let mut events = session.events();
    assert_eq!(sign_in(&session).await, Ok(()));
    assert_eq!(events.next().await, Some(Event::PersistenceDegraded));
    assert_eq!(get(&session).await, "200 answered");
    fs::remove_file(&directory).expect("removed");
    while events.next().await != Some(Event::PersistenceRestored) {}
    session.close().await;
    let session = open(&realm, &directory, "main").await;
    assert!(is_signed_in(&session), "the save was repeated");
    session.close().await;
}

#[tokio::test]
async fn a_directory_may_be_a_symbolic_link_and_one_that_leads_nowhere_is_never_replaced() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    symlink(&target, &link).expect("a link");
    let session = open(&realm, &link, "main").await;
    assert_eq!(session.state(), SessionState::SignedOut { reason: SignOutReason::NeverSignedIn });
    let mut events = session.events();
    assert_eq!(sign_in(&session).await, Ok(()));
    assert_eq!(events.next().await, Some(Event::PersistenceDegraded));
    assert_eq!(get(&session).await, "200 answered");
    assert!(!target.exists());
    fs::create_dir(&target).expect("a directory");
    while events.next().await != Some(Event::PersistenceRestored) {}
    session.close().await;
    assert_eq!(files(&target, "session").len(), 1);
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    let session = open(&realm, &link, "main").await;
    assert!(is_signed_in(&session));
    session.close().await;
}

/// A command for the program by a user whom permissions bind, also where the tests are run by root.
fn unprivileged(folder: &Path, directory: &Path) -> Command {
    let copy = folder.join("session-process");
    fs::copy(program(), &copy).expect("the example session-process is built with the tests");
    let mut command = Command::new(&copy);
    if fs::metadata(&copy).expect("it is there").uid() == 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("ours");
        chown(directory, Some(NOBODY), None).expect("root may");
        command.uid(NOBODY);
    }
    command
}

#[tokio::test]
async fn on_a_read_only_directory_the_session_goes_on_and_is_saved_when_it_can_be_written() {
    let realm = start(RealmOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("sessions");
    fs::create_dir(&directory).expect("a directory");
    let program = unprivileged(folder.path(), &directory);
    let mut process = SessionProcess::spawn(program, &realm, &directory, PATIENCE).await;
    assert_eq!(process.ask(json!({"do": "sign_in"})).await, json!({}));
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(process.get().await, answered());
    let before = fs::read(record(&directory)).expect("a record");
    fs::set_permissions(&directory, Permissions::from_mode(0o500)).expect("ours");
    command(&realm, "expire_access_tokens", json!({})).await;
    assert_eq!(process.get().await, answered());
    assert_eq!(process.ask(json!({"do": "state"})).await, signed_in());
    assert_eq!(fs::read(record(&directory)).expect("a record"), before);
    // Until there is a newer record, the next process would send a token that is used up.
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).expect("ours");
    let saved = async {
        while fs::read(record(&directory)).is_ok_and(|bytes| bytes == before) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, saved).await.expect("the save is repeated");
    process.kill().await;
    let program = unprivileged(folder.path(), &directory);
    let mut next = SessionProcess::spawn(program, &realm, &directory, PATIENCE).await;
    assert_eq!(next.opened, signed_in());
    assert_eq!(next.get().await, answered());
    assert_eq!(refreshes(&realm), (2, 2, 0));
}

#[tokio::test]
async fn on_a_full_disk_the_session_goes_on_and_the_record_before_stays_whole() {
    let realm = start(RealmOptions { idempotent_replay: true, ..RealmOptions::default() }).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = SessionProcess::open(&realm, folder.path()).await;
    assert_eq!(process.ask(json!({"do": "sign_in"})).await, json!({}));
    process.kill().await;
    command(&realm, "expire_access_tokens", json!({})).await;
    let before = fs::read(record(folder.path())).expect("a record");
    // A write beyond the limit fails, as one to a full disk does, where its signal is ignored (setrlimit(2)).
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(program());
    let mut process = SessionProcess::spawn(limited, &realm, folder.path(), PATIENCE).await;
    assert_eq!(process.opened, signed_in());
    assert_eq!(process.get().await, answered());
    assert_eq!(process.ask(json!({"do": "state"})).await, signed_in());
    assert_eq!(fs::read(record(folder.path())).expect("a record"), before);
    process.kill().await;
    let mut next = SessionProcess::open(&realm, folder.path()).await;
    assert_eq!(next.opened, signed_in());
    // With the record of before: the server recognises the request that was answered already.
    assert_eq!(next.get().await, answered());
    assert_eq!(refreshes(&realm), (2, 1, 0));
}
