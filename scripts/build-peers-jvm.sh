#!/usr/bin/env bash
# Builds the clients for the JVM that are compared with each other, and what they are started with:
# java @$CARGO_TARGET_DIR/peers/jvm/arguments NAME ARGUMENTS
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Another JDK or Maven than Debian's serves as well.
need_command javac openjdk-17-jdk-headless
need_command mvn maven

"$root/scripts/build-host.sh"

run_maven() {
    mvn -B --no-transfer-progress -q -Dauthsession.target="$target" "$@"
}

# The Kotlin library, unless it is there as its sources are now.
library="$target/kotlin/auth-session-0.1.0.jar"
sources=("$root/android/pom.xml" "$root/android/src/main")
if [ ! -e "$library" ] || [ -n "$(find "${sources[@]}" -newer "$library" -print -quit)" ]; then
    # The compiler cannot tell whose source is gone.
    rm -rf "$target/kotlin/classes"
    run_maven -f "$root/android/pom.xml" -Dmaven.test.skip=true package
    touch "$library"
fi

peers="$target/peers/jvm"
rm -rf "$peers/classes" "$peers/test-classes"
run_maven -f "$root/tests/peers/clients/jvm/pom.xml" test \
    dependency:build-classpath -DincludeScope=runtime -Dmdep.outputFile="$peers/classpath"

# As the file of arguments that java reads wants it.
quoted() {
    local text=${1//\\/\\\\}
    printf '"%s"\n' "${text//\"/\\\"}"
}
{
    echo -cp
    quoted "$peers/classes:$library:$(<"$peers/classpath")"
    quoted "-Djna.library.path=$target/debug"
    echo dev.authsession.peers.MainKt
} >"$peers/arguments"
