#!/usr/bin/env bash
# Builds the library that counts how often the boundary is crossed, in $CARGO_TARGET_DIR/counting: it stands before the
# one that scripts/build-host.sh has built. For Linux.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_command python3 python3

out=$target/counting
mkdir -p "$out"
python3 "$root/scripts/counting_library.py" \
    "$root/ios/Sources/AuthSessionFFI/AuthSessionFFI.h" "$target/debug/libauth_session_ffi.so" >"$out/counting.c"
cc -Wall -Werror -O1 -shared -fPIC -o "$out/libauth_session_ffi.so" "$out/counting.c" -ldl
