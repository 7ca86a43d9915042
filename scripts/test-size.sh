#!/usr/bin/env bash
# Holds the size of the shipped library to its limit, and the library to what makes a fault in memory harder to use.
set -euo pipefail
. "$(dirname "$0")/common.sh"

status=0
"$root/scripts/size.sh" || status=$?
[ "$status" != "$cannot_set_up" ] || exit "$status"
check "the library is no larger than it may be" test "$status" = 0
check "the library is hardened and stripped" \
    "$root/scripts/hardened.sh" "$target/aarch64-unknown-linux-gnu/mobile/stripped.so"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
