#!/usr/bin/env bash
# Builds the library as it ships in an app (profile `mobile`) and says how large it is and what takes it:
#
#   scripts/size.sh             for this machine
#   scripts/size.sh TRIPLE      for another target, whose linker Cargo must know
#
# What counts is the stripped file. Which crate a function belongs to is read from its symbol; what the optimiser has
# put into others, or shares between them, counts where it ended.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_command nm binutils
triple=${1-}
directory=$target/${triple:+$triple/}mobile
# With symbols, which are taken off below.
CARGO_PROFILE_MOBILE_STRIP=none cargo build --locked --quiet --profile mobile --package auth-session-ffi \
    ${triple:+--target "$triple"} --manifest-path "$root/Cargo.toml"
library=$directory/libauth_session_ffi.so
strip -o "$directory/stripped.so" "$library"
bytes=$(stat -c %s "$directory/stripped.so")

printf 'stripped: %s bytes (%s MiB)\n\n' "$bytes" "$(awk "BEGIN {printf \"%.2f\", $bytes / 1048576}")"
printf 'sections of 64 KiB and more:\n'
size -A "$directory/stripped.so" | awk '$2 ~ /^[0-9]+$/ && $2 >= 65536 && $1 != "Total" {printf "%9.1f KiB  %s\n", $2 / 1024, $1}' |
    sort -rn
printf '\nfunctions and constants of 16 KiB and more, by crate:\n'
nm --print-size --demangle "$library" | python3 "$root/scripts/size_of_crates.py"
