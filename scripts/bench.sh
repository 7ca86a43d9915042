#!/usr/bin/env bash
# Measures how fast the library is beside others and writes docs/performance.md with its plots:
#
#   scripts/bench.sh                     everything, about 20 minutes on a machine that does nothing else
#   scripts/bench.sh --quick             little of everything, to see that it works
#   scripts/bench.sh --only storm        one part: requests, storm, opening, size, peers or crossings; may be repeated
#
# Only a whole run writes into docs; the others write to the target directory. A part whose clients cannot be built here
# is shown as not run; the script fails if a part fails.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

output=$target/bench
mkdir -p "$output"
need_command python3 python3
need_command valgrind valgrind
whole=yes
[ $# -eq 0 ] || whole=
wants() { [[ " $* " != *" --only "* || " $* " == *" $part "* ]]; }

cargo build --locked --release --package bench
cargo build --locked --release --package auth-session --example demo
status=0
# The clients of other languages load the library as it ships.
for part in size peers crossings; do
    if wants "$@"; then
        cargo build --locked --profile mobile --package auth-session-ffi
        break
    fi
done

# built LANGUAGE COMMAND…: a machine without the language goes without its clients; a build that fails is a failure.
built() {
    local language=$1 built=0
    shift
    "$@" >"$output/build-$language.log" 2>&1 || built=$?
    [ "$built" = 0 ] && return
    tail -n 5 "$output/build-$language.log" >&2
    say "The clients for $language are not built."
    [ "$built" = "$cannot_set_up" ] || status=1
}
for part in peers crossings; do
    wants "$@" || continue
    if [ "$part" = peers ] && [ -d "$root/tests/peers/clients/node" ] && command -v npm >/dev/null; then
        built node npm ci --prefix "$root/tests/peers/clients/node" --silent --no-audit --no-fund
    fi
    for language in jvm swift; do
        script=$root/scripts/build-peers-$language.sh
        if [ -x "$script" ]; then built "$language" "$script"; fi
    done
    break
done

# A socket for each of a thousand callers, and for the server.
ulimit -n "$(ulimit -Hn)"
rm -f "$output/results.json"
"$target/release/bench" --output "$output/results.json" "$@" || status=1
rm -f "$output/instructions.txt"
if [ -n "$whole" ]; then
    "$target/release/bench-instructions" check "$root/tests/bench/instructions.json" |
        tee "$output/instructions.txt" || status=1
    page=$root/docs
else
    page=$output
fi
python3 "$root/scripts/performance.py" "$output" "$page" "$root/docs/performance/notes.md" || status=1
say "$page/performance.md"
exit "$status"
