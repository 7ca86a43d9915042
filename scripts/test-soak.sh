#!/usr/bin/env bash
# Tier `soak`: the tests of the soak, and a minute of it. Always the same plans, so that a failure is one of the code and
# not of the day's dice; whoever wants others runs scripts/soak.sh. The minute counts as one test, however many rounds it
# had time for.
set -euo pipefail
. "$(dirname "$0")/common.sh"

minutes=1
seed=1

status=0
minute_passed=0
cargo test --locked --package soak --manifest-path "$root/Cargo.toml" </dev/null 2>&1 | tee "$target/soak-tests.log" || status=1
tally "$target/soak-tests.log" >"$target/soak-tests.tally" || status=1
read -r tests_passed _ tests_failed _ <"$target/soak-tests.tally"

"$root/scripts/soak.sh" "$minutes" --seed "$seed" </dev/null 2>&1 | tee "$target/soak.log" && minute_passed=1
rounds=$(awk '/^rounds /{n = $2} END {print n + 0}' "$target/soak.log")
held=$(awk '/^rounds /{n = $5} END {print n + 0}' "$target/soak.log")
# A good run says so last, and has had rounds.
verdict=$(tail -n 1 "$target/soak.log")
if [ "$verdict" != 'lost 0, hung 0, leaked 0, surplus refreshes 0' ] || [ "$held" = 0 ]; then minute_passed=0; fi
if [ "$minute_passed" = 0 ]; then status=1; fi
echo "soak: $rounds rounds, of which $held held"
echo "$((tests_passed + minute_passed)) passed, $((tests_failed + 1 - minute_passed)) failed"
exit "$status"
