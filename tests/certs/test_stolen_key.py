"""What the issuing key is worth to a thief, asked of TLS clients of other makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certs import issue
from tests.certs import judges
from tests.certs.authority import HOSTS, NOW, PEM, leaf
from tests.certs.test_issue import FORGERIES

# The controls: names in scope, and one that only a CA without a limit could vouch for.
CONTROLS = ("api.openai.com", "eu.api.openai.com", "evil.example")


@dataclass(frozen=True)
class Stage:
    """Servers of a thief, the names that clients ask of them, and what clients trust."""

    roots: Path
    accepted: list[judges.Case]
    forged: dict[str, judges.Case]


def unlimited() -> issue.Issued:
    """A CA like AEX's in all but its limit."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A CA without limit")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return issue.Issued(key, certificate, certificate)


def server_file(folder: Path, number: int, by: issue.Issued, certificate: x509.Certificate) -> Path:
    key = by.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"server{number}.pem"
    path.write_bytes(certificate.public_bytes(PEM) + key + by.issuing.public_bytes(PEM))
    return path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for each forgery and for each control."""
    folder = tmp_path_factory.mktemp("thief")
    stolen, free = issue.issue(HOSTS, NOW), unlimited()
    roots = folder / "roots.pem"
    roots.write_bytes(stolen.root.public_bytes(PEM) + free.root.public_bytes(PEM))
    leaves = [
        (stolen, leaf(stolen.key, stolen.issuing, names, common_name))
        for _, common_name, names in FORGERIES.values()
    ]
    for host in CONTROLS:
        by = free if host == "evil.example" else stolen
        leaves.append((by, leaf(by.key, by.issuing, [x509.DNSName(host)])))
    files = [server_file(folder, number, *each) for number, each in enumerate(leaves)]
    with judges.serving(files) as ports:
        names = [host for host, _, _ in FORGERIES.values()]
        yield Stage(
            roots=roots,
            accepted=list(zip(ports[len(FORGERIES) :], CONTROLS, strict=True)),
            forged=dict(zip(FORGERIES, zip(ports, names, strict=False), strict=False)),
        )


@pytest.mark.parametrize("make", judges.JUDGES)
def test_a_stolen_key_speaks_for_governed_hosts_alone(
    stage: Stage, make: str, tmp_path: Path
) -> None:
    """Each make accepts names in scope and no forgery; without the limit it accepts such a name."""
    judge = judges.JUDGES[make]
    if not judge.there():
        pytest.skip(f"{make} is not on this machine; the test needs {judge.needs}")
    said = judge.ask(stage.roots, [*stage.accepted, *stage.forged.values()], tmp_path)
    assert len(said) == len(stage.accepted) + len(stage.forged)
    verdicts = dict(zip((*CONTROLS, *stage.forged), said, strict=True))
    assert {name: verdicts[name] for name in CONTROLS} == dict.fromkeys(CONTROLS, "")
    let_in = [name for name in stage.forged if not verdicts[name]]
    assert let_in == [], f"{make} accepted {let_in}"
