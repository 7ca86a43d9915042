#!/usr/bin/env bash
# Tier `rust`: the core and the test authority. Needs nothing but Rust.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# A run that hangs is ended and tried again, and said so: core/tests/canary.rs hangs once in a while, and why is not
# known yet. A test that fails is not tried again.
readonly patience=900 hung=124
for try in 1 2 3; do
    status=0
    timeout "$patience" cargo test --locked --manifest-path "$root/Cargo.toml" </dev/null 2>&1 |
        tee "$target/rust.log" || status=$?
    [ "$status" = "$hung" ] || break
    say "The tests hung (try $try of 3)."
done
tally "$target/rust.log" || status=1
exit "$status"
