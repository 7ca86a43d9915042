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

# What is compiled for iOS and macOS only is type-checked against stubs of what it uses of the system.
stubs="$target/swift/apple"
rm -rf "$stubs"
mkdir -p "$stubs"
for system in iOS macOS; do
    sources="$stubs/$system"
    mkdir "$sources"
    find "$root/ios/Sources/AuthSessionKit" -name '*.swift' ! -path '*/Generated/*' -exec cp {} "$sources" \;
    sed -i -E "/^ *#(else)?if /{ s/os\($system\)|canImport\((Combine|Darwin)\)/true/g; s/os\([A-Za-z]+\)/false/g; }" \
        "$sources"/*.swift
    # shellcheck disable=SC2016  # $1 is for the shell inside.
    if [ -n "$modules" ] && "$root/scripts/swift-toolchain.sh" bash -euc '
        cd "$1"
        for module in UIKit AppKit Network Combine; do
            swiftc -emit-module -swift-version 6 -module-name "$module" -o "$module.swiftmodule" "$2/$module.swift"
        done
        swiftc -typecheck -swift-version 6 -module-name AuthSessionKit -I . -I "$3" \
            -Xcc -fmodule-map-file="$4" "$5"/*.swift
    ' check "$stubs" "$root/ios/Tests/AppleStubs" "$(dirname "$modules")" \
        "$root/ios/Sources/AuthSessionFFI/module.modulemap" "$sources"; then
        passed=$((passed + 1))
    else
        say "What is compiled for $system only does not fit the stubs of what it uses of the system."
        failed=$((failed + 1))
    fi
done

# The example and every piece of Swift on the pages. They are compiled as for iOS, against stubs.
examples="$stubs/examples"
mkdir "$examples" "$stubs/graph"
mapfile -t pages < <(cd "$root" && grep -rlx --include='*.md' --exclude-dir=target --exclude-dir=node_modules \
    --exclude-dir=.build '```swift' . | sort)
pieces="$(cd "$root" && python3 scripts/swift_snippets.py "$examples" "${pages[@]}")"
# shellcheck disable=SC2016  # $1 is for the shell inside.
if "$root/scripts/swift-toolchain.sh" bash -euc '
    cd "$1"
    swiftc -emit-module -swift-version 6 -module-name AuthSessionKit -o AuthSessionKit.swiftmodule -I . -I "$3" \
        -Xcc -fmodule-map-file="$4" -emit-symbol-graph -emit-symbol-graph-dir graph iOS/*.swift
    for module in SwiftUI Alamofire; do
        swiftc -emit-module -swift-version 6 -module-name "$module" -o "$module.swiftmodule" -I . "$2/$module.swift"
    done
    for sources in "$5" "$6"; do
        swiftc -typecheck -swift-version 6 -parse-as-library -suppress-warnings -I . -I "$3" \
            -Xcc -fmodule-map-file="$4" $sources
    done
' check "$stubs" "$root/ios/Tests/AppleStubs" "$(dirname "$modules")" \
    "$root/ios/Sources/AuthSessionFFI/module.modulemap" \
    "$root/ios/Examples/SwiftUI/*.swift" "$root/ios/Tests/Snippets/*.swift $examples/*.swift"; then
    passed=$((passed + pieces + 1))
else
    say "The example or a piece of Swift on a page does not compile."
    failed=$((failed + 1))
fi

# What is public has a comment for DocC.
if python3 "$root/scripts/swift_documented.py" "$stubs"/graph/*.json; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi

# The XCFramework is built on a Mac; anywhere else its script says so.
if [ "$(uname)" = Darwin ] || [ "$("$root/scripts/build-ios.sh" >/dev/null 2>&1; echo $?)" = "$cannot_set_up" ]; then
    passed=$((passed + 1))
else
    say "scripts/build-ios.sh does not say that it needs a Mac."
    failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
