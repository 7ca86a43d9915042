#!/usr/bin/env bash
# Tier `targets`: the core and its exports are type-checked and linted for the phones, on this machine.
#
#   scripts/test-targets.sh                       all targets
#   scripts/test-targets.sh aarch64-apple-ios     one of them
#
# Nothing is linked, so that neither an NDK nor Xcode is needed, and nothing is said about linking or running.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

# macOS is here for its Keychain, which differs from that of iOS.
all=(aarch64-linux-android armv7-linux-androideabi x86_64-linux-android aarch64-apple-ios aarch64-apple-darwin)

targets=("$@")
[ $# -gt 0 ] || targets=("${all[@]}")
for triple in "${targets[@]}"; do
    case " ${all[*]} " in
    *" $triple "*) ;;
    *)
        say "There is no target $triple. There are: ${all[*]}"
        exit 2
        ;;
    esac
done

# Cargo links the build scripts, which run here.
need_command cc gcc libc6-dev
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy ||
    { say "Please install: clippy (rustup component add clippy)"; exit "$cannot_set_up"; }
for triple in "${targets[@]}"; do
    [ -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ] || rustup target add "$triple" ||
        { say "Please install: the standard library for $triple (rustup target add $triple)"; exit "$cannot_set_up"; }
done

# ring compiles C and assembly, whose headers come with an NDK or Xcode. Rust code is checked without the outcome.
# For Apple's targets the crate cc asks Xcode for a folder of headers unless it is told one. On a Mac Xcode answers,
# and the linker of the build scripts would believe the variable.
if [ "$(uname)" != Darwin ]; then
    mkdir -p "$target/no-sdk"
    export SDKROOT=$target/no-sdk
fi
for triple in "${targets[@]}"; do
    export "CC_${triple//-/_}=$root/scripts/check-only-cc.sh" "AR_${triple//-/_}=ar"
done

# Both crates at once: apart, each would want its dependencies with other features, and all would be checked twice.
# A crate counts as passed if cargo names its artifact, which it does only without errors and warnings.
passed=0 failed=0
for triple in "${targets[@]}"; do
    start=$SECONDS
    artifacts=$(cargo clippy --locked --quiet --package auth-session --package auth-session-ffi --lib --target "$triple" \
        --message-format json-render-diagnostics -- -D warnings | grep '"reason":"compiler-artifact"') || true
    for crate in auth-session auth-session-ffi; do
        if grep -q "/$triple/debug/deps/lib${crate//-/_}-[0-9a-f]*\.rmeta\"" <<<"$artifacts"; then
            echo "ok      $crate for $triple"
            passed=$((passed + 1))
        else
            echo "FAILED  $crate for $triple"
            failed=$((failed + 1))
        fi
    done
    say "$triple: $((SECONDS - start)) s"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
