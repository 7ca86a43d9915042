#!/usr/bin/env bash
# Tier `peers`: the session against servers that others wrote.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_command node nodejs
need_command npm npm
(cd "$root/tests/peers/oidc-provider" && npm ci --silent --no-audit --no-fund) >&2

run() {
    local status=0
    (cd "$root/tests/peers/oidc-provider" && node --test test.mjs) || status=1
    cargo test --locked --package peers --manifest-path "$root/Cargo.toml" || status=1
    return $status
}
status=0
run 2>&1 | tee "$target/peers.log" || status=1
tally "$target/peers.log" || status=1
exit $status
