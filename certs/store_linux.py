"""The system's roots on Linux: a folder of anchors, and the command that takes them up.

Owns: one row for each family of distributions.
Refuses to know: what else reads the system's roots (Java's keystore on Debian: store_java.py).

https://manpages.debian.org/stable/ca-certificates/update-ca-certificates.8.en.html
https://www.mankier.com/8/update-ca-trust
https://wiki.archlinux.org/title/Transport_Layer_Security#Trust_management
https://en.opensuse.org/SDB:CA_certificates
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.bundle import certificates
from certs.machine import Command, Machine, Step
from certs.root import Root
from certs.store import Held, Kind


@dataclass(frozen=True, slots=True)
class Family:
    """`mark` tells the family; `forget` is the update that also drops what is gone."""

    name: str
    mark: str
    anchors: str
    bundle: str
    update: tuple[str, ...]
    forget: tuple[str, ...]


# Debian's `--fresh` clears links to anchors that are gone; the other tools make all anew each time.
FAMILIES = (
    Family(
        "Fedora, RHEL",
        mark="/etc/pki/ca-trust/source/anchors",
        anchors="/etc/pki/ca-trust/source/anchors",
        bundle="/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        update=("update-ca-trust", "extract"),
        forget=("update-ca-trust", "extract"),
    ),
    Family(
        "Alpine",
        mark="/etc/alpine-release",
        anchors="/usr/local/share/ca-certificates",
        bundle="/etc/ssl/certs/ca-certificates.crt",
        update=("update-ca-certificates",),
        forget=("update-ca-certificates",),
    ),
    Family(
        "openSUSE",
        mark="/etc/pki/trust/anchors",
        anchors="/etc/pki/trust/anchors",
        bundle="/etc/ssl/ca-bundle.pem",
        update=("update-ca-certificates",),
        forget=("update-ca-certificates",),
    ),
    Family(
        "Arch",
        mark="/etc/ca-certificates/trust-source/anchors",
        anchors="/etc/ca-certificates/trust-source/anchors",
        bundle="/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        update=("trust", "extract-compat"),
        forget=("trust", "extract-compat"),
    ),
    Family(
        "Debian, Ubuntu",
        mark="/usr/local/share/ca-certificates",
        anchors="/usr/local/share/ca-certificates",
        bundle="/etc/ssl/certs/ca-certificates.crt",
        update=("update-ca-certificates",),
        forget=("update-ca-certificates", "--fresh"),
    ),
)


@dataclass(frozen=True, slots=True)
class LinuxStore:
    """The roots of one family's system."""

    family: Family
    anchors: Path
    bundle: Path
    kind: Kind = "system"

    @property
    def where(self) -> str:
        """The folder, and whose it is."""
        return f"{self.anchors} ({self.family.name})"

    def needs_root(self, machine: Machine) -> bool:
        """Always: the tools write below /etc."""
        return not machine.superuser

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Trusted is what the bundle holds that the tool makes; present, an anchor of AEX's."""
        del machine
        content = self.bundle.read_bytes() if self.bundle.exists() else b""
        known = frozenset(certificates(content))
        return Held(
            trusted=frozenset(root.label for root in roots if root.der in known),
            present=frozenset(root.label for root in roots if self._anchor(root).exists()),
        )

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Copy the root to the anchors, update."""
        copy = ("install", "-m", "0644", str(root.file), str(self._anchor(root)))
        return self._as_root(machine, copy, self.family.update)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Delete the anchor, update."""
        delete = ("rm", "-f", str(self._anchor(root)))
        return self._as_root(machine, delete, self.family.forget)

    def _anchor(self, root: Root) -> Path:
        return self.anchors / f"{root.label}.crt"

    def _as_root(self, machine: Machine, *each: tuple[str, ...]) -> tuple[Step, ...]:
        return tuple(Command(argv, as_root=not machine.superuser) for argv in each)


def find(machine: Machine) -> tuple[LinuxStore, ...]:
    """The store of the family whose mark this machine bears; () if it bears none."""
    if machine.platform != "linux":
        return ()
    for family in FAMILIES:
        if machine.path(family.mark).exists():
            anchors, bundle = machine.path(family.anchors), machine.path(family.bundle)
            return (LinuxStore(family, anchors, bundle),)
    return ()
