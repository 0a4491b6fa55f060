"""Small tools for tests: a manifest and a package each, of one Python file.

Owns: the files. Refuses to know: who installs them, and where.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools.package import digest
from aex_addon.tools.sandbox import unavailable

needs_sandbox = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "")

SUM = "import json, sys\nprint(json.dumps({'sum': sum(json.load(sys.stdin)['numbers'])}))\n"
ECHO = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\n"
FAILS = "import sys\nprint('half')\nsys.exit('no more: a secret of the operator')\n"
FLOOD = "import sys\nwhile True: sys.stdout.write('x' * 65536)\n"

# Beats in a file for as long as it runs, and leaves a child that does the same.
BEATS = """\
import os, sys, time
beat = open(sys.argv[1], "a", buffering=1)
os.fork()
while True:
    beat.write("x")
    beat.flush()
    time.sleep(0.01)
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """A tool that can be installed."""

    name: str
    manifest: Path
    package: Path


def pack(folder: Path, name: str, source: str, *words: str, **fields: Any) -> Packed:
    """A tool of this source, in a folder of its own below `folder`; it costs $0.002 a run."""
    package = folder / f"{name}-{len(list(folder.iterdir()))}"
    package.mkdir()
    (package / "main.py").write_text(source)
    manifest = folder / f"{package.name}.json"
    said = {
        "name": name,
        "version": "1.0",
        "entrypoint": ["python", "main.py", *words],
        "sha256": digest(package),
        "cost_usd": "0.002",
        **fields,
    }
    manifest.write_text(json.dumps(said))
    return Packed(name, manifest, package)


class Beats:
    """Where a tool's beats are seen: a folder that the tool may write to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        # The tool is nobody there.
        folder.chmod(0o777)
        self.folder, self.file = folder, folder / "beats"

    def pack(self, folder: Path, name: str = "beats") -> Packed:
        """A tool that runs until it is ended."""
        return pack(folder, name, BEATS, str(self.file), allowed_fs=[f"rw:{self.folder}"])

    @property
    def alive(self) -> bool:
        """Whether the tool, or its child, is still there."""
        said = str(self.file).encode()
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            # It may end while it is looked at.
            with suppress(OSError):
                if said in each.read_bytes():
                    return True
        return False

    @property
    def count(self) -> int:
        """How many there were so far."""
        return self.file.stat().st_size if self.file.exists() else 0
