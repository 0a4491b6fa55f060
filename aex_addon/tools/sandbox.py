"""Whether tools can run here, found out by running one.

Owns: the trial, and the way to mend each reason against it. Refuses to know: which tools there are.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

from aex_addon.tools.machine import find_bwrap
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.package import digest
from aex_addon.tools.prepare import SandboxUnavailable
from aex_addon.tools.run import run

_PROGRAM, _SAYS = 'import sys; sys.stdout.write("stands")', b"stands"
_INSTALLERS = {
    "apt-get": "apt-get install bubblewrap",
    "dnf": "dnf install bubblewrap",
    "pacman": "pacman -S bubblewrap",
    "apk": "apk add bubblewrap",
    "zypper": "zypper install bubblewrap",
}
_REFUSED = (
    "with bubblewrap 0.8 or newer, let this user make user namespaces: "
    "sysctl -w user.max_user_namespaces=10000; on Ubuntu an AppArmor profile for bwrap (the "
    "package apparmor-profiles has one); in a container --security-opt seccomp=unconfined, which "
    "Kubernetes calls seccompProfile Unconfined"
)


def unavailable() -> str | None:
    """Why no tool can run on this machine, with the remedy; None if they can.

    The first time it runs one, which takes about a fifth of a second and blocks: call it in a
    thread. That tools can run is remembered; that they cannot is looked at anew each time.
    """
    if found := trouble():
        return f"{found[0]}; {found[1]}"
    return None


def trouble() -> tuple[str, str] | None:
    """The reason and the remedy, apart."""
    if not sys.platform.startswith("linux"):
        return "tools run on Linux alone, whose namespaces hold them", "run AEX on Linux"
    bwrap = find_bwrap()
    if bwrap is None:
        installers = (how for tool, how in _INSTALLERS.items() if shutil.which(tool))
        return "bubblewrap is missing", f"run: {next(installers, 'install bubblewrap')}"
    try:
        _tried(bwrap)
    except SandboxUnavailable as error:
        return str(error), _REFUSED
    return None


@cache
def _tried(bwrap: str) -> None:
    """Runs a tool, as they are always run. Raises SandboxUnavailable, which no cache keeps."""
    found: list[str] = []
    # A thread of its own, because whoever asks may have a loop.
    thread = threading.Thread(target=lambda: found.append(_trial()), name="aex-sandbox-trial")
    thread.start()
    thread.join()
    if found != [""]:
        raise SandboxUnavailable(found[0] if found else f"{bwrap} cannot be run")


def _trial() -> str:
    """Why the tool did not run as it should, or ""."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "trial.py")
        package.write_text(_PROGRAM)
        entrypoint = ("python", package.name)
        manifest = Manifest(
            name="trial", version="1", entrypoint=entrypoint, sha256=digest(package)
        )
        try:
            ran = asyncio.run(run(manifest, package, b"", private=()))
        except SandboxUnavailable as error:
            return str(error).removesuffix("; run: aex doctor")
    if ran.output == _SAYS:
        return ""
    return f"a tool could not be run: {ran.why or ran.errors or ran.status}"
