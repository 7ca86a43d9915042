#!/usr/bin/env bash
# Tests the Swift package `AuthSessionKit` with the real library against the real test authority.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/build-host.sh"
"$root/scripts/swift-toolchain.sh"

export AUTHSESSION_LIBRARY_DIR="$target/debug"
export AUTHSESSION_AUTHORITY="$target/debug/test-authority"

log="$target/swift/test.log"
mkdir -p "$target/swift"

status=0
"$root/scripts/swift-toolchain.sh" swift test --package-path "$root" --scratch-path "$target/swift" \
    </dev/null 2>&1 | tee "$log" || status=$?

# The same once more with a checksum that is another, as in a library of another version.
other="$target/swift/other-library.so"
printf 'unsigned short uniffi_auth_session_ffi_checksum_func_library_version(void) { return 0; }\n' |
    cc -shared -nostdlib -o "$other" -x c -
"$root/scripts/swift-toolchain.sh" env LD_PRELOAD="$other" AUTHSESSION_OTHER_LIBRARY=1 \
    swift test --package-path "$root" --scratch-path "$target/swift" --skip-build --filter LibraryTests \
    </dev/null 2>&1 | tee -a "$log" || status=$?

started="$(grep -c '^Test Case .* started' "$log" || true)"
passed="$(grep -c '^Test Case .* passed (' "$log" || true)"
failed=$((started - passed))
# A build that breaks, or a run that ends before its first test, is a failure, too.
if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then
    failed=1
fi

# The Swift half of the React Native package is built by apps, against this package; here it is type-checked.
modules="$(find "$target/swift/" -name AuthSessionKit.swiftmodule -path '*/Modules/*' | head -n 1)"
if [ -n "$modules" ] && "$root/scripts/swift-toolchain.sh" swiftc -typecheck -swift-version 6 \
    -module-name ReactNativeAuthSession -I "$(dirname "$modules")" \
    -Xcc -fmodule-map-file="$root/ios/Sources/AuthSessionFFI/module.modulemap" \
    "$root"/bindings/react-native/ios/*.swift; then
    passed=$((passed + 1))
else
    say "The Swift half of the React Native package does not compile against AuthSessionKit."
    failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
