"""The kept inputs of a fuzz target: in the repository one readable line each, for libFuzzer one file each.

    fuzz_corpus.py unpack FILE DIRECTORY
    fuzz_corpus.py pack DIRECTORY FILE
"""

import hashlib
import pathlib
import sys


def unpack(file: pathlib.Path, directory: pathlib.Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    kept = set()
    for line in file.read_text("ascii").splitlines() if file.exists() else []:
        data = line.encode("ascii").decode("unicode_escape").encode("latin-1")
        # libFuzzer's own names, so that it finds what it knows.
        name = hashlib.sha1(data).hexdigest()
        kept.add(name)
        (directory / name).write_bytes(data)
    for path in directory.iterdir():
        if path.name not in kept:
            path.unlink()


def pack(directory: pathlib.Path, file: pathlib.Path) -> None:
    inputs = sorted(path.read_bytes() for path in directory.iterdir())
    lines = [data.decode("latin-1").encode("unicode_escape").decode("ascii") for data in inputs]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), "ascii")


if __name__ == "__main__":
    action, source, destination = sys.argv[1:]
    {"unpack": unpack, "pack": pack}[action](pathlib.Path(source), pathlib.Path(destination))
