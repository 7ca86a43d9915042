#!/usr/bin/env bash
# Tier `lint`: what can be said about the code without running it. Each check counts as a test.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

cargo_deny_version=0.20.2
tools=${AUTHSESSION_TOOLS:-$HOME/.cache/authsession}

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component" ||
        { say "Please install: $component (rustup component add $component)"; exit "$cannot_set_up"; }
done

formatted() { cargo fmt --all --check; }
linted() { cargo clippy --locked --quiet --workspace --all-targets -- -D warnings; }
documented() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --package auth-session; }
generated() { "$root/scripts/generate-bindings.sh" --check; }

# Licences, sources, banned and duplicate packages. Advisories need the database, which is a Git repository
# elsewhere; where it cannot be had, the check says so and leaves them out.
allowed() {
    local deny=$tools/cargo-deny-$cargo_deny_version
    if [ ! -x "$deny/bin/cargo-deny" ]; then
        say "Building cargo-deny $cargo_deny_version …"
        cargo install --quiet --locked --root "$deny" --target-dir "$target/cargo-deny" \
            --no-default-features "cargo-deny@$cargo_deny_version" || return 1
        rm -rf "$target/cargo-deny"
    fi
    "$deny/bin/cargo-deny" --locked check --hide-inclusion-graph bans licenses sources || return 1
    if "$deny/bin/cargo-deny" --locked fetch db >"$target/advisories.log" 2>&1; then
        "$deny/bin/cargo-deny" --locked check --disable-fetch advisories
    else
        say "The advisory database cannot be reached from here; advisories were not checked."
    fi
}

# `unsafe` is denied in the workspace; nothing may allow it but the platform modules, their tests, the tests with an
# allocator of their own, and the bytes that cross the boundary: UniFFI has an unsafe trait for them, and Kotlin says where
# they are.
safe() {
    ! git grep -nE 'allow\((.*, *)?unsafe_code' -- '*.rs' ':!core/tests/storm.rs' ':!core/tests/memory.rs' \
        ':!core/src/store/keychain/apple.rs' \
        ':!core/src/android.rs' ':!bindings/uniffi/src/android.rs' ':!bindings/uniffi/src/octets.rs' \
        ':!bindings/uniffi/src/direct.rs' \
        ':!tests/keystore/tests' ':!tests/soak/src/resources.rs'
}

check "the code is formatted (cargo fmt)" formatted
check "there are no warnings (cargo clippy, all targets)" linted
check "the documentation builds without warnings (cargo doc)" documented
check "the generated bindings are what would be generated now" generated
check "no unsafe code where none is expected" safe
check "dependencies: licences, sources, bans (cargo deny)" allowed

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
