"""Laws of certs/issue.py: what the CA says, and what its stolen key is worth."""

from __future__ import annotations

import ipaddress
import ssl
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import issue
from tests.certs import loopback
from tests.certs.authority import DER, HOSTS, NOW, PEM, leaf

GOVERNED = x509.DNSName("api.openai.com")
# What a thief signs: (the name a client asks for, the common name, the alternative names).
FORGERIES: dict[str, tuple[str, str, Sequence[x509.GeneralName]]] = {
    "other host": ("evil.example", "leaf", [x509.DNSName("evil.example")]),
    "sibling host": ("x-api.openai.com", "leaf", [x509.DNSName("x-api.openai.com")]),
    "parent host": ("openai.com", "leaf", [x509.DNSName("openai.com")]),
    "wildcard above": ("chat.openai.com", "leaf", [x509.DNSName("*.openai.com")]),
    "beside a governed host": ("api.openai.com", "leaf", [GOVERNED, x509.DNSName("evil.example")]),
    "common name only": ("evil.example", "evil.example", []),
    "IPv4": ("127.0.0.1", "leaf", [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
    "IPv6": ("::1", "leaf", [x509.IPAddress(ipaddress.ip_address("::1"))]),
}


@pytest.fixture(scope="module")
def issued() -> issue.Issued:
    return issue.issue(HOSTS, NOW)


@pytest.fixture
def root(issued: issue.Issued, tmp_path: Path) -> Path:
    """The one file that clients trust."""
    path = tmp_path / "root.pem"
    path.write_bytes(issued.root.public_bytes(PEM))
    return path


def forged(issued: issue.Issued, folder: Path, name: str, *alt: x509.GeneralName) -> Path:
    """Write a server's file as a thief of the key would: leaf, key, issuing certificate."""
    path = folder / "forged.pem"
    key = issued.key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = leaf(issued.key, issued.issuing, alt, name)
    path.write_bytes(certificate.public_bytes(PEM) + key + issued.issuing.public_bytes(PEM))
    return path


def openssl_says(root: Path, leaf_file: Path) -> str:
    """Ask the openssl command, which trusts the AEX root alone."""
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath"]
    files = ["-CAfile", str(root), "-untrusted", str(leaf_file), str(leaf_file)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == done.stdout.endswith(": OK\n")
    return done.stdout + done.stderr


def test_both_certificates_carry_the_limit(issued: issue.Issued) -> None:
    """Root and issuing CA permit the hosts alone, exclude all addresses, and say so critically."""
    for certificate in (issued.root, issued.issuing):
        extension = certificate.extensions.get_extension_for_class(x509.NameConstraints)
        assert extension.critical
        assert issue.permitted_hosts(certificate) == HOSTS
        excluded = extension.value.excluded_subtrees or []
        assert [str(name.value) for name in excluded] == ["0.0.0.0/0", "::/0"]


def test_path_lengths_leave_room_for_one_issuer(issued: issue.Issued) -> None:
    """The root vouches for one level, the issuing CA for none."""
    for certificate, length in ((issued.root, 1), (issued.issuing, 0)):
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, length)


def test_validity_is_a_year_begun_yesterday(issued: issue.Issued) -> None:
    """A client whose clock is up to a day behind accepts a CA made a moment ago."""
    for certificate in (issued.root, issued.issuing):
        assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
        assert certificate.not_valid_after_utc == NOW + timedelta(days=365)


def test_names_are_unique_and_recognised(issued: issue.Issued) -> None:
    """Each name carries its own serial number, and tells what AEX made from what it did not."""
    other = issue.issue(HOSTS, NOW)
    subjects = {c.subject for i in (issued, other) for c in (i.root, i.issuing)}
    assert len(subjects) == 4
    assert issue.is_made_by_aex(issued.root, issue.ROOT_NAME)
    assert issue.is_made_by_aex(issued.issuing, issue.ISSUING_NAME)
    assert not issue.is_made_by_aex(issued.issuing, issue.ROOT_NAME)
    assert issue.is_aex_root(issued.root.public_bytes(DER))
    assert not issue.is_aex_root(issued.issuing.public_bytes(DER))
    assert not issue.is_aex_root(b"no certificate")


def test_the_roots_key_is_gone(issued: issue.Issued) -> None:
    """The one key that is handed out is the issuing one, and it is not shown by accident."""
    assert issued.key.public_key() == issued.issuing.public_key()
    assert issued.key.public_key() != issued.root.public_key()
    assert "key=" not in repr(issued)


def test_a_certificate_without_limit_permits_no_host(issued: issue.Issued) -> None:
    """No constraint is read as no permission: such a CA is never taken for a fitting one."""
    assert issue.permitted_hosts(leaf(issued.key, issued.root, [])) == ()


def test_a_naive_moment_is_refused() -> None:
    """A date without a zone could be off by half a day."""
    with pytest.raises(ValueError, match="timezone-aware"):
        issue.issue(HOSTS, NOW.replace(tzinfo=None))


@pytest.mark.parametrize("host", ["api.openai.com", "eu.api.openai.com"])
def test_a_governed_host_is_accepted(
    issued: issue.Issued, root: Path, tmp_path: Path, host: str
) -> None:
    """The control: a leaf for a governed host, or one below it, passes both judges."""
    file = forged(issued, tmp_path, "leaf", x509.DNSName(host))
    assert openssl_says(root, file) == f"{file}: OK\n"
    loopback.connect(loopback.python_server(file), root, host)


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_stolen_key_cannot_pose_as_another(
    issued: issue.Issued, root: Path, tmp_path: Path, kind: str
) -> None:
    """OpenSSL refuses the leaf because of the limit, and a TLS client in Python does too."""
    host, common_name, names = FORGERIES[kind]
    file = forged(issued, tmp_path, common_name, *names)
    assert "subtree violation" in openssl_says(root, file)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        loopback.connect(loopback.python_server(file), root, host)


def test_a_stolen_key_cannot_make_another_authority(
    issued: issue.Issued, root: Path, tmp_path: Path
) -> None:
    """Path length 0: nothing below a CA of the thief's verifies, not even a governed host."""
    between = leaf(issued.key, issued.issuing, [], "AEX below", is_ca=True)
    chain = [leaf(issued.key, between, [GOVERNED]), between, issued.issuing]
    file = tmp_path / "below.pem"
    file.write_bytes(b"".join(certificate.public_bytes(PEM) for certificate in chain))
    assert "path length constraint exceeded" in openssl_says(root, file)
