#!/usr/bin/env bash
# Tier `keystore`: the store of Android's Keystore on a desktop's JVM, under -Xcheck:jni, with a Keystore that
# knows API levels and fails as told. A warning of the JVM is a failed test.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Another JDK than Debian's serves as well; the library of the JVM comes with it.
need_command javac openjdk-17-jdk-headless

export AUTHSESSION_KEYSTORE_CLASSES=$target/keystore-classes
rm -rf "$AUTHSESSION_KEYSTORE_CLASSES"
find "$root/tests/keystore/java" -name '*.java' -exec \
    javac --release 17 -Xlint:all,-serial -Werror -d "$AUTHSESSION_KEYSTORE_CLASSES" {} +

log=$target/keystore.log
run() {
    local status=0
    cargo build --locked --quiet --package auth-session-ffi --features keystore --manifest-path "$root/Cargo.toml" || return 1
    cargo test --locked --no-fail-fast --package keystore-tests --manifest-path "$root/Cargo.toml" || status=1
    # The rules that need no JVM.
    cargo test --locked --package auth-session --features keystore --lib --manifest-path "$root/Cargo.toml" \
        store::keystore || status=1
    return $status
}
status=0
run 2>&1 | tee "$log" || status=1
if grep -nE 'WARNING|FATAL ERROR in native|JNI local refs' "$log"; then
    say "The JVM warned of how it was used."
    status=1
fi
tally "$log" || status=1
exit $status
