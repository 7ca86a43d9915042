"""Writes every piece of Swift of Markdown pages into a file of its own, so that they can be compiled.

usage: swift_snippets.py OUT PAGE...

A piece that begins with a declaration stays as it is; any other becomes the body of a function, around which there are a
session and a configuration unless it makes its own.
"""

import re
import sys
from pathlib import Path

FENCE = re.compile(r"^```swift\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DECLARATION = re.compile(r"(?:///.*\n)*(?:@\w+\s+)*(?:final\s+)?(?:class|struct|enum|extension|protocol|actor)\b")


def file_of(page: Path, line: int, piece: str, number: int) -> str:
    lines = piece.splitlines()
    imports = [text for text in lines if text.startswith("import ")]
    # Blank, so that the lines keep their numbers.
    body = "\n".join("" if text in imports else text for text in lines)
    place = f'#sourceLocation(file: "{page}", line: {line})'
    head = "\n".join(["import AuthSessionKit", "import Foundation", *imports])
    if DECLARATION.match(body.lstrip()):
        if "View" in body:
            head += "\nimport SwiftUI"
        return f"{head}\n{place}\n{body}\n"
    configuration = "" if "var configuration" in body else "var configuration = AuthSession.Configuration(baseURL: url)\n"
    session = "" if "let session =" in body else "let session = try await openedSession()\n"
    return f"{head}\nfunc piece{number}() async throws {{\n{configuration}{session}{place}\n{body}\n}}\n"


def main(out: Path, pages: list[Path]) -> None:
    number = 0
    for page in pages:
        text = page.read_text()
        for match in FENCE.finditer(text):
            number += 1
            line = text.count("\n", 0, match.start()) + 2
            (out / f"Piece{number}.swift").write_text(file_of(page, line, match[1], number))
    print(number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
