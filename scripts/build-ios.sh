#!/usr/bin/env bash
# Builds the native library for Apple platforms as $CARGO_TARGET_DIR/apple/AuthSessionFFI.xcframework, which
# Package.swift takes if it is there, and as a zip with its checksum for a release. On a Mac with Xcode only.
#
#   scripts/build-ios.sh           device, simulator and macOS
#   scripts/build-ios.sh --check   says whether this machine can build it, and builds nothing
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

case ${1-} in
'' | --check) ;;
*)
    say "Unknown argument: $1"
    exit 2
    ;;
esac
if [ "$(uname)" != Darwin ]; then
    say "The XCFramework needs a Mac with Xcode. Here scripts/test-swift.sh tests the package with a library for this machine."
    exit "$cannot_set_up"
fi
if ! xcodebuild -version >/dev/null 2>&1; then
    say "Please install Xcode, and choose it: sudo xcode-select --switch /Applications/Xcode.app"
    exit "$cannot_set_up"
fi

device=(aarch64-apple-ios)
simulator=(aarch64-apple-ios-sim x86_64-apple-ios)
mac=(aarch64-apple-darwin x86_64-apple-darwin)
library=libauth_session_ffi.a
out=$target/apple

for triple in "${device[@]}" "${simulator[@]}" "${mac[@]}"; do
    [ -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ] || rustup target add "$triple" || {
        say "Please install: the standard library for $triple (rustup target add $triple)"
        exit "$cannot_set_up"
    }
done
[ "${1-}" != --check ] || exit 0

# As in Package.swift. Without them C code is built for the newest system that Xcode knows.
export IPHONEOS_DEPLOYMENT_TARGET=15.0 MACOSX_DEPLOYMENT_TARGET=12.0

rm -rf "$out"
mkdir -p "$out"
RUSTFLAGS=$(shipping_flags)
export RUSTFLAGS
for triple in "${device[@]}" "${simulator[@]}" "${mac[@]}"; do
    cargo rustc --locked --package auth-session-ffi --lib --profile mobile --target "$triple" --crate-type staticlib
done

# fat NAME TRIPLE…: one library for the processors of a platform.
fat() {
    local name=$1 triple inputs=()
    shift
    for triple in "$@"; do
        inputs+=("$target/$triple/mobile/$library")
    done
    mkdir -p "$out/$name"
    lipo -create "${inputs[@]}" -output "$out/$name/$library"
}
fat device "${device[@]}"
fat simulator "${simulator[@]}"
fat mac "${mac[@]}"

# In a folder with the name of the module: Xcode copies the headers of all XCFrameworks of an app into one folder, where
# module maps without a folder collide, and the compiler looks for a module's map in the folder of its name.
headers=$out/headers/AuthSessionFFI
mkdir -p "$headers"
cp ios/Sources/AuthSessionFFI/AuthSessionFFI.h ios/Sources/AuthSessionFFI/module.modulemap "$headers"

arguments=()
for platform in device simulator mac; do
    arguments+=(-library "$out/$platform/$library" -headers "$out/headers")
done
xcodebuild -create-xcframework "${arguments[@]}" -output "$out/AuthSessionFFI.xcframework"

# For a release: no owner, no times, so that the same content has the same checksum.
(cd "$out" && find AuthSessionFFI.xcframework -exec touch -t 202001010000 {} + &&
    find AuthSessionFFI.xcframework | LC_ALL=C sort | zip --quiet -X AuthSessionFFI.xcframework.zip -@)
say "Built $out/AuthSessionFFI.xcframework"
echo "checksum: $(swift package compute-checksum "$out/AuthSessionFFI.xcframework.zip")"
