#!/usr/bin/env bash
# Tier `speed`: how many instructions a request takes, against the limits in tests/bench/instructions.json and against
# bare reqwest. Counted, not timed: the figure does not depend on what else the machine does. scripts/bench.sh measures
# time.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_command valgrind valgrind
cargo build --locked --quiet --release --package bench --bin bench-server --bin bench-instructions \
    --manifest-path "$root/Cargo.toml"
"$target/release/bench-instructions" check "$root/tests/bench/instructions.json"
