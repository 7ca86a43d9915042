"""Says which public symbols of a Swift module have no comment; fails if there are any.

usage: swift_documented.py SYMBOL_GRAPH...
"""

import json
import sys
from pathlib import Path



def main(graphs: list[Path]) -> int:
    symbols = [symbol for graph in graphs for symbol in json.loads(graph.read_text())["symbols"]]
    # Without a place it is the compiler's; synthesized ones are of another module.
    own = [symbol for symbol in symbols if "location" in symbol and "::SYNTHESIZED::" not in symbol["identifier"]["precise"]]
    bare = sorted({".".join(symbol["pathComponents"]) for symbol in own if not symbol.get("docComment")})
    print(f"{len(own)} public symbols, {len(bare)} without a comment", *bare, sep="\n  ")
    return 1 if bare or not own else 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
