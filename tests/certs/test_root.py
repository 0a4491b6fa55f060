"""Laws of certs/root.py."""

from __future__ import annotations

import hashlib
import ssl
import string
from pathlib import Path

from certs import issue
from certs.root import Root
from tests.certs.authority import HOSTS, NOW


def test_its_names_are_of_one_root_alone() -> None:
    """Label, serial and fingerprint follow from the certificate, and no other root has them."""
    one, other = (Root(issue.issue(HOSTS, NOW).root, Path("ca.pem")) for _ in range(2))
    assert one.serial in one.certificate.subject.rfc4514_string()
    assert one.label.endswith(one.serial)
    assert one.sha1 == hashlib.sha1(one.der, usedforsecurity=False).hexdigest().upper()
    assert ssl.PEM_cert_to_DER_cert(one.pem.decode()) == one.der
    assert not {one.label, one.serial, one.sha1} & {other.label, other.serial, other.sha1}


def test_its_label_needs_no_quotes() -> None:
    """It is a file name, a nickname and an alias: letters, digits and dashes, nothing else."""
    label = Root(issue.issue(HOSTS, NOW).root, Path("ca.pem")).label
    assert set(label) <= set(string.ascii_lowercase + string.digits + "-")
