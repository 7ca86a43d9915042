# shellcheck shell=bash
# What all scripts share. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac
export CARGO_TARGET_DIR=$target
export AUTHSESSION_ROOT=$root
mkdir -p "$target"

# Exit code of a script that could not set up what it needs.
readonly cannot_set_up=3

say() { printf '%s\n' "$*" >&2; }

# need_packages PACKAGE…: installs the Debian packages that are missing, or says which they are.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "Please install: ${missing[*]}"
        exit $cannot_set_up
    fi
    say "Installing: ${missing[*]}"
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >"$target/apt.log" 2>&1; then
        tail -n 5 "$target/apt.log" >&2
        say "Please install: ${missing[*]}"
        exit $cannot_set_up
    fi
}

# need_command COMMAND PACKAGE…: installs the packages if the command is not there, from wherever.
need_command() {
    command -v "$1" >/dev/null || need_packages "${@:2}"
}

# shipping_flags: what a build for apps tells rustc beside the profile. Panic messages name source files, and no path of
# the machine that built the library belongs into it. Functions that the compiler makes of equal pieces of others save
# less code for arm64 than their tables for unwinding take.
shipping_flags() {
    cargo fetch --locked --quiet --manifest-path "$root/Cargo.toml"
    local registry
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        printf -- '--remap-path-prefix=%s= ' "$registry"
    done
    printf -- '-C llvm-args=-enable-machine-outliner=never'
}

# check NAME COMMAND…: one test of a tier that counts for itself.
passed=0 failed=0
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok      $name"
        passed=$((passed + 1))
    else
        echo "FAILED  $name"
        failed=$((failed + 1))
    fi
}

# tally LOG: counts the tests in the closing lines of cargo test and node --test, prints the count as the
# closing line of a tier, and fails if a test failed or none ran.
tally() {
    local passed failed
    passed=$(awk '/^# pass |^\xe2\x84\xb9 pass /{n += $3} /^test result: /{n += $4} END {print n + 0}' "$1")
    failed=$(awk '/^# fail |^\xe2\x84\xb9 fail /{n += $3} /^test result: /{n += $6} END {print n + 0}' "$1")
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
