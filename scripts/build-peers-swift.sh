#!/usr/bin/env bash
# Builds the Swift clients of tests/peers: `URLSession` with the usual actor, and AuthSession. Leaves a program that
# starts from anywhere, in $CARGO_TARGET_DIR/peers/swift:
#
#   client NAME ARGUMENTS     NAME is urlsession or authsession-swift
#
# The native library is read from AUTHSESSION_LIBRARY_DIR when it starts; without, from $CARGO_TARGET_DIR/debug.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/build-host.sh"
system="$("$root/scripts/swift-toolchain.sh" --system)"
version="$("$root/scripts/swift-toolchain.sh" swift --version 2>/dev/null |
    sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')"

output="$target/peers/swift"
mkdir -p "$output"
export AUTHSESSION_LIBRARY_DIR="$target/debug"
"$root/scripts/swift-toolchain.sh" swift build --configuration release --product client \
    --package-path "$root/tests/peers/clients/swift" --scratch-path "$output/build" </dev/null >&2

# What Debian's toolchain has built needs its libraries and their loader, but not its root: so the client has the paths
# of whoever starts it, and nothing stands between the two.
{
    echo '#!/bin/sh'
    # shellcheck disable=SC2016  # The variables are for the script that is written.
    printf 'library=${AUTHSESSION_LIBRARY_DIR:-%q}\n' "$target/debug"
    printf 'export SWIFT_VERSION=%q\n' "$version"
    if [ -n "$system" ]; then
        for loader in "$system"/lib64/ld-linux-*.so.* "$system"/lib/ld-linux-*.so.*; do
            [ ! -x "$loader" ] || break
        done
        # shellcheck disable=SC2016
        printf 'exec %q --library-path "$library":%q:%q %q "$@"\n' "$loader" \
            "$system/usr/libexec/swift/lib/swift/linux" "$system/usr/lib/$(uname -m)-linux-gnu" \
            "$output/build/release/client"
    else
        # shellcheck disable=SC2016
        printf 'LD_LIBRARY_PATH="$library" DYLD_LIBRARY_PATH="$library" exec %q "$@"\n' "$output/build/release/client"
    fi
} >"$output/client.new"
chmod +x "$output/client.new"
mv "$output/client.new" "$output/client"
