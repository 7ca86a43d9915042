"""Says which public symbols of a Swift module have no comment, which of its types the landing page does not list, and which
links of that page lead nowhere; fails if there are any.

usage: swift_documented.py LANDING_PAGE SYMBOL_GRAPH...
"""

import json
import re
import sys
from pathlib import Path

LINK = re.compile(r"``([^`]+)``")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TOPIC = re.compile(r"^- ``([^`]+)``$", re.MULTILINE)


def report(complaint: str, names: set[str]) -> bool:
    for name in sorted(names):
        print(f"  {complaint}: {name}")
    return bool(names)


def main(page: Path, graphs: list[Path]) -> int:
    modules = [json.loads(graph.read_text()) for graph in graphs]
    symbols = [symbol for module in modules for symbol in module["symbols"]]
    # Without a place it is the compiler's; synthesized ones are of another module.
    own = [symbol for symbol in symbols if "location" in symbol and "::SYNTHESIZED::" not in symbol["identifier"]["precise"]]
    names = {"/".join(symbol["pathComponents"]) for symbol in own} | {module["module"]["name"] for module in modules}
    bare = {"/".join(symbol["pathComponents"]) for symbol in own if not symbol.get("docComment")}
    types = {symbol["pathComponents"][0] for symbol in own if len(symbol["pathComponents"]) == 1}
    text = FENCE.sub("", page.read_text())

    print(f"{len(own)} public symbols")
    complaints = [
        report("without a comment", bare),
        report(f"not in the topics of {page.name}", types - set(TOPIC.findall(text))),
        report(f"a link of {page.name} that leads nowhere", set(LINK.findall(text)) - names),
    ]
    return 1 if any(complaints) or not own else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]))
