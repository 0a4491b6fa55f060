"""Laws of certs/ca.py."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy.certs import CertStore

from certs import ca, files
from certs.errors import AuthorityForeign, AuthorityMissing, HostRefused, KeyExposed
from certs.history import DIRECTORY
from tests.certs import loopback
from tests.certs.authority import HOSTS, NOW

FILES = {ca.KEY_FILE: 0o600, ca.ROOT_FILE: 0o644, ca.MITMPROXY_ROOT_FILE: 0o644}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ca"


def snapshot(home: Path) -> dict[str, tuple[bytes, int]]:
    """Content and change time of each file: equal only if nothing was written."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in home.iterdir()}


def test_files_and_modes(home: Path) -> None:
    """The directory and the key are the owner's alone; the root may be read."""
    authority = ca.ensure(home, HOSTS, NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    assert modes == FILES
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert authority.root_file.read_bytes() == authority.root_pem
    assert b"PRIVATE KEY" not in authority.root_pem
    assert authority.fresh
    assert authority.hosts == HOSTS


def test_the_roots_key_is_written_nowhere(home: Path) -> None:
    """One private key lies on disk, and it is the issuing one."""
    authority = ca.ensure(home, HOSTS, NOW)
    everything = b"".join(content for content, _ in snapshot(home).values())
    assert everything.count(b"BEGIN PRIVATE KEY") == everything.count(b"PRIVATE KEY-----") / 2 == 1
    key = serialization.load_pem_private_key(authority.key_file.read_bytes(), None)
    assert key.public_key() == authority.issuing.public_key()


def test_a_second_ensure_changes_nothing(home: Path) -> None:
    """The same hosts in any order and case keep the CA, and no file is touched."""
    first = ca.ensure(home, HOSTS, NOW)
    before = snapshot(home)
    second = ca.ensure(home, ["API.openai.com", *HOSTS], NOW + timedelta(days=300))
    assert not second.fresh
    assert second.issuing == first.issuing
    assert snapshot(home) == before


@pytest.mark.parametrize("hosts", [HOSTS[:1], [*HOSTS, "generativelanguage.googleapis.com"]])
def test_other_hosts_mean_another_ca(home: Path, hosts: list[str]) -> None:
    """A host more or less re-issues the CA, under a new root."""
    first = ca.ensure(home, HOSTS, NOW)
    second = ca.ensure(home, hosts, NOW)
    assert second.fresh
    assert second.hosts == tuple(sorted(hosts))
    assert second.root != first.root
    assert second.root_file.read_bytes() == second.root_pem
    assert ca.load(home).issuing == second.issuing


@pytest.mark.parametrize(
    ("later", "fresh"),
    [
        (timedelta(days=335), False),
        (timedelta(days=335, seconds=1), True),
        (timedelta(days=999), True),
        (timedelta(days=-1), False),
        (timedelta(days=-1, seconds=-1), True),
    ],
)
def test_a_ca_is_renewed_a_month_early(home: Path, later: timedelta, fresh: bool) -> None:
    """With fewer than 30 days left, or dated in the future, the CA is replaced."""
    ca.ensure(home, HOSTS, NOW)
    assert ca.ensure(home, HOSTS, NOW + later).fresh is fresh


def test_lost_copies_come_back(home: Path) -> None:
    """What a crash between two writes left out is copied from the key file, with no new CA."""
    first = ca.ensure(home, HOSTS, NOW)
    first.root_file.unlink()
    (home / ca.MITMPROXY_ROOT_FILE).write_bytes(b"half")
    assert ca.status(home, HOSTS, NOW).stale == (f"{first.root_file} is not the root of this CA.",)
    assert not ca.ensure(home, HOSTS, NOW).fresh
    assert first.root_file.read_bytes() == first.root_pem
    assert (home / ca.MITMPROXY_ROOT_FILE).read_bytes() == first.root_pem
    assert ca.status(home, HOSTS, NOW).stale == ()


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_a_failed_re_issue_leaves_a_whole_ca(
    home: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Whichever of the four writes fails, what is on disk loads, and the next ensure heals it."""
    first = ca.ensure(home, HOSTS, NOW)
    done: list[Path] = []

    def failing(self: Path, target: Path) -> Path:
        if len(done) == written:
            raise OSError("disk full")
        done.append(target)
        os.rename(self, target)  # noqa: PTH104  (the method itself is what is replaced here)
        return target

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="disk full"):
            ca.ensure(home, HOSTS[:1], NOW)
    assert {*FILES, DIRECTORY} == {path.name for path in home.iterdir()}
    assert (ca.load(home).issuing == first.issuing) is (written <= 1)
    if written <= 1:
        assert ca.status(home, HOSTS, NOW).replaced == ()
    healed = ca.ensure(home, HOSTS[:1], NOW)
    assert healed.hosts == HOSTS[:1]
    assert healed.root_file.read_bytes() == healed.root_pem
    assert [root.certificate for root in ca.roots(healed)] == [healed.root, first.root]


def test_racing_starts_make_one_ca(home: Path) -> None:
    """Of several first starts one makes the CA, and all return that one."""
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: ca.ensure(home, HOSTS, NOW), range(6)))
    assert len({authority.issuing for authority in found}) == 1
    assert sum(authority.fresh for authority in found) == 1


def test_an_exposed_key_stops_everything(home: Path) -> None:
    """A key that others can read is neither used nor replaced, and the remedy is named."""
    authority = ca.ensure(home, HOSTS, NOW)
    authority.key_file.chmod(0o640)
    for act in (
        lambda: ca.load(home),
        lambda: ca.ensure(home, HOSTS, NOW),
        lambda: ca.ensure(home, HOSTS[:1], NOW),
        lambda: ca.status(home, HOSTS, NOW),
    ):
        with pytest.raises(KeyExposed, match="chmod 600"):
            act()
    authority.key_file.chmod(0o600)
    assert ca.load(home).issuing == authority.issuing


def damaged(home: Path, kind: str) -> bytes:
    """A CA file that is not ours, or no longer."""
    authority = ca.ensure(home, HOSTS, NOW)
    pem = authority.key_file.read_bytes()
    match kind:
        case "garbage":
            return b"\xff\x00 no PEM"
        case "cut":
            return pem[: len(pem) // 2]
        case "no root":
            return pem.removesuffix(authority.root_pem)
        case "another key":
            other = ca.ensure(home / "other", HOSTS, NOW).key_file.read_bytes()
            start = b"-----BEGIN CERTIFICATE"
            return other[: other.index(start)] + pem[pem.index(start) :]
        case "another root":
            other = ca.ensure(home / "other", HOSTS, NOW).root_pem
            return pem.removesuffix(authority.root_pem) + other
        case _:
            CertStore.create_store(home / "other", "mitmproxy", 2048)
            return (home / "other" / ca.KEY_FILE).read_bytes()


@pytest.mark.parametrize(
    "kind",
    ["garbage", "cut", "no root", "another key", "another root", "mitmproxy's own"],
)
def test_a_broken_ca_file_is_left_alone(home: Path, kind: str) -> None:
    """What AEX cannot recognise it neither uses nor overwrites."""
    content = damaged(home, kind)
    files.write_whole(home / ca.KEY_FILE, content, files.PRIVATE)
    for hosts in (HOSTS, HOSTS[:1]):
        with pytest.raises(AuthorityForeign, match="move it away"):
            ca.ensure(home, hosts, NOW)
    assert (home / ca.KEY_FILE).read_bytes() == content


def test_nothing_is_not_a_ca(home: Path) -> None:
    """Asking for a CA that was never made says what makes one; a refused host makes nothing."""
    with pytest.raises(AuthorityMissing, match="aex up"):
        ca.load(home)
    with pytest.raises(AuthorityMissing):
        ca.status(home, HOSTS, NOW)
    with pytest.raises(HostRefused):
        ca.ensure(home, [], NOW)
    assert not home.exists()


def test_status_describes_the_root(home: Path) -> None:
    """Fingerprint and serial are those a trust store shows; each reason to re-issue is named."""
    authority = ca.ensure(home, HOSTS, NOW)
    seen = ca.status(home, HOSTS, NOW)
    der = ssl.PEM_cert_to_DER_cert(authority.root_pem.decode())
    assert bytes.fromhex(seen.fingerprint_sha256.replace(":", "")) == hashlib.sha256(der).digest()
    assert seen.serial in authority.root.subject.rfc4514_string()
    assert (seen.not_after, seen.hosts, seen.stale) == (NOW + timedelta(days=365), HOSTS, ())
    assert (seen.issued, seen.due, seen.replaced) == (NOW, NOW + timedelta(days=335), ())
    assert ca.status(home, HOSTS, seen.due).stale == ()
    assert ca.status(home, HOSTS, seen.due + timedelta(seconds=1)).stale != ()
    old = ca.status(home, ["api.openai.com", "new.example"], NOW + timedelta(days=340))
    assert old.stale == (
        "It does not permit new.example.",
        "It still permits api.anthropic.com.",
        f"It expires on {seen.not_after:%Y-%m-%d}.",
    )


def test_mitmproxy_serves_a_chain_that_the_root_alone_verifies(home: Path) -> None:
    """The server sends the issuing certificate along: a client that has only the root accepts."""
    authority = ca.ensure(home, HOSTS, NOW)
    host = "api.openai.com"
    loopback.connect(
        loopback.mitmproxy_server(home, [x509.DNSName(host)]), authority.root_file, host
    )
    # All that mitmproxy adds to the directory; the CA itself it leaves as it is.
    assert {path.name for path in home.iterdir()} - FILES.keys() == {"mitmproxy-dhparam.pem"}
    assert not ca.ensure(home, HOSTS, NOW).fresh


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("evil.example", x509.DNSName("evil.example")),
        ("127.0.0.1", x509.IPAddress(ipaddress.ip_address("127.0.0.1"))),
        ("::1", x509.IPAddress(ipaddress.ip_address("::1"))),
    ],
)
def test_mitmproxy_cannot_open_other_destinations(
    home: Path, host: str, name: x509.GeneralName
) -> None:
    """A leaf that mitmproxy makes for an ungoverned host or an address is refused by the client."""
    authority = ca.ensure(home, HOSTS, NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        loopback.connect(loopback.mitmproxy_server(home, [name]), authority.root_file, host)


def test_a_replaced_ca_says_why(home: Path) -> None:
    """The first one replaces nothing; the next names each host that came or went."""
    assert ca.ensure(home, HOSTS, NOW).reasons == ()
    assert ca.ensure(home, HOSTS, NOW).reasons == ()
    replaced = ca.ensure(home, ["api.openai.com", "new.example"], NOW)
    assert replaced.fresh
    assert replaced.reasons == (
        "It does not permit new.example.",
        "It still permits api.anthropic.com.",
    )


def test_status_remembers_what_was_replaced(home: Path) -> None:
    """When a CA was given up, for what reason, and which root it had, newest first."""
    first = ca.ensure(home, HOSTS, NOW)
    second = ca.ensure(home, HOSTS[:1], NOW + timedelta(hours=1))
    third = ca.renew(home, HOSTS[:1], NOW + timedelta(hours=2))
    seen = ca.status(home, HOSTS[:1], NOW + timedelta(hours=3))
    assert [each.root.certificate for each in seen.replaced] == [second.root, first.root]
    assert [each.at - NOW for each in seen.replaced] == [timedelta(hours=2), timedelta(hours=1)]
    assert [each.reasons for each in seen.replaced] == [
        ("It was renewed by hand.",),
        ("It still permits api.openai.com.",),
    ]
    assert seen.issued == NOW + timedelta(hours=2)
    assert [root.certificate for root in ca.roots(third)] == [third.root, second.root, first.root]


def test_a_renewal_replaces_a_ca_that_is_there(home: Path) -> None:
    """It is a new key and a new root whatever state the old one is in; where none is, none is."""
    with pytest.raises(AuthorityMissing):
        ca.renew(home, HOSTS, NOW)
    assert not home.exists()
    first = ca.ensure(home, HOSTS, NOW)
    second = ca.renew(home, HOSTS, NOW)
    assert second.fresh
    assert second.issuing.public_key() != first.issuing.public_key()
    assert second.root_file.read_bytes() == second.root_pem != first.root_pem
    assert not ca.ensure(home, HOSTS, NOW).fresh
