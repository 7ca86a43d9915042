#!/usr/bin/env bash
# Generates the Kotlin and Swift bindings into the packages that use them. With --check it changes nothing
# and fails if what is committed is not what would be generated.
set -euo pipefail
. "$(dirname "$0")/common.sh"

"$root/scripts/build-host.sh"
out=$target/bindings
rm -rf "$out"
for language in kotlin swift; do
    "$target/debug/uniffi-bindgen" generate "$target/debug/libauth_session_ffi.so" \
        --language $language --out-dir "$out/$language" --config "$root/uniffi.toml" --no-format
done
# UniFFI leaves white space at the ends of lines.
find "$out" -type f -exec sed -i 's/[[:space:]]*$//' {} +
# replace_in FILE OLD NEW: OLD is there once, else UniFFI generates something that nobody has looked at.
replace_in() {
    if [ "$(grep -cF "$2" "$1")" != 1 ]; then
        say "The generated ${1##*/} has another shape than expected: $2 is not there once."
        exit 1
    fi
    OLD=$2 NEW=$3 perl -pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$1"
}

kotlin_source=$out/kotlin/dev/authsession/ffi/auth_session_ffi.kt
# The package's own sources are compiled with warnings as errors; the generated file cannot be.
replace_in "$kotlin_source" '@file:Suppress("NAME_SHADOWING")' '@file:Suppress("warnings")'

# UniFFI makes the structure that tells how a call ended anew for each call. JNA allocates it from the native heap and
# has the garbage collector free it, which takes longer than the call. One that said that a call went well serves the
# next call of its thread.
making='    var status = UniffiRustCallStatus()'
checking='    uniffiCheckCallStatus(errorHandler, status)'
for shape in "$making" "$checking"; do
    if [ "$(grep -cxF "$shape" "$kotlin_source")" != 1 ]; then
        say "The generated Kotlin has another shape than expected: $shape is not there once."
        exit 1
    fi
done
sed -i -e "s/^$making\$/    val status = takeCallStatus()/" \
    -e "s/^$checking\$/&\n    spareCallStatus.set(status)/" "$kotlin_source"
cat >>"$kotlin_source" <<'END'

private val spareCallStatus = ThreadLocal<UniffiRustCallStatus?>()

/** Taken and not shared: the library may call back within a call, and be called from there. */
private fun takeCallStatus(): UniffiRustCallStatus =
    spareCallStatus.get()?.also { spareCallStatus.set(null) } ?: UniffiRustCallStatus()
END

# `Direct.kt` opens the same library.
replace_in "$kotlin_source" 'private fun findLibraryName(' 'internal fun findLibraryName('

swift_source=$out/swift/AuthSessionFFIBindings.swift
# UniFFI reads bytes into an array of zeros and copies that into a Data or a String.
replace_in "$swift_source" 'return Data(try readBytes(&buf, count: Int(len)))' 'return try readData(&buf, count: Int(len))'
replace_in "$swift_source" 'return String(decoding: try readBytes(&buf, count: Int(len)), as: UTF8.self)' \
    'return try readString(&buf, count: Int(len))'
# `Data.copyBytes(to:from:)` takes about 2,000 instructions for the four bytes of a number.
# shellcheck disable=SC2016  # It is Swift's $0.
replace_in "$swift_source" 'let _ = withUnsafeMutableBytes(of: &value, { reader.data.copyBytes(to: $0, from: range)})' \
    'withUnsafeMutableBytes(of: &value) { value in reader.data.withUnsafeBytes { value.copyMemory(from: .init(rebasing: $0[range])) } }'
cat >>"$swift_source" <<'END'


/// Where bytes are that are read next, and which the reader has then left behind.
fileprivate func take(_ count: Int, from reader: inout (data: Data, offset: Data.Index)) throws -> Range<Data.Index> {
    let range = reader.offset..<(reader.offset + count)
    guard reader.data.count >= range.upperBound else {
        throw UniffiInternalError.bufferOverflow
    }
    reader.offset = range.upperBound
    return range
}

/// Reads bytes with one copy.
fileprivate func readData(_ reader: inout (data: Data, offset: Data.Index), count: Int) throws -> Data {
    reader.data.subdata(in: try take(count, from: &reader))
}

/// Reads a text with one copy.
fileprivate func readString(_ reader: inout (data: Data, offset: Data.Index), count: Int) throws -> String {
    let range = try take(count, from: &reader)
    return reader.data.withUnsafeBytes { String(decoding: UnsafeRawBufferPointer(rebasing: $0[range]), as: UTF8.self) }
}
END

# UniFFI ends the process when the library is not the one that the bindings were generated from. The package asks first.
cat >>"$swift_source" <<'END'


/// Whether the library that is linked is the one that this file was generated from. Nothing else here may be used
/// otherwise.
public var libraryMatchesBindings: Bool { initializationResult == .ok }
END

kotlin=android/src/main/kotlin/dev/authsession/ffi
swift=ios/Sources/AuthSessionKit/Generated
header=ios/Sources/AuthSessionFFI
pairs=(
    "kotlin/dev/authsession/ffi/auth_session_ffi.kt $kotlin/auth_session_ffi.kt"
    "swift/AuthSessionFFIBindings.swift $swift/AuthSessionFFI.swift"
    "swift/AuthSessionFFI.h $header/AuthSessionFFI.h"
    "swift/AuthSessionFFI.modulemap $header/module.modulemap"
)
drift=0
for pair in "${pairs[@]}"; do
    read -r generated committed <<<"$pair"
    if [ "${1-}" = --check ]; then
        if ! cmp -s "$out/$generated" "$root/$committed"; then
            say "$committed is not what is generated now; run scripts/generate-bindings.sh"
            drift=1
        fi
    else
        install -D -m 644 "$out/$generated" "$root/$committed"
    fi
done
exit $drift
