"""SDKs whose pins conflict with AEX's own, or that are no Python, each installed for the tests.

Owns: installing it once and keeping it (.venv-sdks/, by the hash of its pins).
Refuses to know: what an SDK is asked to do.

    sdks/<name>.txt    the SDK and all that it needs, pinned
    sdks/node.txt      the same for those of Node; gemini-cli.txt: an agent that is one package
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.end_to_end.processes import ROOT

PINS = Path(__file__).parent / "sdks"
KEPT = ROOT / ".venv-sdks"
NODE_SDKS_NEED = 20
# No funding, audit or news, and nothing that a package would like to run.
NPM = (
    *("--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"),
    "--omit=optional",
)
# It asks for one package after the other, and waits each time for a registry that is not there.
NPM_WAITS = ("--fetch-retries=1", "--fetch-retry-mintimeout=200")
NPM_SECONDS = 120
# npm's words for a registry that cannot be talked to, as opposed to one that says no.
NO_REGISTRY = re.compile(
    r"code (EAI_AGAIN|ECONN\w+|ENOTFOUND|ETIMEDOUT|E(HOST|NET)UNREACH|\w*CERT\w*)"
)


def interpreter(name: str) -> Path:
    """A Python that has the SDK; installs it where it has not been yet."""
    return _installed(name, sys.version, _install) / "bin" / "python"


def node() -> str:
    """This machine's Node; skips the test where there is none."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node on this machine")
    return found


def node_modules(outer: Mapping[str, str], name: str = "node") -> Path:
    """The folder that NODE_PATH names to have the SDKs of Node; skips the test without npm,
    or where Node is older than they allow.

    `outer` is the environment before the tests took away what it trusts: npm has no other way to
    learn of a registry's own CA.
    """
    version = _run([node(), "--version"], os.environ).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_SDKS_NEED:
        pytest.skip(f"the SDKs need Node {NODE_SDKS_NEED}, this is {version}")
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")

    def install(pins: Path, made: Path) -> None:
        wanted = [line for line in pins.read_text().splitlines() if not line.startswith("#")]
        options = ["--loglevel=error", "--prefix", str(made), *NPM, *NPM_WAITS]
        try:
            done = _run(["npm", "install", *options, *wanted], outer, NPM_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm reaches no registry within {NPM_SECONDS} s")
        if found := NO_REGISTRY.search(done.stderr):
            pytest.skip(f"npm reaches no registry ({found[1]})")
        assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"

    return _installed(name, "", install) / "node_modules"


def _installed(name: str, mark: str, install: Callable[[Path, Path], None]) -> Path:
    """Where it is kept. `install` makes it elsewhere, from the pins; it is put in its place then:
    nothing of it names the place that it was made in, and one that is not whole is never found."""
    pins = PINS / f"{name}.txt"
    marks = pins.read_bytes() + mark.encode()
    kept = KEPT / f"{name}-{hashlib.sha256(marks).hexdigest()[:12]}"
    KEPT.mkdir(exist_ok=True)
    # Two workers of a run may want it at once; the second finds it made.
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=KEPT) as folder:
                made = Path(folder) / "made"
                made.mkdir()
                install(pins, made)
                made.replace(kept)
    return kept


def _install(pins: Path, made: Path) -> None:
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    # What is imported is compiled then; all of it would take longer than the rest of the work.
    options = ["--no-compile", "-r", str(pins)]
    commands = (
        [sys.executable, "-m", "venv", "--without-pip", str(made)],
        [*pip, "--python", str(made / "bin" / "python"), "install", *options],
    )
    for command in commands:
        done = _run(command, os.environ)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _run(
    command: Sequence[str], environ: Mapping[str, str], seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, timeout=seconds
    )
