"""Two certificates and one key: a CA that can speak for the governed hosts and nothing else.

Owns: the shape of both certificates (names, dates, constraints) and how to recognise them again.
Refuses to know: files, clocks, clients.

Invariant: the root's private key lives only inside `issue`. It signs two certificates and is
dropped, so nobody, this program included, can ever sign a second issuing CA under that root.
"""

from __future__ import annotations

import ipaddress
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION = "AEX"
ROOT_NAME = "AEX root "
ISSUING_NAME = "AEX issuing "

VALIDITY = timedelta(days=365)
# Clients whose clock is behind must not find a certificate from the future.
BACKDATED = timedelta(days=1)

# With DNS names only, several clients accept a leaf that names an IP address instead.
_ALL_ADDRESSES = tuple(
    x509.IPAddress(ipaddress.ip_network(network)) for network in ("0.0.0.0/0", "::/0")
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new CA: the issuing key with its certificate, and the root that vouches for it."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    issuing: x509.Certificate
    root: x509.Certificate


def issue(hosts: tuple[str, ...], now: datetime) -> Issued:
    """Make a throw-away root and an issuing CA limited to `hosts` (from `permitted_names`).

    Both are valid from a day before `now` (timezone-aware) until 365 days after it.
    """
    if now.tzinfo is None:
        raise ValueError("now must be timezone-aware")
    # P-256, not RSA: clients accept both, and a handshake costs the gateway 40 % less CPU.
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())

    serial = x509.random_serial_number()
    root_name = _name(ROOT_NAME, serial)
    root = _authority(root_key, 1, hosts, now)
    root = root.serial_number(serial).subject_name(root_name).issuer_name(root_name)

    serial = x509.random_serial_number()
    issuing = _authority(key, 0, hosts, now)
    issuing = issuing.serial_number(serial).subject_name(_name(ISSUING_NAME, serial))
    issuing = issuing.issuer_name(root_name).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
    )
    return Issued(
        key=key,
        issuing=issuing.sign(root_key, hashes.SHA256()),
        root=root.sign(root_key, hashes.SHA256()),
    )


def _authority(
    key: ec.EllipticCurvePrivateKey, path_length: int, hosts: tuple[str, ...], now: datetime
) -> x509.CertificateBuilder:
    """Build what root and issuing CA have in common; the constraint stands on both.

    Java ignores constraints on a trust anchor, so the one on the issuing CA is what counts there.
    """
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    constraint = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(host) for host in hosts],
        excluded_subtrees=list(_ALL_ADDRESSES),
    )
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder()
        .public_key(public)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(constraint, critical=True)
        .add_extension(server, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(prefix: str, serial: int) -> x509.Name:
    """A subject that no other CA has: two installs never collide, an uninstall hits one only."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{prefix}{serial:x}"),
        ]
    )


def permitted_hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names that a CA certificate is limited to, sorted; () if it is not."""
    try:
        constraint = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return ()
    names = constraint.value.permitted_subtrees or []
    return tuple(sorted(name.value for name in names if isinstance(name, x509.DNSName)))


def is_made_by_aex(certificate: x509.Certificate, prefix: str) -> bool:
    """Tell by its subject whether AEX made this certificate (`ROOT_NAME` or `ISSUING_NAME`)."""
    return certificate.subject == _name(prefix, certificate.serial_number)


def is_aex_root(der: bytes) -> bool:
    """Tell whether a DER certificate, perhaps of doubtful form, is the root of some AEX CA."""
    with warnings.catch_warnings():
        # Real bundles hold roots whose serial number is negative; that is not ours to report.
        warnings.simplefilter("ignore")
        try:
            return is_made_by_aex(x509.load_der_x509_certificate(der), ROOT_NAME)
        except ValueError:
            return False
