//! The clients that are compared, and how each is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::places::{root, target};

/// A client: a column of the scoreboard.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// For the page.
    pub(crate) description: &'static str,
    pub(crate) is_ours: bool,
    program: Program,
}

#[derive(Clone, Copy, Debug)]
enum Program {
    Rust,
    Node,
    Jvm,
    Swift,
}

const fn ours(name: &'static str, program: Program, description: &'static str) -> Client {
    Client { name, description, is_ours: true, program }
}

const fn peer(name: &'static str, program: Program, description: &'static str) -> Client {
    Client { name, description, is_ours: false, program }
}

/// All of them, in the order of the columns.
pub(crate) static CLIENTS: [Client; 11] = [
    ours("authsession", Program::Rust, "this library, from Rust"),
    ours("authsession-kotlin", Program::Jvm, "this library, from Kotlin on the JVM"),
    ours("authsession-swift", Program::Swift, "this library, from Swift"),
    peer(
        "axios-recipe",
        Program::Node,
        "axios with the [recipe](https://gist.github.com/Godofbrowser/bf118322301af3fc334437c683887c5f) of \
         `isRefreshing` and `failedQueue`, on Node's adapter (not React Native's)",
    ),
    peer(
        "axios-auth-refresh",
        Program::Node,
        "axios with [axios-auth-refresh](https://github.com/Flyrell/axios-auth-refresh), as its README shows it, on \
         Node's adapter",
    ),
    peer("axios-auth-refresh-no-dedupe", Program::Node, "the same with `deduplicateRefresh: false`"),
    peer(
        "axios-jwt",
        Program::Node,
        "axios with [axios-jwt](https://github.com/jetbridge/axios-jwt), as its README shows it; it refreshes by the \
         clock alone and takes no notice of a 401; on Node's adapter",
    ),
    peer(
        "okhttp",
        Program::Jvm,
        "OkHttp with the usual synchronized [`Authenticator`](https://square.github.io/okhttp/recipes/), on a desktop JVM",
    ),
    peer(
        "ktor",
        Program::Jvm,
        "Ktor client with its [bearer authentication](https://ktor.io/docs/client-bearer-auth.html), by default, \
         with the engine OkHttp, on a desktop JVM",
    ),
    peer(
        "ktor-non-cancellable",
        Program::Jvm,
        "the same with `nonCancellableRefresh`: a refresh that a caller cannot cancel",
    ),
    peer(
        "urlsession",
        Program::Swift,
        "`URLSession` with the \
         [usual actor](https://www.donnywals.com/building-a-token-refresh-flow-with-async-await-and-swift-concurrency/) \
         that keeps one refresh task; not Apple's `URLSession` but that of swift-corelibs-foundation on Linux, which sends \
         with libcurl",
    ),
];

impl Client {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.name == name)
    }

    /// The program and its arguments before those of the protocol.
    pub(crate) fn command(&self) -> (PathBuf, Vec<OsString>) {
        match self.program {
            Program::Rust => (beside_the_runner("authsession-client"), vec![self.name.into()]),
            Program::Node => {
                let script = root().join("tests/peers/clients/node/client.mjs");
                ("node".into(), vec![script.into(), self.name.into()])
            }
            Program::Jvm => {
                let mut arguments = OsString::from("@");
                arguments.push(target().join("peers/jvm/arguments"));
                ("java".into(), vec![arguments, self.name.into()])
            }
            Program::Swift => (target().join("peers/swift/client"), vec![self.name.into()]),
        }
    }
}

/// Cargo puts the binaries of a package into one folder.
fn beside_the_runner(name: &str) -> PathBuf {
    let runner = std::env::current_exe().unwrap_or_default();
    runner.parent().map_or_else(PathBuf::new, Path::to_path_buf).join(name)
}
