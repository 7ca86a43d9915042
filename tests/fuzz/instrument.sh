#!/bin/sh
# RUSTC_WRAPPER of scripts/fuzz.sh: coverage counters for what reads bytes from outside, and for nothing else. Counters
# in the rest (TLS, HTTP, the runtime), which the targets do not reach, would only slow every execution down. Cargo's
# rustflags cannot tell packages apart on a stable toolchain.
set -eu
compiler=$1
shift
crate="" previous=""
for argument; do
    [ "$previous" = --crate-name ] && crate=$argument
    previous=$argument
done
case $crate in
auth_session | fuzz | base64 | form_urlencoded | http | httpdate | idna | jsonwebtoken | percent_encoding | serde_json | url) ;;
*) grep -qs -- "^name = \"$crate\"$" "$(dirname "$0")/Cargo.toml" || exec "$compiler" "$@" ;;
esac
# Debug assertions and overflow checks come from the profile.
exec "$compiler" "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
