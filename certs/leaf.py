"""One server certificate for a governed host, as the gateway shows it to agents.

Owns: the shape and the life of a leaf: a key of its own, 30 days, never longer than its issuer.
Refuses to know: where the issuing key lies, who keeps leaves and for how long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.issue import BACKDATED

LIFETIME = timedelta(days=30)
# A gateway that runs for months makes a new leaf before a client could meet an expired one.
RENEW_BEFORE = timedelta(days=7)

# RFC 5280, appendix A.1: ub-common-name.
_COMMON_NAME_MAX = 64


def leaf_key() -> ec.EllipticCurvePrivateKey:
    """A key for leaves. It stays in memory: no file to steal, and another in the next process."""
    return ec.generate_private_key(ec.SECP256R1())


def leaf(
    issuing: x509.Certificate,
    issuing_key: ec.EllipticCurvePrivateKey,
    public_key: ec.EllipticCurvePublicKey,
    names: Sequence[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    """Sign a certificate for `names`, valid from a day before `now` (aware) for 30 days.

    Raises ValueError without names.
    """
    if not names:
        raise ValueError("a leaf needs a name")
    first = str(names[0].value)
    named = len(first) <= _COMMON_NAME_MAX
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, first)] if named else []
    begin = now - BACKDATED
    issuer_id = issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(issuing.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(min(begin + LIFETIME, issuing.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # RFC 5280, section 4.2.1.6: critical where the subject is empty.
        .add_extension(x509.SubjectAlternativeName(names), critical=not named)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
            critical=False,
        )
        .sign(issuing_key, hashes.SHA256())
    )
