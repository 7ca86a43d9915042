#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, guided by coverage, on the stable toolchain (docs/fuzzing.md):
#
#   scripts/fuzz.sh                          every target for 300 s, two at a time
#   scripts/fuzz.sh challenge --seconds 60   one of them
#   scripts/fuzz.sh --keep                   adds what was found new to tests/fuzz/corpus, minimised
#   scripts/fuzz.sh challenge --input FILE   runs one input, such as a finding
#
# Fails on a finding, and says how to run it again.
set -euo pipefail
. "$(dirname "$0")/common.sh"

package=$root/tests/fuzz
corpus=$package/corpus
here=$target/fuzz
# Inputs that mean something are shorter; longer ones only take time.
most_bytes=4096
# What a longer one meets, a short one meets as well.
most_kept_bytes=1000
# One input takes microseconds. In seconds and megabytes.
patience=5 most_memory=1024

seconds=300 keep=false input='' fresh=false targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2 && shift ;;
    --input) input=$2 && shift ;;
    --keep) keep=true ;;
    # Begins with the kept corpus alone, not with what earlier runs have found.
    --fresh) fresh=true ;;
    -*) say "There is no option $1." && exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
# `planted` is for the tier: it must fail.
all=() file=''
for file in "$package"/targets/*.rs; do
    name=$(basename "$file" .rs)
    [ "$name" = planted ] || all+=("$name")
done
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")
for name in "${targets[@]}"; do
    [ -f "$package/targets/$name.rs" ] || { say "There is no target $name. There are: ${all[*]}"; exit 2; }
done

# For libFuzzer itself.
need_command c++ g++
need_command python3 python3
chosen=()
for name in "${targets[@]}"; do chosen+=(--bin "$name"); done
RUSTC_WRAPPER=$package/instrument.sh CARGO_TARGET_DIR=$here \
    cargo build --locked --quiet --manifest-path "$package/Cargo.toml" "${chosen[@]}" >&2 || exit 1

logs=$here/logs findings=$here/findings
mkdir -p "$logs" "$findings"

if [ -n "$input" ]; then
    RUST_BACKTRACE=1 "$here/debug/${targets[0]}" "-timeout=$patience" "-rss_limit_mb=$most_memory" "$input"
    exit
fi

limits=("-max_len=$most_bytes" "-timeout=$patience" "-rss_limit_mb=$most_memory")

fuzz() {
    local name=$1 work=$here/work/$1
    [ "$fresh" = false ] || work=$here/fresh/$name
    [ "$fresh" = false ] || rm -rf "$work"
    mkdir -p "$work"
    python3 "$root/scripts/fuzz_corpus.py" unpack "$corpus/$name.txt" "$here/kept/$name"
    # Every kept input is run first, whatever the time.
    nice "$here/debug/$name" "$work" "$here/kept/$name" "${limits[@]}" -dict="$package/dictionary" -print_final_stats=1 \
        -max_total_time="$seconds" -artifact_prefix="$findings/$name-" >"$logs/$name.log" 2>&1
}

# report TARGET STATUS: executions, edges that were met of those there are, inputs that met something new.
report() {
    local log=$logs/$1.log verdict=ok
    [ "$2" = 0 ] || verdict=FINDING
    local executions edges met inputs
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    edges=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log" | head -n 1)
    met=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    inputs=$(sed -n 's/^#.* corp: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
    printf '%-16s %12s %6s of %6s %8s  %s\n' "$1" "${executions:-0}" "${met:-0}" "${edges:-0}" "${inputs:-0}" "$verdict"
    if [ "$2" != 0 ]; then
        grep -A2 -E 'panicked at|libFuzzer: (timeout|out-of-memory)' "$log" | head -n 4 >&2 || tail -n 4 "$log" >&2
        local found
        found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        say "Run it again: scripts/fuzz.sh $1 --input $found"
    fi
}

printf '%-16s %12s %16s %8s\n' target executions edges inputs
failed=0
declare -A running=()
finish_one() {
    local pid='' status=0
    wait -n -p pid || status=$?
    report "${running[$pid]}" "$status"
    unset "running[$pid]"
    [ "$status" = 0 ] || failed=$((failed + 1))
}
for name in "${targets[@]}"; do
    [ ${#running[@]} -lt 2 ] || finish_one
    fuzz "$name" &
    running[$!]=$name
done
while [ ${#running[@]} -gt 0 ]; do finish_one; done

# What meets an edge that nothing kept has met, and no more than it takes: how often a loop ran is no reason to keep an
# input.
if [ "$keep" = true ]; then
    for name in "${targets[@]}"; do
        rm -rf "$here/short" && mkdir "$here/short"
        find "$here/work/$name" -type f -size "-$((most_kept_bytes + 1))c" -exec cp -t "$here/short" {} +
        "$here/debug/$name" -merge=1 -set_cover_merge=1 -use_counters=0 "${limits[@]}" "$here/kept/$name" \
            "$here/short" >"$logs/$name.merge.log" 2>&1
        python3 "$root/scripts/fuzz_corpus.py" pack "$here/kept/$name" "$corpus/$name.txt"
    done
fi

[ "$failed" = 0 ]
