"""The bundles that Python packages bring along in a virtual environment: certifi, and pip's copy.

Owns: where they lie in an environment, and the block that marks what is AEX's in them.
Refuses to know: which library reads which bundle.

An update of certifi brings a bundle without the block; `aex certs status` shows it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.bundle import certificates
from certs.errors import StoreFailed
from certs.machine import Edit, Machine, Step
from certs.root import Root
from certs.store import Held, Kind

_PACKAGES = ("certifi", "pip/_vendor/certifi")
_LIBRARIES = ("lib/python3*/site-packages", "Lib/site-packages")


@dataclass(frozen=True, slots=True)
class VenvStore:
    """One bundle."""

    bundle: Path
    kind: Kind = "venv"

    @property
    def where(self) -> str:
        """The bundle's file."""
        return str(self.bundle)

    def needs_root(self, machine: Machine) -> bool:
        """Never: an environment belongs to its user."""
        del machine
        return False

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Trusted is what the bundle holds; present, what stands between AEX's marks."""
        del machine
        content = self.bundle.read_bytes()
        known = frozenset(certificates(content))
        return Held(
            trusted=frozenset(root.label for root in roots if root.der in known),
            present=frozenset(root.label for root in roots if re.search(_block(root), content)),
        )

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Append a block."""
        del machine
        begin, end = _marks(root)
        line = f"cat {shlex.quote(str(root.file))} >> {shlex.quote(str(self.bundle))}"
        return (Edit(self.bundle, _block(root), begin + root.pem + end, line),)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Cut the block out."""
        del machine
        between = f"/^# begin {root.label}$/,/^# end {root.label}$/d"
        line = f"sed -i {shlex.quote(between)} {shlex.quote(str(self.bundle))}"
        return (Edit(self.bundle, _block(root), b"", line),)


def _marks(root: Root) -> tuple[bytes, bytes]:
    return f"# begin {root.label}\n".encode(), f"# end {root.label}\n".encode()


def _block(root: Root) -> bytes:
    begin, end = _marks(root)
    return re.escape(begin) + rb"[A-Za-z0-9+/=\s-]*?" + re.escape(end)


def find(environment: Path) -> tuple[VenvStore, ...]:
    """The bundles of one environment. Raises StoreFailed if it is none, or holds none."""
    if not (environment / "pyvenv.cfg").is_file():
        raise StoreFailed(f"{environment} is no virtual environment: it has no pyvenv.cfg")
    found = [
        VenvStore(bundle)
        for library in _LIBRARIES
        for folder in sorted(environment.glob(library))
        for package in _PACKAGES
        if (bundle := folder / package / "cacert.pem").is_file()
    ]
    if not found:
        raise StoreFailed(f"{environment} holds no certifi; what runs there reads other bundles")
    return tuple(found)
