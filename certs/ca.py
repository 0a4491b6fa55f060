"""The CA as it lies on disk: made once, kept while it fits, replaced when it does not.

Owns: the files of the CA directory (which is also mitmproxy's `confdir`) and when to re-issue.
Refuses to know: who trusts the CA, how certificates are built, and mitmproxy itself.

    mitmproxy-ca.pem        0600  issuing key, issuing certificate, root: what mitmproxy loads
    ca.pem                  0644  the root alone: what clients trust
    mitmproxy-ca-cert.pem   0644  the same, under the name that mitmproxy's own guides use
    replaced/               0700  roots from before, which trust stores may still hold (history.py)

The first file is the truth and is replaced whole; the others are copied out of it again whenever
they differ, so a crash between two writes heals at the next `ensure`. mitmproxy takes the root
along because it sends the issuing certificate only if the file holds more than one certificate.
It adds mitmproxy-dhparam.pem (public numbers) to the directory by itself when it first loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

from certs import files, history
from certs.errors import AuthorityForeign, AuthorityMissing
from certs.hosts import permitted_names
from certs.issue import (
    BACKDATED,
    ISSUING_NAME,
    ROOT_NAME,
    Issued,
    is_made_by_aex,
    issue,
    permitted_hosts,
)
from certs.root import Root

KEY_FILE = "mitmproxy-ca.pem"
ROOT_FILE = "ca.pem"
MITMPROXY_ROOT_FILE = "mitmproxy-ca-cert.pem"

RENEW_BEFORE = timedelta(days=30)

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA on disk. `fresh` means that this call made it: what trusted the old root must follow,
    and a mitmproxy that runs on the old key must be restarted. `reasons` says why the one before
    was given up, in a sentence each; empty if there was none.
    """

    directory: Path
    issuing: x509.Certificate
    root: x509.Certificate
    fresh: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def key_file(self) -> Path:
        """The file mitmproxy loads; holds the private key."""
        return self.directory / KEY_FILE

    @property
    def root_file(self) -> Path:
        """The file clients are pointed at; holds the root alone."""
        return self.directory / ROOT_FILE

    @property
    def root_pem(self) -> bytes:
        """The root certificate, PEM."""
        return self.root.public_bytes(_PEM)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names the CA can speak for (each with all names below it), sorted."""
        return permitted_hosts(self.issuing)


@dataclass(frozen=True, slots=True)
class Status:
    """What an operator wants to see. From `due` on it is re-issued for its age; `stale` holds one
    sentence for each reason to do so now; `replaced` are the roots from before, newest first.
    """

    fingerprint_sha256: str  # of the root: upper-case hex pairs joined by colons
    serial: str  # of the root: lower-case hex, also part of its common name
    issued: datetime
    due: datetime
    not_after: datetime
    hosts: tuple[str, ...]
    stale: tuple[str, ...]
    replaced: tuple[history.Replaced, ...]


def ensure(directory: Path, hosts: Sequence[str], now: datetime) -> Authority:
    """Return the CA for exactly these hosts, made or re-issued if there is no fitting one.

    Re-issues when the hosts differ (order and case do not count), or fewer than 30 days are left.
    `now` is timezone-aware. Raises HostRefused, KeyExposed, AuthorityForeign, OSError; a CA that
    was there before is still whole after any of them.
    """
    wanted = permitted_names(hosts)
    files.private_directory(directory)
    with files.locked(directory):
        try:
            authority = load(directory)
        except AuthorityMissing:
            authority = _make(directory, wanted, now)
        else:
            if reasons := _stale(authority, wanted, now):
                authority = _replace(authority, wanted, now, tuple(reasons))
        _copy_root(authority)
    return authority


def renew(directory: Path, hosts: Sequence[str], now: datetime) -> Authority:
    """Replace the CA by a new one for these hosts, whether or not it needs it.

    Raises AuthorityMissing and what `ensure` raises.
    """
    wanted = permitted_names(hosts)
    load(directory)  # before the lock, which needs the directory
    with files.locked(directory):
        authority = load(directory)
        reasons = _stale(authority, wanted, now) or ["It was renewed by hand."]
        authority = _replace(authority, wanted, now, tuple(reasons))
        _copy_root(authority)
    return authority


def load(directory: Path) -> Authority:
    """Read the CA, and check that key, issuing certificate and root belong together.

    Raises AuthorityMissing, KeyExposed, AuthorityForeign, OSError.
    """
    path = directory / KEY_FILE
    try:
        pem = files.read_private(path)
    except FileNotFoundError:
        raise AuthorityMissing(f"No CA in {directory}; `aex up` makes one.") from None
    try:
        issuing, root = _checked(pem)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise AuthorityForeign(
            f"{path} is not a CA that AEX made, or is damaged ({error}). "
            "AEX does not overwrite it: move it away, and a new one is made."
        ) from error
    return Authority(directory, issuing, root)


def status(directory: Path, hosts: Sequence[str], now: datetime) -> Status:
    """Describe the CA on disk against the hosts it should serve; changes nothing.

    Raises what `load` raises, and HostRefused.
    """
    authority = load(directory)
    reasons = _stale(authority, permitted_names(hosts), now)
    if _content(authority.root_file) != authority.root_pem:
        reasons.append(f"{authority.root_file} is not the root of this CA.")
    return Status(
        fingerprint_sha256=authority.root.fingerprint(hashes.SHA256()).hex(":").upper(),
        serial=f"{authority.root.serial_number:x}",
        issued=authority.root.not_valid_before_utc + BACKDATED,
        due=authority.issuing.not_valid_after_utc - RENEW_BEFORE,
        not_after=authority.issuing.not_valid_after_utc,
        hosts=authority.hosts,
        stale=tuple(reasons),
        replaced=history.replaced(directory, authority.root),
    )


def roots(authority: Authority) -> tuple[Root, ...]:
    """The root, and behind it those that it replaced, newest first."""
    current = Root(authority.root, authority.root_file)
    before = history.replaced(authority.directory, authority.root)
    return (current, *(each.root for each in before))


def _make(directory: Path, hosts: tuple[str, ...], now: datetime) -> Authority:
    issued = issue(hosts, now)
    files.write_whole(directory / KEY_FILE, _key_file(issued), files.PRIVATE)
    return Authority(directory, issued.issuing, issued.root, fresh=True)


def _replace(
    old: Authority, hosts: tuple[str, ...], now: datetime, reasons: tuple[str, ...]
) -> Authority:
    history.keep(old.directory, old.root, now, reasons)
    return replace(_make(old.directory, hosts, now), reasons=reasons)


def _copy_root(authority: Authority) -> None:
    for copy in (authority.root_file, authority.directory / MITMPROXY_ROOT_FILE):
        if _content(copy) != authority.root_pem:
            files.write_whole(copy, authority.root_pem, files.PUBLIC)


def _key_file(issued: Issued) -> bytes:
    key = issued.key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The order matters: mitmproxy signs in the name of the first certificate.
    return key + issued.issuing.public_bytes(_PEM) + issued.root.public_bytes(_PEM)


def _checked(pem: bytes) -> tuple[x509.Certificate, x509.Certificate]:
    key = serialization.load_pem_private_key(pem, password=None)
    certificates = x509.load_pem_x509_certificates(pem)
    if len(certificates) != 2:
        raise ValueError(f"it holds {len(certificates)} certificates, not 2")
    issuing, root = certificates
    if not (is_made_by_aex(issuing, ISSUING_NAME) and is_made_by_aex(root, ROOT_NAME)):
        raise ValueError("its names are not AEX's")
    if key.public_key() != issuing.public_key():
        raise ValueError("the key is not that of the issuing certificate")
    issuing.verify_directly_issued_by(root)
    if not permitted_hosts(issuing):
        raise ValueError("it is not limited to any host")
    return issuing, root


def _stale(authority: Authority, wanted: tuple[str, ...], now: datetime) -> list[str]:
    reasons = []
    if added := sorted(set(wanted) - set(authority.hosts)):
        reasons.append(f"It does not permit {', '.join(added)}.")
    if removed := sorted(set(authority.hosts) - set(wanted)):
        reasons.append(f"It still permits {', '.join(removed)}.")
    not_after = authority.issuing.not_valid_after_utc
    if not_after - now < RENEW_BEFORE:
        reasons.append(f"It expires on {not_after:%Y-%m-%d}.")
    if now < authority.issuing.not_valid_before_utc:
        reasons.append("It is dated in the future; the clock has been set back.")
    return reasons


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
