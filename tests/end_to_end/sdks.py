"""SDKs whose pins conflict with AEX's own, each in a virtual environment made for the tests.

Owns: making it once and keeping it (.venv-sdks/, by the hash of its pins).
Refuses to know: what an SDK is asked to do.

    sdks/<name>.txt    the SDK and all that it needs, pinned
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.end_to_end.processes import ROOT

PINS = Path(__file__).parent / "sdks"
KEPT = ROOT / ".venv-sdks"


def interpreter(name: str) -> Path:
    """A Python that has the SDK; installs it where it has not been yet."""
    pins = PINS / f"{name}.txt"
    marks = pins.read_bytes() + sys.version.encode()
    kept = KEPT / f"{name}-{hashlib.sha256(marks).hexdigest()[:12]}"
    python = kept / "bin" / "python"
    KEPT.mkdir(exist_ok=True)
    # Two workers of a run may want it at once; the second finds it made.
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not python.exists():
            install(pins, kept)
    return python


def install(pins: Path, kept: Path) -> None:
    """Makes the environment elsewhere and puts it in its place: nothing of it names the place that
    it was made in, and one that is not whole is never found."""
    made = Path(tempfile.mkdtemp(prefix=f"{pins.stem}-", dir=KEPT))
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    # What is imported is compiled then; all of it would take longer than the rest of the work.
    options = ["--no-compile", "-r", str(pins)]
    commands = (
        [sys.executable, "-m", "venv", "--without-pip", str(made)],
        [*pip, "--python", str(made / "bin" / "python"), "install", *options],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    made.replace(kept)
