//! Processes that are killed and restarted: what the next one finds.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use keystore_tests::{CLASSES, classes};

/// Less than a record that is saved, in bytes.
const SHORT: u64 = 512;

/// The directory of a store, and where its Keystore keeps keys.
struct Scene {
    folder: tempfile::TempDir,
}

/// A process that does one thing.
struct Acting {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("keys")).expect("a directory");
        Self { folder }
    }

    fn start(&self, act: &[&str]) -> Acting {
        self.run(Command::new(env!("CARGO_BIN_EXE_keystore-process")), act)
    }

    fn run(&self, mut command: Command, act: &[&str]) -> Acting {
        let path = |name: &str| self.folder.path().join(name);
        command.arg(path("keys")).arg(path("sessions")).args(act);
        command.env(CLASSES, classes());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program is built with the tests");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Acting { child, output }
    }

    /// What a process says to this, in its one line.
    fn say(&self, act: &[&str]) -> String {
        let mut acting = self.start(act);
        let line = acting.line();
        assert!(acting.child.wait().expect("it ends").success(), "{act:?}");
        line
    }

    fn load(&self) -> String {
        self.say(&["load"])
    }

    /// The store's only file with this extension.
    fn file(&self, extension: &str) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.folder.path().join("sessions")).ok()?;
        files
            .map(|entry| entry.expect("an entry").path())
            .find(|path| path.extension().is_some_and(|found| found == extension))
    }

    fn keys(&self) -> Vec<PathBuf> {
        let keys = std::fs::read_dir(self.folder.path().join("keys")).expect("a directory");
        keys.map(|entry| entry.expect("an entry").path()).collect()
    }
}

impl Acting {
    /// A line of its own, which is one word. The JVM shares the output, and has nothing to say.
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).expect("text"), 0, "it has ended");
        let said = line.trim_end();
        assert!(!said.contains(' '), "the JVM warns: {said}");
        said.to_owned()
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

#[test]
fn a_session_is_found_by_the_next_process() {
    let scene = Scene::new();
    assert_eq!(scene.load(), "absent");
    assert_eq!(scene.say(&["save"]), "done");
    assert_eq!(scene.load(), "found");
}

#[test]
fn killed_anywhere_in_the_keystore_s_part_of_a_save_what_was_there_is_still_there() {
    for (step, first) in
        [("generateKey", true), ("generatedKey", true), ("init", true), ("doFinal", true), ("doFinal", false)]
    {
        let scene = Scene::new();
        if !first {
            assert_eq!(scene.say(&["save"]), "done");
        }
        let mut saving = scene.start(&["save_hanging", step]);
        assert_eq!(saving.line(), "held");
        saving.kill();
        assert_eq!(scene.load(), if first { "absent" } else { "found" }, "{step}");
        assert_eq!(scene.say(&["save"]), "done", "{step}");
        assert_eq!(scene.load(), "found", "{step}");
        assert_eq!(scene.keys().len(), 1, "{step}: the key that was made is used");
    }
}

#[test]
fn killed_at_any_moment_of_many_saves_a_whole_record_is_there() {
    let scene = Scene::new();
    assert_eq!(scene.say(&["save"]), "done");
    for saves in 1..=6 {
        let mut saving = scene.start(&["save_for_ever"]);
        for _ in 0..saves * 3 {
            assert_eq!(saving.line(), "done");
        }
        saving.kill();
        assert_eq!(scene.load(), "found");
    }
}

#[test]
fn killed_in_the_middle_of_the_file_or_before_it_is_renamed_the_record_before_it_counts() {
    let scene = Scene::new();
    assert_eq!(scene.say(&["save"]), "done");
    let path = scene.file("session").expect("a record");
    let whole = std::fs::read(&path).expect("a record");
    // The files as a process leaves them at each of these steps.
    for length in [0, 1, whole.len() / 2, whole.len()] {
        std::fs::write(path.with_extension("new"), &whole[..length]).expect("a file");
        assert_eq!(scene.load(), "found");
        assert_eq!(std::fs::read(&path).expect("a record"), whole);
        assert_eq!(scene.say(&["save"]), "done");
        assert!(scene.file("new").is_none());
        std::fs::write(&path, &whole).expect("a file");
    }
}

#[test]
fn on_a_full_disk_a_save_fails_and_the_record_before_it_counts() {
    let scene = Scene::new();
    assert_eq!(scene.say(&["save"]), "done");
    let path = scene.file("session").expect("a record");
    let before = std::fs::read(&path).expect("a record");
    assert!(before.len() > 100);
    let mut limited = Command::new("sh");
    // Blocks of 512 bytes. The JVM goes on after the signal, so that the write fails as on a full disk.
    limited.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_keystore-process")]);
    let mut saving = scene.run(limited, &["save_long"]);
    assert_eq!(saving.line(), "transient");
    saving.child.wait().expect("it ends");
    let rest = std::fs::metadata(scene.file("new").expect("what could be written")).expect("a file").len();
    assert!(rest >= SHORT, "it failed in the middle");
    assert_eq!(std::fs::read(&path).expect("a record"), before);
    assert_eq!(scene.load(), "found");
    assert_eq!(scene.say(&["save_long"]), "done");
    assert_eq!(scene.load(), "found");
}

#[test]
fn a_key_that_is_gone_is_proof_only_after_a_restart() {
    let scene = Scene::new();
    assert_eq!(scene.say(&["save"]), "done");
    let file = std::fs::read(scene.file("session").expect("a record")).expect("a record");
    let key = scene.keys().pop().expect("a key");
    let secret = std::fs::read(&key).expect("a key");
    std::fs::remove_file(&key).expect("a key");
    assert_eq!(scene.load(), "transient");
    // It was only away for a moment: the count begins anew.
    std::fs::write(&key, &secret).expect("a key");
    assert_eq!(scene.load(), "found");
    std::fs::remove_file(&key).expect("a key");
    assert_eq!(scene.load(), "transient");
    assert_eq!(scene.load(), "unrecoverable");
    assert_eq!(
        std::fs::read(scene.file("session").expect("a record")).expect("a record"),
        file,
        "it is kept"
    );
    assert!(scene.keys().is_empty(), "reading makes no key");
    assert_eq!(scene.say(&["save"]), "done");
    assert_eq!(scene.load(), "found");
}
