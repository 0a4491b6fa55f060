"""One file with every root a child process needs: the system's, the user's own, and AEX's.

Owns: where public roots lie on each system, and how several bundles become one.
Refuses to know: which variables point at the bundle, and keys (only certificates are copied).

Most variables replace the system's roots, so a bundle with the AEX root alone would break every
connection that AEX does not open. Roots of earlier AEX CAs are left out: only the one given counts.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from certs import files
from certs.errors import BundleRefused
from certs.issue import is_aex_root

# In the order asked; the first that holds a certificate is the system's bundle.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)

_HEADER = b"# Written by AEX: system roots, the user's own, and the AEX root. Edits are lost.\n"
# `BEGIN TRUSTED CERTIFICATE` may carry distrust, which a plain bundle cannot express: left out.
_CERTIFICATE = re.compile(
    rb"-----BEGIN (?:X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END (?:X509 )?CERTIFICATE-----"
)
_LARGEST_FILE = 16 * 1024 * 1024


def write_bundle(target: Path, ca_pem: bytes, user_bundles: Sequence[Path]) -> Path:
    """Write system roots, `user_bundles` and `ca_pem` into `target`; return `target`.

    A user bundle is a PEM file or a directory of them; one that is missing, unreadable or garbage
    adds nothing. Each certificate appears once. The file (0644) is replaced whole, and only if its
    content changes. `target` may itself be among `user_bundles`: `aex run` inside `aex run`.
    Raises BundleRefused if `ca_pem` holds no certificate or no public roots are found, OSError.
    """
    own = tuple(certificates(ca_pem))
    if not own:
        raise BundleRefused("The AEX root is no certificate; delete ca.pem and run again.")
    others = [*system_roots(), *_read_all(user_bundles)]
    chosen = dict.fromkeys([*own, *(der for der in others if not is_aex_root(der))])
    content = _HEADER + b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in chosen)
    if _read(target) != content:
        files.write_whole(target, content, files.PUBLIC)
    return target


def system_roots() -> tuple[bytes, ...]:
    """Return the public roots of this machine, DER; certifi's where it has none.

    Raises BundleRefused if there are none at all.
    """
    for path in _system_paths():
        if found := tuple(_read_all([path])):
            return found
    raise BundleRefused(
        "No public root certificates found; install the package ca-certificates, or certifi."
    )


def _system_paths() -> Iterator[Path]:
    # The compiled-in file, not what SSL_CERT_FILE says: that one is the user's and comes extra.
    yield Path(ssl.get_default_verify_paths().openssl_cafile)
    yield from map(Path, SYSTEM_BUNDLES)
    yield Path(ssl.get_default_verify_paths().openssl_capath)
    try:
        import certifi
    except ImportError:
        return
    yield Path(certifi.where())


def certificates(pem: bytes) -> Iterator[bytes]:
    """Yield each certificate in `pem` as DER, passing over text, keys and damaged blocks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for block in _CERTIFICATE.findall(pem):
        try:
            der = base64.b64decode(b"".join(block.split()), validate=True)
            # OpenSSL judges: it is what most readers of the bundle are built on, and one block
            # that it cannot read makes some of them refuse the whole file.
            context.load_verify_locations(cadata=der)
        except (binascii.Error, ssl.SSLError, ValueError):
            continue
        yield der


def _read_all(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        for file in _files_of(path):
            yield from certificates(_read(file) or b"")


def _files_of(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir()) if path.is_dir() else [path]
    except OSError:
        return []


def _read(path: Path) -> bytes | None:
    try:
        # A device or a pipe would be read for ever; a bundle is never this large.
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None
