"""PROCESS of golden files: written from the code into folders of docs, and compared with the code from then on."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# File name → content.
Rendered = Mapping[str, str]
Folders = Mapping[Path, Rendered]


def drift(folders: Folders) -> list[str]:
    """What differs between folders and what they should hold."""
    return [line for folder, contents in folders.items() for line in _differences(folder, contents)]


def _differences(folder: Path, contents: Rendered) -> Iterator[str]:
    stand = {path.name: path.read_text() for path in folder.glob("*")}
    for name in sorted(contents.keys() | stand.keys()):
        if name not in stand:
            yield f"missing: {folder.name}/{name}"
        elif name not in contents:
            yield f"of nothing: {folder.name}/{name}"
        elif stand[name] != contents[name]:
            yield f"changed: {folder.name}/{name}"


def write(folders: Folders) -> None:
    """Make the folders what the code says."""
    for folder, contents in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*"):
            path.unlink()
        for name, content in contents.items():
            (folder / name).write_text(content)


def check(folders: Folders) -> int:
    """Say on stderr what differs; the exit status of a command."""
    differences = drift(folders)
    sys.stderr.writelines(f"{line}\n" for line in differences)
    if differences:
        sys.stderr.write("docs/ is not what the code says: run `make schemas` and read the change\n")
    return 1 if differences else 0
