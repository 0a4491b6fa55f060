"""Roots that were replaced: trust stores may still hold them, and an uninstall must know them.

Owns: the files `replaced/aex-root-SERIAL.pem` of the CA directory: a root, when it was given up
and why. Refuses to know: why a CA is replaced, and what trust stores are.

A root is written here before the new CA is, so after a crash between the two the current root is
among the replaced ones; whoever reads leaves that one out (`without`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import files
from certs.issue import ROOT_NAME, is_made_by_aex
from certs.root import Root

DIRECTORY = "replaced"

_AT = "# replaced "
_BECAUSE = "# because "


@dataclass(frozen=True, slots=True)
class Replaced:
    """A root that no longer counts; `at` is aware, `reasons` are sentences."""

    root: Root
    at: datetime
    reasons: tuple[str, ...]


def keep(
    directory: Path, certificate: x509.Certificate, at: datetime, reasons: tuple[str, ...]
) -> None:
    """Remember a root of the CA in `directory`. Raises KeyExposed, OSError."""
    folder = directory / DIRECTORY
    files.private_directory(folder)
    lines = [f"{_AT}{at.isoformat()}\n", *(f"{_BECAUSE}{reason}\n" for reason in reasons)]
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    root = Root(certificate, folder)
    files.write_whole(folder / f"{root.label}.pem", "".join(lines).encode() + pem, files.PUBLIC)


def replaced(directory: Path, without: x509.Certificate) -> tuple[Replaced, ...]:
    """The replaced roots of a CA directory, newest first; what is no such file is passed over."""
    found = [_read(path) for path in (directory / DIRECTORY).glob("aex-root-*.pem")]
    known = [each for each in found if each and each.root.certificate != without]
    return tuple(sorted(known, key=lambda each: (each.at, each.root.serial), reverse=True))


def _read(path: Path) -> Replaced | None:
    try:
        content = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(content)
        head = content.partition(b"-----BEGIN")[0].decode()
        at = next(line for line in head.splitlines() if line.startswith(_AT))
        moment = datetime.fromisoformat(at.removeprefix(_AT))
    except (OSError, ValueError, StopIteration):
        return None
    if not is_made_by_aex(certificate, ROOT_NAME) or moment.tzinfo is None:
        return None
    reasons = tuple(
        line.removeprefix(_BECAUSE) for line in head.splitlines() if line.startswith(_BECAUSE)
    )
    return Replaced(Root(certificate, path), moment, reasons)
