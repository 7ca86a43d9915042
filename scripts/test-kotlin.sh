#!/usr/bin/env bash
# Builds the Kotlin library and runs its tests on a desktop JVM, with the real core and a real test authority.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ "$(uname)" != Linux ]; then
    say "The tests of the Kotlin package run on Linux: two of them stand another library before the real one."
    exit "$cannot_set_up"
fi
# Another JDK or Maven than Debian's serves as well.
need_command javac openjdk-17-jdk-headless
need_command mvn maven

# For one test, the library as on Android: with its store for the Keystore and what its virtual machine calls. Kept
# apart, since all others run with what a desktop gets, which is built after it to the same place.
keystore="$target/kotlin-keystore"
rm -rf "$keystore"
mkdir -p "$keystore/classes"
cargo build --locked --quiet --package auth-session-ffi --features keystore --manifest-path "$root/Cargo.toml"
cp "$target/debug/libauth_session_ffi.so" "$keystore"
# Not the stand-in for the Kotlin class of this name.
find "$root/tests/keystore/java" -name '*.java' ! -name NativeLibrary.java -exec \
    javac --release 17 -Xlint:all,-serial -Werror -d "$keystore/classes" {} +

"$root/scripts/build-host.sh"
"$root/scripts/build-counting.sh"

# What an earlier run left must not be counted.
reports="$target/kotlin/surefire-reports"
rm -rf "$reports" "$target/scenarios/kotlin.json"
# Nor can the compiler read classes that a newer one left, or tell whose source is gone.
rm -rf "$target/kotlin/classes" "$target/kotlin/test-classes"

status=0
mvn -B --no-transfer-progress -f "$root/android/pom.xml" -Dauthsession.target="$target" test || status=$?

# The screen of Compose that the guide shows. Compose's plugin of the compiler must not touch anything else, so it is
# compiled by itself, against the classes that were just tested.
compile_compose_example() {
    local out="$target/kotlin/compose" example="$root/android/examples/compose" plugin
    rm -rf "$out"
    mvn -B --no-transfer-progress -q -f "$example/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$out/libraries" || return 1
    plugin=$(printf '%s\n' "$out"/libraries/kotlin-compose-compiler-plugin-embeddable-*.jar)
    java -cp "$out/libraries/*" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -Werror -no-stdlib -no-reflect -jvm-target 17 \
        -Xplugin="$plugin" -d "$out/classes" "$example/AccountScreen.kt" \
        -cp "$target/kotlin/classes:$target/kotlin/test-classes:$(printf '%s:' "$out"/libraries/*.jar)"
}

# Adds one attribute up over the reports; without a report there is nothing to add.
total() {
    { sed -nE "s/^<testsuite .* $1=\"([0-9]+)\".*/\1/p" "$reports"/TEST-*.xml 2> /dev/null || true; } |
        awk '{ sum += $1 } END { print sum + 0 }'
}
failed=$(($(total failures) + $(total errors)))
passed=$(($(total tests) - failed - $(total skipped)))
if [ "$status" = 0 ]; then
    if compile_compose_example; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi
# A build that breaks, or one that finds no test, is a failure too.
if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then
    failed=1
fi

# Maven may end with a control sequence and no end of line.
printf '\n%s\n' "$passed passed, $failed failed"
[ "$failed" = 0 ]
