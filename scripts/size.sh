#!/usr/bin/env bash
# Builds the library as it ships in an app (profile `mobile`) for the processors of phones, arm64, says how large it is
# and what takes it, and fails if it is larger than it may be.
#
# It is built for Linux, whose libraries can be had everywhere, with the linker and the flags of build-android.sh: what
# differs from the file for Android is the translation to its Keystore and its certificates. What counts is the stripped
# file. Which crate a function belongs to is read from its symbol; what the optimiser has put into others, or shares
# between them, counts where it ended.
set -euo pipefail
. "$(dirname "$0")/common.sh"

most_bytes=$((3 * 1024 * 1024))
triple=aarch64-unknown-linux-gnu

need_command nm binutils
need_command python3 python3
need_command aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
libraries=$(rustc --print sysroot)/lib/rustlib
[ -d "$libraries/$triple/lib" ] || rustup target add "$triple" ||
    { say "Please install: the standard library for $triple (rustup target add $triple)"; exit "$cannot_set_up"; }
host=$(rustc --print host-tuple)

# With symbols, which are taken off below.
CARGO_PROFILE_MOBILE_STRIP=none \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$(shipping_flags) \
        -C link-arg=-B$libraries/$host/bin/gcc-ld -C link-arg=-fuse-ld=lld -C link-arg=-Wl,-z,pack-relative-relocs" \
    cargo build --locked --quiet --profile mobile --package auth-session-ffi --target "$triple" \
    --manifest-path "$root/Cargo.toml"
library=$target/$triple/mobile/libauth_session_ffi.so
stripped=$target/$triple/mobile/stripped.so
aarch64-linux-gnu-strip -o "$stripped" "$library"
bytes=$(stat -c %s "$stripped")

printf 'sections of 64 KiB and more:\n'
size -A "$stripped" | awk '$2 ~ /^[0-9]+$/ && $2 >= 65536 && $1 != "Total" {printf "%9.1f KiB  %s\n", $2 / 1024, $1}' |
    sort -rn
printf '\nfunctions and constants of 16 KiB and more, by crate:\n'
nm --print-size --demangle "$library" | python3 "$root/scripts/size_of_crates.py"
printf '\nstripped: %s bytes (%s MiB), at most %s\n' \
    "$bytes" "$(awk "BEGIN {printf \"%.2f\", $bytes / 1048576}")" "$most_bytes"
[ "$bytes" -le "$most_bytes" ]
