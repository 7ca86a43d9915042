#!/usr/bin/env bash
# Checks that a shared library has what makes a fault in memory harder to use (OWASP MASTG-TEST-0222, 0223), and that it
# tells nothing of how it was built:
#
#   scripts/hardened.sh LIBRARY
#
# It can be loaded anywhere, its stack is not executable, nothing in it is writable and executable, what the loader has
# linked is read-only from then on, and it has no symbols but those that it exports.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_command readelf binutils

library=$1
headers=$(readelf --wide --file-header --segments --dynamic --sections "$library")
missing=0
# require WHAT PATTERN: some line of the headers matches.
require() {
    grep -qE "$2" <<<"$headers" || { say "$library: $1"; missing=1; }
}
# refuse WHAT PATTERN: none does.
refuse() {
    ! grep -qE "$2" <<<"$headers" || { say "$library: $1"; missing=1; }
}

require "not position independent" '^ *Type: +DYN'
refuse "text that is written to when it is loaded" 'TEXTREL'
require "nothing says that the stack is not executable" '^ *GNU_STACK '
refuse "an executable stack" '^ *GNU_STACK .* RWE '
refuse "a segment that is writable and executable" '^ *LOAD .* RWE '
require "what is linked stays writable" '^ *GNU_RELRO '
require "it is linked while it runs, and so stays writable" 'BIND_NOW|Flags:.* NOW'
refuse "symbols or debug information" '\.symtab|\.debug_'
refuse "a path at which libraries are looked for" 'R(UN)?PATH'
exit "$missing"
