#!/usr/bin/env bash
# The scoreboard: the scenarios and storms, put to this library and to other clients. Builds what the named clients need,
# or all of them, and hands its arguments on to the runner:
#
#   scripts/scoreboard.sh --client axios-recipe --scenario late_401 -v    one cell, step by step
#   scripts/scoreboard.sh --write docs/scoreboard.md                      the page, of three runs of each cell
#   scripts/scoreboard.sh --help
set -euo pipefail
. "$(dirname "$0")/common.sh"

clients=() wanted=true
for ((i = 1; i <= $#; i++)); do
    case ${!i} in
        --client) j=$((i + 1)); clients+=("${!j:-}") ;;
        --client=*) clients+=("${!i#--client=}") ;;
        -h | --help | --list) wanted=false ;;
    esac
done

# needs PATTERN: whether a client of this kind is to run.
needs() {
    [ "$wanted" = true ] || return 1
    [ ${#clients[@]} -gt 0 ] || return 0
    printf '%s\n' "${clients[@]}" | grep -qE "^($1)$"
}

cargo build --locked --quiet --package peers --bins --manifest-path "$root/Cargo.toml"
# What is not understood is said before anything else is built.
"$target/debug/scoreboard" --list "$@" >/dev/null || exit 2
if needs 'axios-.*'; then
    need_command node nodejs
    need_command npm npm
    (cd "$root/tests/peers/clients/node" && npm ci --silent --no-audit --no-fund) >&2
fi
if needs 'okhttp|ktor.*|authsession-kotlin'; then
    "$root/scripts/build-peers-jvm.sh" >&2
fi
if needs 'urlsession|authsession-swift'; then
    "$root/scripts/build-peers-swift.sh" >&2
fi

# A client may open a socket for each of a thousand callers, and the runner has the other ends.
ulimit -n "$(ulimit -Hn)"
exec "$target/debug/scoreboard" "$@"
