#!/usr/bin/env bash
# Tests the React Native package: TypeScript by itself, the package as npm packs it, React Native's own codegen on the
# spec, and end to end: the TypeScript in Node.js, the Kotlin TurboModule on a JVM, the real library, the test authority.
# End to end once more with the Swift half of the module in the place of the Kotlin one.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

package="$root/bindings/react-native"
output="$target/react-native"
mkdir -p "$output"

# What the tests' own tools need; React Native itself asks for a newer one, and does without it here.
oldest_node=20
newer_node=22.23.3

set_up_node() {
    need_command npm nodejs npm
    need_command node nodejs
    [ "$(node --print 'process.versions.node.split(".")[0]')" -lt "$oldest_node" ] || return 0
    local tools="${AUTHSESSION_TOOLS:-$HOME/.cache/authsession}/node-$newer_node" build
    build="node-linux-$(node --print process.arch)"
    if [ ! -x "$tools/node_modules/$build/bin/node" ]; then
        say "Installing: Node.js $newer_node in $tools"
        npm install --prefix "$tools" --no-audit --no-fund --loglevel=error "$build@$newer_node" >&2
    fi
    export PATH="$tools/node_modules/$build/bin:$PATH"
}

# checksum PATH...: of the names and contents of all files in there.
checksum() { find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; }

install_node_modules() {
    local stamp="$package/node_modules/.installed" lock
    lock="$(checksum "$package/package-lock.json")"
    [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ] || return 0
    say "Installing the packages of $package/package-lock.json"
    if ! npm --prefix "$package" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
        say "The packages of $package/package-lock.json cannot be installed."
        exit "$cannot_set_up"
    fi
    echo "$lock" >"$stamp"
}

build_harness() {
    local stamp="$output/harness/inputs" inputs
    inputs="$(checksum "$root/android/pom.xml" "$root/android/src/main" "$package/android/src" "$package/harness" \
        "$output/codegen/floor/android/java")"
    [ "$(cat "$stamp" 2>/dev/null)" != "$inputs" ] || return 0
    say "Building the harness"
    rm -rf "$output/harness"
    mvn -B --no-transfer-progress -q -f "$package/harness/pom.xml" -Dauthsession.target="$target" \
        -Dmaven.test.skip=true package >&2 || return 1
    echo "$inputs" >"$stamp"
}

# The Swift half, and what drives it: as on a phone it is compiled against AuthSessionKit, here for this machine.
build_swift_bridge() {
    local swift=("$root/scripts/swift-toolchain.sh") kit
    AUTHSESSION_LIBRARY_DIR="$target/debug" "${swift[@]}" \
        swift build --package-path "$root" --scratch-path "$target/swift" --target AuthSessionKit >&2 || return 1
    kit="$(find "$target/swift/" -name AuthSessionKit.build -path '*/debug/*' | head -n 1)"
    kit="$(dirname "${kit:-.}")"
    mkdir -p "$output/swift"
    "${swift[@]}" swiftc -swift-version 6 -warnings-as-errors -module-name ReactNativeAuthSession \
        -o "$output/swift/bridge" -I "$kit/Modules" \
        -Xcc -fmodule-map-file="$root/ios/Sources/AuthSessionFFI/module.modulemap" \
        -L "$target/debug" -lauth_session_ffi -Xlinker -rpath -Xlinker "$target/debug" \
        "$package"/ios/*.swift "$package/harness/swift/main.swift" \
        "$kit"/AuthSessionKit.build/*.o "$kit"/AuthSessionBindings.build/*.o >&2
}

# Nothing could be tested.
broken() {
    say "$*"
    echo "0 passed, 1 failed"
    exit 1
}

# Another JDK or Maven than Debian's serves as well.
need_command javac openjdk-17-jdk-headless
need_command mvn maven
set_up_node

"$root/scripts/build-host.sh"
install_node_modules

cd "$package"
node scripts/pack.mjs "$output/packed" >&2 || broken "the package does not compile, or cannot be packed"
node_modules/.bin/tsc -p tests || broken "the tests do not compile"
node scripts/codegen.mjs "$output/codegen" || broken "React Native's codegen does not accept the spec"
build_harness || broken "the Kotlin module, or what drives it, cannot be built"
build_swift_bridge || broken "the Swift half of the module, or what drives it, cannot be built"

# What an earlier run left must not be counted.
report="$output/tests.json"
swift_report="$output/swift-tests.json"
rm -f "$report" "$swift_report" "$target/scenarios/typescript.json" "$target/scenarios/typescript-swift.json"

# run_tests REPORT ARGUMENT…
run_tests() {
    local file=$1
    shift
    node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$file" "$@" </dev/null
}

status=0
run_tests "$report" || status=$?
# Where Debian's Swift runs, with a root of its own, it sees no other folder for temporary files.
mkdir -p "$output/tmp"
TMPDIR="$output/tmp" AUTHSESSION_NATIVE_HALF=swift run_tests "$swift_report" tests/end-to-end || status=$?
[ -f "$report" ] && [ -f "$swift_report" ] || broken "the tests could not be run"

node --input-type=module - "$status" "$report" "$swift_report" <<'END'
import { readFileSync } from 'node:fs';
const [, , status, ...files] = process.argv;
const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
const sum = (name) => reports.reduce((total, report) => total + report[name], 0);
const [passed, total] = [sum('numPassedTests'), sum('numTotalTests')];
// A file that cannot be loaded, or an error outside of any test, is a failure, too.
const failed = total - passed || (status === '0' && total > 0 ? 0 : 1);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
END
