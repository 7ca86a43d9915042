//! A JVM with a Keystore like Android's, for the tests of [`KeystoreStore`].
//!
//! The stubs of Android's classes and the Keystore (`java/`) are on the boot class path: as on Android, where every
//! native thread finds the system's classes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use auth_session::{
    AuthSession, Entry, InMemoryStore, KeystoreStore, Load, Record, SecretStore, SessionConfig, Slot, Tokens,
    Tombstone, android,
};
use jni::objects::{JObject, JString};
use jni::{Env, InitArgsBuilder, JNIVersion, JavaVM, jni_sig, jni_str};

/// Where `scripts/test-keystore.sh` has put the compiled classes.
pub const CLASSES: &str = "AUTHSESSION_KEYSTORE_CLASSES";

/// The process's JVM, which is not the app's yet: nothing has been handed over to the library.
pub fn vm() -> &'static JavaVM {
    static VM: OnceLock<JavaVM> = OnceLock::new();
    VM.get_or_init(|| {
        let arguments = InitArgsBuilder::new()
            .version(JNIVersion::V1_8)
            .option("-Xcheck:jni")
            // No handlers of signals: the tests send some.
            .option("-Xrs")
            .option("-XX:-UsePerfData")
            .option("-Xmx256m")
            .option(format!("-Xbootclasspath/a:{}", classes().display()))
            .build()
            .expect("the options are in order");
        let vm = JavaVM::new(arguments).expect("there is a JDK");
        vm.attach_current_thread_for_scope(|env| -> jni::errors::Result<()> {
            env.call_static_method(
                jni_str!("dev/authsession/fake/FakeKeystore"),
                jni_str!("install"),
                jni_sig!("()V"),
                &[],
            )?;
            Ok(())
        })
        .expect("the Keystore is there");
        vm
    })
}

/// The compiled classes. Without the script, for a look at a single test, they are compiled here.
pub fn classes() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| std::env::var_os(CLASSES).map_or_else(compile, PathBuf::from))
}

fn compile() -> PathBuf {
    let classes = tempfile::tempdir().expect("a folder").keep();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("java");
    let compile = "find \"$1\" -name '*.java' -exec javac --release 17 -d \"$2\" {} +";
    let status = Command::new("sh").args(["-c", compile, "sh"]).arg(sources).arg(&classes).status();
    assert!(status.expect("a shell").success(), "there is no JDK, or the sources do not compile");
    classes
}

/// Calls into Java; an exception is a defect of the test.
pub fn with_env<T>(calls: impl FnOnce(&mut Env<'_>) -> jni::errors::Result<T>) -> T {
    vm().attach_current_thread_for_scope(calls).expect("no exception")
}

/// Tells the Keystore something; see `FakeKeystore.command`.
pub fn tell(command: &str) -> String {
    with_env(|env| {
        let command = env.new_string(command)?;
        let answer = env.call_static_method(
            jni_str!("dev/authsession/fake/FakeKeystore"),
            jni_str!("command"),
            jni_sig!("(Ljava/lang/String;)Ljava/lang/String;"),
            &[(&command).into()],
        )?;
        let answer = env.cast_local::<JString>(answer.l()?)?;
        answer.try_to_string(env)
    })
}

/// How often something was called.
pub fn count(operation: &str) -> u32 {
    tell(&format!("count {operation}")).parse().expect("a number")
}

/// A context of an app, with itself as the application's.
pub fn context<'local>(env: &mut Env<'local>) -> jni::errors::Result<JObject<'local>> {
    let none = JObject::null();
    let class = jni_str!("android/content/Context");
    let application = env.new_object(class, jni_sig!("(Landroid/content/Context;)V"), &[(&none).into()])?;
    env.new_object(class, jni_sig!("(Landroid/content/Context;)V"), &[(&application).into()])
}

/// Hands over the context, as an app does.
pub fn initialize() {
    with_env(|env| {
        let context = context(env)?;
        android::initialize(env, &context).expect("a context");
        Ok(())
    });
}

/// The Keystore has one state, so the tests of a process that use it run one after the other.
pub struct Scene {
    /// What the test may write to.
    pub folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// A Keystore without keys and faults on the newest level.
    pub fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        initialize();
        tell("reset");
        Self { folder: tempfile::tempdir().expect("a folder"), _turn: turn }
    }

    /// Where the store keeps its files. It is made with the first save.
    pub fn directory(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    /// A store without options.
    pub fn store(&self) -> KeystoreStore {
        KeystoreStore::new().expect("it is initialised").directory(self.directory())
    }

    /// The only file of the store with this extension.
    pub fn file(&self, extension: &str) -> PathBuf {
        let files = std::fs::read_dir(self.directory()).expect("the directory");
        let mut files = files
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|found| found == extension));
        let file = files.next().expect("a file");
        assert!(files.next().is_none(), "there are more of them");
        file
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        tell("release");
    }
}

/// The place of an account.
pub fn slot(account: &str) -> Slot {
    Slot { namespace: "app".into(), account: account.into() }
}

/// A record with this refresh token, made as sessions make them.
pub fn record(refresh_token: &str) -> Record {
    let tokens = Tokens::from_refresh_token(refresh_token.to_owned());
    match from_a_session(move |session| async move { session.adopt(tokens).await }) {
        Load::Found(record, _) => record,
        other => panic!("{other:?}"),
    }
}

/// What a sign-out by the user leaves.
pub fn tombstone() -> Tombstone {
    let signed_out = |session: AuthSession| async move {
        session.adopt(Tokens::from_refresh_token("r")).await?;
        session.sign_out().await
    };
    match from_a_session(signed_out) {
        Load::Tombstone(tombstone, _) => tombstone,
        other => panic!("{other:?}"),
    }
}

fn from_a_session<F>(act: impl FnOnce(AuthSession) -> F + Send + 'static) -> Load
where
    F: Future<Output = Result<(), auth_session::Error>> + Send,
{
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let account = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    // On a thread of its own: the test's may be a runtime's.
    let thread = std::thread::spawn(move || {
        let store = std::sync::Arc::new(InMemoryStore::new());
        // Nobody is there; nobody is needed.
        let config = SessionConfig::new("http://127.0.0.1:9").expect("a URL").allow_loopback(true);
        let config = config.account(account.clone()).store(std::sync::Arc::clone(&store));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let session = AuthSession::open(config).await.expect("a session");
            act(session).await.expect("a store in memory");
        });
        store.load(&Slot { namespace: "auth-session".into(), account })
    });
    thread.join().expect("no panic")
}

/// The clear form of a record in a slot.
pub fn in_the_clear(record: &Record, slot: &Slot, generation: auth_session::Generation) -> Vec<u8> {
    Entry::Live(record.clone()).encode(slot, generation).to_vec()
}
