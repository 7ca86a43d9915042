#!/usr/bin/env bash
# Tier `fuzz`: runs every kept input through its target, and fuzzes each for a moment. Each target counts as a test, and
# so does that coverage leads the fuzzer to a fault that was planted.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Long enough for the kept inputs and some thousand new ones; what takes longer to find is for scripts/fuzz.sh.
seconds=3

check "the targets are formatted (cargo fmt)" cargo fmt --manifest-path "$root/tests/fuzz/Cargo.toml" --check

# Builds them all, so that what follows is about running.
status=0
"$root/scripts/fuzz.sh" --fresh --seconds "$seconds" 2>&1 | tee "$target/fuzz.log" || status=$?
if ! grep -q ' of ' "$target/fuzz.log"; then
    say "The targets were not built."
    exit 1
fi
while read -r name; do
    check "$name" grep -qE "^$name +.* ok$" "$target/fuzz.log"
done < <(cd "$root/tests/fuzz/targets" && for file in *.rs; do echo "${file%.rs}"; done | grep -vx planted)

status=1
"$root/scripts/fuzz.sh" planted --fresh --seconds 30 >"$target/planted.log" 2>&1 || status=0
grep -q 'the planted fault' "$target/planted.log" || status=1
check "a planted fault is found" test "$status" = 0

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
