"""Adds up the sizes of symbols by the crate they belong to. Reads the output of `nm --print-size --demangle`."""

import collections
import re
import sys

LEAST_BYTES = 16 * 1024
# The first path of a symbol such as `<alloc::vec::Vec<T> as core::ops::Drop>::drop` or `core::fmt::write`.
CRATE = re.compile(r"\b([a-z_][a-z0-9_]*)(?:\[[0-9a-f]+\])?::")


def crate_of(symbol: str) -> str:
    match = CRATE.search(symbol)
    if match:
        return match.group(1)
    # C and assembly have no paths; ring's names begin with its own.
    return "ring (C and assembly)" if symbol.startswith(("ring_core", "ecp_", "p256", "sha", "aes", "x25519")) else "no crate"


def main() -> None:
    sizes: collections.Counter[str] = collections.Counter()
    for line in sys.stdin:
        fields = line.split(None, 3)
        if len(fields) == 4:
            sizes[crate_of(fields[3])] += int(fields[1], 16)
    for crate, size in sizes.most_common():
        if size >= LEAST_BYTES:
            print(f"{size / 1024:9.1f} KiB  {crate}")


main()
