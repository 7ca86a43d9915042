#!/usr/bin/env bash
# Tier `soak`: the tests of the soak, and a minute of it. Always the same plans, so that a failure is one of the code and
# not of the day's dice; whoever wants others runs scripts/soak.sh. Each round that held counts as a test.
set -euo pipefail
. "$(dirname "$0")/common.sh"

minutes=1
seed=1

status=0
cargo test --locked --package soak --manifest-path "$root/Cargo.toml" </dev/null 2>&1 | tee "$target/soak-tests.log" || status=1
tally "$target/soak-tests.log" >"$target/soak-tests.tally" || status=1
read -r tests_passed _ tests_failed _ <"$target/soak-tests.tally"

"$root/scripts/soak.sh" "$minutes" --seed "$seed" </dev/null 2>&1 | tee "$target/soak.log" || status=1
rounds=$(awk '/^rounds /{print $2 + 0}' "$target/soak.log")
held=$(awk '/^rounds /{print $5 + 0}' "$target/soak.log")
grep -qx 'lost 0, hung 0, leaked 0, surplus refreshes 0' "$target/soak.log" || status=1
failed=$((tests_failed + ${rounds:-0} - ${held:-0}))
# What was found between the rounds is nobody's round.
if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
echo "$((tests_passed + ${held:-0})) passed, $failed failed"
exit "$status"
