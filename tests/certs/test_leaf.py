"""Laws of certs/leaf.py."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import issue
from certs.leaf import leaf, leaf_key
from tests.certs import loopback
from tests.certs.authority import HOSTS, NOW, PEM

HOST = x509.DNSName("api.openai.com")


@pytest.fixture(scope="module")
def issued() -> issue.Issued:
    return issue.issue(HOSTS, NOW)


def made(issued: issue.Issued, *names: x509.GeneralName) -> x509.Certificate:
    return leaf(issued.issuing, issued.key, leaf_key().public_key(), names, NOW)


def test_a_client_of_the_root_accepts_it(issued: issue.Issued, tmp_path: Path) -> None:
    """A strict client that trusts the root alone accepts a leaf under a key of its own."""
    key = leaf_key()
    certificate = leaf(issued.issuing, issued.key, key.public_key(), [HOST], NOW)
    private = key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file, root = tmp_path / "leaf.pem", tmp_path / "root.pem"
    chain = certificate.public_bytes(PEM) + issued.issuing.public_bytes(PEM)
    file.write_bytes(private + chain)
    root.write_bytes(issued.root.public_bytes(PEM))
    loopback.connect(loopback.python_server(file), root, HOST.value)


def test_it_cannot_sign_and_is_short_lived(issued: issue.Issued) -> None:
    """A leaf is no authority, holds for 30 days in all, and its key is not the issuer's."""
    certificate = made(issued, HOST)
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=29)
    assert certificate.public_key() != issued.issuing.public_key()
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (basic.ca, usage.key_cert_sign, usage.digital_signature) == (False, False, True)


def test_it_ends_with_its_issuer(issued: issue.Issued) -> None:
    """No leaf outlives the certificate that vouches for it."""
    late = NOW + timedelta(days=350)
    certificate = leaf(issued.issuing, issued.key, leaf_key().public_key(), [HOST], late)
    assert certificate.not_valid_after_utc == issued.issuing.not_valid_after_utc


@pytest.mark.parametrize(("length", "named"), [(64, True), (65, False)])
def test_a_long_name_stands_in_the_extension_alone(
    issued: issue.Issued, length: int, named: bool
) -> None:
    """A name that no subject can hold is left out of it, and the extension then is critical."""
    name = "a" * (length - len(".api.openai.com")) + ".api.openai.com"
    certificate = made(issued, x509.DNSName(name))
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert (bool(list(certificate.subject)), extension.critical) == (named, not named)
    assert extension.value.get_values_for_type(x509.DNSName) == [name]


def test_a_leaf_without_a_name_is_refused(issued: issue.Issued) -> None:
    """There is nobody that it could speak for."""
    with pytest.raises(ValueError, match="needs a name"):
        made(issued)
