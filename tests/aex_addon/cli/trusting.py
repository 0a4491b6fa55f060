"""Trust stores for tests of `aex certs`: a virtual environment, and a real Debian on a stage.

Owns: how they are made. Refuses to know: what commands do to them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import certifi

ROOT = Path(__file__).resolve().parents[3]


def venv(folder: Path, name: str = "venv") -> tuple[Path, Path]:
    """An environment with certifi in it; gives its path and that of the bundle."""
    made = folder / name
    package = made / "lib/python3.13/site-packages/certifi"
    package.mkdir(parents=True)
    bundle = package / "cacert.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    (made / "pyvenv.cfg").touch()
    return made, bundle


# In a mount namespace: folders of the test lie over what the real tool reads and changes. Its
# hooks do nothing, and of the public roots it knows a few, for it is slow.
_STAGE = """
set -e
mount --bind "$1/few.conf" /etc/ca-certificates.conf
mount --bind "$1/certs" /etc/ssl/certs
mount --bind "$1/local" /usr/local/share/ca-certificates
mount --bind "$1/hooks" /etc/ca-certificates/update.d
shift
exec "$@"
"""


class Debian:
    """The real update-ca-certificates, on roots of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("certs", "local", "hooks"):
            (folder / name).mkdir()
        known = Path("/etc/ca-certificates.conf").read_text().splitlines(keepends=True)
        public = [line for line in known if line.startswith("mozilla/")]
        (folder / "few.conf").write_text("".join(public[:5]))

    @property
    def bundle(self) -> bytes:
        return (self.folder / "certs" / "ca-certificates.crt").read_bytes()

    def links(self) -> dict[str, str]:
        """The names under which OpenSSL finds roots, and where each leads."""
        found = (path for path in (self.folder / "certs").iterdir() if path.is_symlink())
        return {path.name: str(path.readlink()) for path in found}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command that finds the copy in the place of the real one."""
        own = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
        command = ["unshare", *own, "sh", "-c", _STAGE, "sh", str(self.folder), *words]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    def aex(self, *words: str) -> Any:
        """What `aex certs … --stores system` says, as JSON."""
        program = [sys.executable, "-m", "aex_addon.cli.main", "certs"]
        done = self.run(*program, *words, "--stores", "system", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)
