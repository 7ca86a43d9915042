#!/usr/bin/env bash
# Tier `rust`: the core, its exports and the test authority. Needs nothing but Rust.
set -euo pipefail
. "$(dirname "$0")/common.sh"

status=0
cargo test --locked --manifest-path "$root/Cargo.toml" </dev/null 2>&1 | tee "$target/rust.log" || status=$?
cargo test --locked --package auth-session-ffi --manifest-path "$root/Cargo.toml" </dev/null 2>&1 |
    tee -a "$target/rust.log" || status=$?
tally "$target/rust.log" || status=1
exit "$status"
