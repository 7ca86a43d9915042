#!/usr/bin/env bash
# Builds the native library of the Android package for every ABI, where android/build.gradle.kts looks for it:
#
#   scripts/build-android.sh                 all of them
#   scripts/build-android.sh arm64-v8a       one of them
#
# It needs an Android NDK, whose folder ANDROID_NDK_HOME names.
set -euo pipefail
. "$(dirname "$0")/common.sh"

cargo_ndk_version=4.1.2
# The oldest Android that the package supports, Android 7.
api_level=24
# Devices with pages of 16 KB load nothing that is aligned for less. The linker of NDK r28 does so by itself.
page_size=16384
declare -A triples=(
    [arm64-v8a]=aarch64-linux-android
    [armeabi-v7a]=armv7-linux-androideabi
    [x86_64]=x86_64-linux-android
)

abis=("$@")
[ $# -gt 0 ] || abis=(arm64-v8a armeabi-v7a x86_64)
for abi in "${abis[@]}"; do
    if [ -z "${triples[$abi]:-}" ]; then
        say "There is no ABI $abi. There are: ${!triples[*]}"
        exit 2
    fi
done

if [ ! -d "${ANDROID_NDK_HOME:-}/toolchains/llvm" ]; then
    say "Please install an Android NDK, r28 or later, and name its folder in ANDROID_NDK_HOME."
    exit "$cannot_set_up"
fi
if ! cargo ndk --version >/dev/null 2>&1; then
    say "Building cargo-ndk $cargo_ndk_version …"
    cargo install --quiet --locked "cargo-ndk@$cargo_ndk_version"
fi
for abi in "${abis[@]}"; do
    [ -d "$(rustc --print sysroot)/lib/rustlib/${triples[$abi]}/lib" ] || rustup target add "${triples[$abi]}" ||
        { say "Please install: the standard library for ${triples[$abi]} (rustup target add ${triples[$abi]})"
          exit "$cannot_set_up"; }
done

output=$target/android/jniLibs
cd "$root"
# Android loads relative relocations in this packed form since version 6; written out they take 130 KiB more.
flags="$(shipping_flags) -C link-arg=-Wl,--pack-dyn-relocs=android"
for abi in "${abis[@]}"; do
    say "Building $abi …"
    # One at a time, since flags in this variable replace those of the others.
    variable="CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"${triples[$abi]}")_RUSTFLAGS"
    env "$variable=$flags -C link-arg=-Wl,-z,max-page-size=$page_size" \
        cargo ndk --target "$abi" --platform "$api_level" --output-dir "$output" \
        build --locked --package auth-session-ffi --profile mobile
done

readelf=$(printf '%s\n' "$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin/llvm-readelf | head -n 1)
for abi in "${abis[@]}"; do
    library=$output/$abi/libauth_session_ffi.so
    for alignment in $("$readelf" --program-headers --wide "$library" | awk '$1 == "LOAD" {print $NF}'); do
        if ((alignment < page_size)); then
            say "$library is not aligned for pages of $page_size bytes."
            exit 1
        fi
    done
    say "$library: $(stat -c %s "$library") bytes"
done
