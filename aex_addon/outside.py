"""Checkpoints outside the database: what shows that the database itself was exchanged.

Owns: the folder `checkpoints` of the home. `log` only grows, a note a line, as a JSON string;
`latest` is the newest note as it was signed, for copying elsewhere; `tree` spares reading the
whole log after a start.
Refuses to know: whether the notes are true.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from aex_addon.home import Home
from certs.files import PRIVATE, locked, private_directory, write_whole
from ledger.tree import Tree


class Outside:
    """The folder of one home; it need not exist until something is kept."""

    def __init__(self, home: Home) -> None:
        self.folder = home.checkpoints
        self.log = self.folder / "log"

    def keep(self, note: str, tree: Tree) -> None:
        """Adds a note durably, unless it is the latest already."""
        private_directory(self.folder)
        with locked(self.folder):
            if note != self.latest():
                self._append(note)
                write_whole(self.folder / "tree", tree.dump().encode(), PRIVATE)
                write_whole(self.folder / "latest", note.encode(), PRIVATE)

    def _append(self, note: str) -> None:
        descriptor = os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            # A line that a power cut tore is closed, so that it spoils no other.
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            file.write(b"\n" * torn + json.dumps(note).encode() + b"\n")
            os.fsync(descriptor)

    def latest(self) -> str:
        """The newest note; "" where there is none."""
        return _text(self.folder / "latest")

    def tree(self) -> Tree:
        """The tree of the newest note; an empty one where it is lost."""
        return Tree.load(_text(self.folder / "tree"))

    def notes(self) -> list[tuple[str, str]]:
        """Every note with the place where it stands, oldest first."""
        found = []
        for number, line in enumerate(_text(self.log).splitlines(), 1):
            note = _note(line)
            # What is torn was never acknowledged; `latest` holds the note of that line.
            if note:
                found.append((f"{self.log.name}:{number}", note))
        latest = self.latest()
        if latest and (not found or found[-1][1] != latest):
            found.append(("latest", latest))
        return found


def _note(line: str) -> str:
    try:
        note = json.loads(line)
    except ValueError:
        return ""
    return note if isinstance(note, str) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
