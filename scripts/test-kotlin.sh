#!/usr/bin/env bash
# Builds the Kotlin library and runs its tests on a desktop JVM, with the real core and a real test authority.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Another JDK or Maven than Debian's serves as well.
need_command javac openjdk-17-jdk-headless
need_command mvn maven

"$root/scripts/build-host.sh"
"$root/scripts/build-counting.sh"

# What an earlier run left must not be counted.
reports="$target/kotlin/surefire-reports"
rm -rf "$reports" "$target/scenarios/kotlin.json"
# Nor can the compiler read classes that a newer one left, or tell whose source is gone.
rm -rf "$target/kotlin/classes" "$target/kotlin/test-classes"

status=0
mvn -B --no-transfer-progress -f "$root/android/pom.xml" -Dauthsession.target="$target" test || status=$?

# Adds one attribute up over the reports; without a report there is nothing to add.
total() {
    { sed -nE "s/^<testsuite .* $1=\"([0-9]+)\".*/\1/p" "$reports"/TEST-*.xml 2> /dev/null || true; } |
        awk '{ sum += $1 } END { print sum + 0 }'
}
failed=$(($(total failures) + $(total errors)))
passed=$(($(total tests) - failed - $(total skipped)))
# A build that breaks, or one that finds no test, is a failure too.
if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then
    failed=1
fi

# Maven may end with a control sequence and no end of line.
printf '\n%s\n' "$passed passed, $failed failed"
[ "$failed" = 0 ]
