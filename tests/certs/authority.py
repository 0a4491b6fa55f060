"""What the tests of certs share: a moment, a CA, and leaves as a thief of its key would sign them.

Owns: test data.
Refuses to know: what any test expects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# TLS clients in these tests look at the machine's clock, so the moment is today.
NOW = datetime.now(UTC).replace(microsecond=0)
HOSTS = ("api.anthropic.com", "api.openai.com")
PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER


def leaf(
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    names: Sequence[x509.GeneralName],
    common_name: str = "leaf",
    *,
    is_ca: bool = False,
) -> x509.Certificate:
    """Sign a certificate for `names` with a key pair of the issuer, as mitmproxy does."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())
