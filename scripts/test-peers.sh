#!/usr/bin/env bash
# Tier `peers`: the session against servers that others wrote, and that the runner and the clients of the scoreboard do
# what they should.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_command node nodejs
need_command npm npm
for folder in oidc-provider clients/node; do
    (cd "$root/tests/peers/$folder" && npm ci --silent --no-audit --no-fund) >&2
done

run() {
    local status=0
    for folder in oidc-provider clients/node; do
        (cd "$root/tests/peers/$folder" && node --test test.mjs) || status=1
    done
    cargo test --locked --package peers --manifest-path "$root/Cargo.toml" || status=1
    return $status
}
status=0
run 2>&1 | tee "$target/peers.log" || status=1
tally "$target/peers.log" || status=1
exit $status
