#!/usr/bin/env bash
# Random callers, faults, cancels, sign-outs, store failures, clock jumps, suspends and kills, for as long as asked:
#
#   scripts/soak.sh 10                          ten minutes, with a seed that it draws and prints
#   scripts/soak.sh 10 --seed 7                 the same plans as every other run with this seed
#   scripts/soak.sh --seed 7 --round 42         one round of that run
#   scripts/soak.sh --seed 7 --round 42 --plan  what happens in it
#
# The last line is `lost 0, hung 0, leaked 0, surplus refreshes 0`, or the counts. See docs/faults.md.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Not optimised: what is built is what `cargo test` has built already, its assertions and overflow checks are on, and a
# soak waits more than it computes.
cargo build --locked --quiet --package soak --bins --package auth-session --example session-process \
    --manifest-path "$root/Cargo.toml" </dev/null >&2
exec "$target/debug/soak" "$@"
