"""A root certificate as trust stores know it: by a label, a serial number, a fingerprint.

Owns: those names; each is of one root alone, so what is removed by them is never another's.
Refuses to know: how each store is spoken to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from certs.issue import ROOT_NAME


@dataclass(frozen=True, slots=True)
class Root:
    """`file` is where the certificate lies as PEM, for tools that want to be shown a file."""

    certificate: x509.Certificate
    file: Path

    @property
    def serial(self) -> str:
        """Lower-case hex, without zeros at its head."""
        return f"{self.certificate.serial_number:x}"

    @property
    def label(self) -> str:
        """The name of its file, its nickname, its alias: whatever a store calls it by."""
        return f"aex-root-{self.serial}"

    @property
    def common_name(self) -> str:
        """What people see."""
        return f"{ROOT_NAME}{self.serial}"

    @property
    def der(self) -> bytes:
        """The certificate itself."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The same as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def sha1(self) -> str:
        """Upper-case hex: what the keychain of macOS calls a certificate by."""
        # Not trusted with anything: the certificate that it finds is compared whole.
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303
