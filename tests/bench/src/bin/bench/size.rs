//! How large the native library is that the clients of other languages load.

use bench::clients::Failure;
use serde_json::json;

use crate::driven::library_directory;
use crate::{Bench, Outcome};

pub(crate) fn run(_: &mut Bench) -> Result<Outcome, Failure> {
    let Some(directory) = library_directory() else {
        return Ok(Outcome::NotRun("the native library is not built in the shipped profile".into()));
    };
    let bytes = std::fs::metadata(directory.join("libauth_session_ffi.so"))?.len();
    Ok(Outcome::Measured(json!({"bytes": bytes, "architecture": std::env::consts::ARCH})))
}
