#!/usr/bin/env bash
# Builds what the tests of the other languages run against, for this machine: the library with its UniFFI
# metadata (unstripped) and the test authority, both in $CARGO_TARGET_DIR/debug.
set -euo pipefail
. "$(dirname "$0")/common.sh"

cargo build --locked --quiet --package auth-session-ffi --package test-authority --package uniffi-bindgen \
    --manifest-path "$root/Cargo.toml"
