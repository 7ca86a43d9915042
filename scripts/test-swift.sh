#!/usr/bin/env bash
# Tests the Swift package `AuthSessionKit` with the real library against the real test authority, and compiles what apps
# are shown: the React Native half, the example, the pages.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/build-host.sh"
"$root/scripts/swift-toolchain.sh"

export AUTHSESSION_LIBRARY_DIR="$target/debug"
export AUTHSESSION_AUTHORITY="$target/debug/test-authority"

log="$target/swift/test.log"
mkdir -p "$target/swift"

# swift_test [NAME=VALUE …] [OPTION …]: runs the tests and adds what they say to the log.
swift_test() {
    local variables=()
    while [[ ${1-} == *=* ]]; do
        variables+=("$1")
        shift
    done
    "$root/scripts/swift-toolchain.sh" env ${variables[@]+"${variables[@]}"} \
        swift test --package-path "$root" --scratch-path "$target/swift" "$@" </dev/null 2>&1 | tee -a "$log"
}

: >"$log"
status=0
swift_test --skip CrossingsTests || status=$?

if [ "$(uname)" = Linux ]; then
    # Once more with a library that counts, which is found before the other.
    "$root/scripts/build-counting.sh"
    swift_test LD_LIBRARY_PATH="$target/counting" --skip-build --filter CrossingsTests || status=$?

    # Once more with a checksum that is another, as in a library of another version.
    other="$target/swift/other-library.so"
    printf 'unsigned short uniffi_auth_session_ffi_checksum_func_library_version(void) { return 0; }\n' |
        cc -shared -nostdlib -o "$other" -x c -
    swift_test LD_PRELOAD="$other" AUTHSESSION_OTHER_LIBRARY=1 --skip-build --filter LibraryTests || status=$?
fi

started="$(grep -c '^Test Case .* started' "$log" || true)"
passed="$(grep -c '^Test Case .* passed (' "$log" || true)"
failed=$((started - passed))
# A build that breaks, or a run that ends before its first test, is a failure, too.
if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then
    failed=1
fi

# check COMPLAINT COMMAND…: one more test.
check() {
    local complaint=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        say "$complaint"
        failed=$((failed + 1))
    fi
}

modules="$(find "$target/swift/" -name AuthSessionKit.swiftmodule -path '*/Modules/*' | head -n 1)"
modules="$(dirname "${modules:-.}")"

# swiftc_here FOLDER ARGUMENT…: compiles in a folder, whose modules it finds before those of the package.
swiftc_here() {
    local folder=$1
    shift
    # shellcheck disable=SC2016  # $1 is for the shell inside.
    "$root/scripts/swift-toolchain.sh" bash -euc 'cd "$1" && shift && swiftc -swift-version 6 "$@"' compile "$folder" \
        -I . -I "$modules" -Xcc -fmodule-map-file="$root/ios/Sources/AuthSessionFFI/module.modulemap" "$@"
}

# The Swift half of the React Native package is built by apps, against this package; here it is type-checked.
check "The Swift half of the React Native package does not compile against AuthSessionKit." \
    swiftc_here "$target/swift" -typecheck -module-name ReactNativeAuthSession "$root"/bindings/react-native/ios/*.swift

# The XCFramework is built on a Mac; anywhere else its script says so.
build_ios_says_where() {
    local code=0
    "$root/scripts/build-ios.sh" --check >"$target/swift/build-ios.log" 2>&1 || code=$?
    [ "$code" = 0 ] || { [ "$code" = "$cannot_set_up" ] && [ -s "$target/swift/build-ios.log" ]; }
}
check "scripts/build-ios.sh does not say what it needs." build_ios_says_where

# The rest is for machines without Apple's frameworks: stubs stand in for them.
stubs="$target/swift/apple"

# as_on SYSTEM: the sources of the package as they are on a system of Apple's.
as_on() {
    mkdir "$stubs/$1"
    find "$root/ios/Sources/AuthSessionKit" -name '*.swift' ! -path '*/Generated/*' -exec cp {} "$stubs/$1" \;
    sed -i -E "/^ *#(else)?if /{ s/os\\($1\\)|canImport\\((Combine|Darwin)\\)/true/g; s/os\\([A-Za-z]+\\)/false/g; }" \
        "$stubs/$1"/*.swift
}

stub() {
    swiftc_here "$stubs" -emit-module -module-name "$1" -o "$1.swiftmodule" "$root/ios/Tests/AppleStubs/$1.swift"
}

if [ "$(uname)" = Linux ]; then
    rm -rf "$stubs"
    mkdir -p "$stubs/graph" "$stubs/pieces"
    for module in UIKit AppKit Network Combine SwiftUI Alamofire; do
        stub "$module"
    done
    as_on macOS
    check "What UniFFI generates does not compile without warnings as Swift 6." \
        swiftc_here "$stubs" -warnings-as-errors -typecheck -module-name AuthSessionBindings \
        "$root"/ios/Sources/AuthSessionKit/Generated/*.swift
    check "What is compiled for macOS only does not fit the stubs of what it uses of the system." \
        swiftc_here "$stubs" -warnings-as-errors -typecheck -module-name AuthSessionKit "$stubs"/macOS/*.swift
    as_on iOS
    check "What is compiled for iOS only does not fit the stubs of what it uses of the system." \
        swiftc_here "$stubs" -warnings-as-errors -emit-module -module-name AuthSessionKit -o AuthSessionKit.swiftmodule \
        -emit-symbol-graph -emit-symbol-graph-dir graph "$stubs"/iOS/*.swift
    check "A public symbol has no comment for DocC, or the landing page does not fit the symbols." \
        python3 "$root/scripts/swift_documented.py" \
        "$root/ios/Sources/AuthSessionKit/AuthSessionKit.docc/AuthSessionKit.md" "$stubs"/graph/*.json

    check "The example does not compile." \
        swiftc_here "$stubs" -typecheck -parse-as-library "$root"/ios/Examples/SwiftUI/*.swift

    # Every piece of Swift on the pages counts as a test.
    pages=()
    while IFS= read -r page; do
        pages+=("$page")
    done < <(cd "$root" && grep -rlx --include='*.md' --exclude-dir=target --exclude-dir=node_modules \
        --exclude-dir=.build '```swift' . | sort)
    pieces="$(cd "$root" && python3 scripts/swift_snippets.py "$stubs/pieces" "${pages[@]}")"
    if swiftc_here "$stubs" -typecheck -parse-as-library -suppress-warnings \
        "$root"/ios/Tests/Snippets/*.swift "$stubs"/pieces/*.swift; then
        passed=$((passed + pieces))
    else
        say "A piece of Swift on a page does not compile."
        failed=$((failed + 1))
    fi

    # The guide's interceptor is run as well, on stand-ins for what it stands between.
    mkdir "$stubs/guide"
    guide_keeps_nothing() {
        local interceptor
        interceptor="$(grep -l 'class AuthSessionInterceptor' "$stubs"/pieces/*.swift)" &&
            swiftc_here "$stubs/guide" -parse-as-library -emit-library -emit-module -module-name Alamofire \
                "$root/ios/Tests/AppleStubs/Alamofire.swift" &&
            swiftc_here "$stubs/guide" -parse-as-library -emit-library -emit-module -module-name AuthSessionKit \
                "$root/ios/Tests/Guide/AuthSessionKit.swift" &&
            swiftc_here "$stubs/guide" -module-name Guide -o guide -L . -lAlamofire -lAuthSessionKit \
                -Xlinker -rpath -Xlinker "$stubs/guide" "$root/ios/Tests/Guide/main.swift" "$interceptor" &&
            "$root/scripts/swift-toolchain.sh" timeout 60 "$stubs/guide/guide"
    }
    check "The guide's interceptor for Alamofire keeps something of requests that are over." guide_keeps_nothing

    mkdir "$stubs/background"
    background_tasks_end() {
        local sample module
        sample="$(grep -l 'class BackgroundTasks' "$stubs"/pieces/*.swift)"
        for module in UIKit AuthSessionKit; do
            swiftc_here "$stubs/background" -parse-as-library -emit-library -emit-module -module-name "$module" \
                "$root/ios/Tests/Background/$module.swift" || return
        done
        swiftc_here "$stubs/background" -module-name Background -o background -L . -lUIKit -lAuthSessionKit \
            -Xlinker -rpath -Xlinker "$stubs/background" "$root/ios/Tests/Background/main.swift" "$sample" &&
            "$root/scripts/swift-toolchain.sh" timeout 60 "$stubs/background/background"
    }
    check "The background tasks of docs/platforms/apple.md end others, or do not end." background_tasks_end
fi

# The clients that are compared with others: that each does the plain cases right.
"$root/scripts/build-peers-swift.sh"
check "A client in Swift of tests/peers does not do what it should." \
    python3 "$root/tests/peers/clients/swift/test.py" "$target/peers/swift/client" "$AUTHSESSION_AUTHORITY"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
