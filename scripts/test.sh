#!/usr/bin/env bash
# Runs all tiers of tests, or those named, and sets up what each needs:
#
#   scripts/test.sh                  all of them
#   scripts/test.sh rust kotlin      two of them
#
# Each tier is a script of its own, scripts/test-TIER.sh. Fails if a test failed or a tier could not run.
set -euo pipefail
. "$(dirname "$0")/common.sh"

all=(rust lint targets size speed soak keystore fuzz peers kotlin swift scoreboard react-native)
tiers=("$@")
[ $# -gt 0 ] || tiers=("${all[@]}")
for tier in "${tiers[@]}"; do
    if [ ! -x "$root/scripts/test-$tier.sh" ]; then
        say "There is no tier $tier. There are: ${all[*]}"
        exit 2
    fi
done

logs=$target/logs
mkdir -p "$logs"
rm -rf "$target/scenarios"
rows=() passed=0 failed=0 broken=0
for tier in "${tiers[@]}"; do
    printf '\n=== %s\n' "$tier"
    start=$SECONDS status=0
    "$root/scripts/test-$tier.sh" </dev/null 2>&1 | tee "$logs/$tier.log" || status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$logs/$tier.log" | tail -n 1 || true)
    read -r tier_passed _ tier_failed _ <<<"${line:-0 passed, 0 failed}"
    passed=$((passed + tier_passed)) failed=$((failed + tier_failed))
    verdict=ok
    if [ "$status" = "$cannot_set_up" ]; then
        verdict="could not be set up"
    elif [ "$status" != 0 ] || [ -z "$line" ] || [ "$tier_failed" != 0 ] || [ "$tier_passed" = 0 ]; then
        verdict=FAILED
    fi
    [ "$verdict" = ok ] || broken=$((broken + 1))
    rows+=("$(printf '%-14s %7s %7s %6ss  %s' "$tier" "$tier_passed" "$tier_failed" $((SECONDS - start)) "$verdict")")
done

if [ -d "$target/scenarios" ]; then
    printf '\n=== scenarios\n'
    need_command python3 python3
    python3 "$root/scripts/scenario_table.py" "$target/scenarios" "$root/tests/scenarios" || broken=$((broken + 1))
fi
printf '\n=== tiers\n%-14s %7s %7s %7s  %s\n' tier passed failed time result
printf '%s\n' "${rows[@]}"
printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$broken" = 0 ]
