"""What certificate an agent is shown, on a real gateway and in mitmproxy's own store."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy.certs import CertStore

from aex_addon import clock
from aex_addon.leaves import LeafStore
from certs import ca
from tests.aex_addon.rig import Rig

HOST = "api.openai.com"
NAMES = [x509.DNSName(HOST)]


async def shown(rig: Rig, trust: ssl.SSLContext | None = None) -> x509.Certificate:
    """The certificate of one handshake through a tunnel."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    head = f"CONNECT {HOST}:443 HTTP/1.1\r\nProxy-Authorization: {rig.basic}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    try:
        await writer.start_tls(trust or rig.trust(), server_hostname=HOST)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    return x509.load_der_x509_certificate(der)


def issuing(rig: Rig) -> x509.Certificate:
    return ca.load(rig.assembly.home.ca_dir).issuing


async def test_agents_see_a_short_leaf_under_another_key(rig: Rig) -> None:
    """At most 90 days, under one key a process that is not the CA's, made once for a host."""
    first = await shown(rig)
    assert first.not_valid_after_utc - first.not_valid_before_utc <= timedelta(days=90)
    assert first.public_key() != issuing(rig).public_key()
    assert (await shown(rig)) == first


async def test_no_file_holds_the_key_of_a_leaf(rig: Rig) -> None:
    """The only private key in the CA's directory is the issuing one."""
    await shown(rig)
    files = [path.read_bytes() for path in rig.assembly.home.ca_dir.rglob("*") if path.is_file()]
    assert sum(content.count(b"BEGIN PRIVATE KEY") for content in files) == 1


async def test_a_ca_that_is_replaced_is_followed(rig: Rig) -> None:
    """A gateway that runs speaks for the new CA from the next handshake on."""
    old_trust = rig.trust()
    await shown(rig, old_trust)
    made = ca.renew(rig.assembly.home.ca_dir, rig.assembly.routes.hosts, clock.utc_now())
    trust = ssl.create_default_context(cafile=str(made.root_file))
    assert (await shown(rig, trust)).issuer == made.issuing.subject
    with pytest.raises(ssl.SSLCertVerificationError):
        await shown(rig, old_trust)


async def test_a_ca_that_cannot_be_used_is_not_followed(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Garbage in the CA's place changes nothing for agents, and is said once."""
    before = await shown(rig)
    key_file = rig.assembly.home.ca_dir / ca.KEY_FILE
    key_file.write_bytes(b"garbage")
    assert (await shown(rig)) == (await shown(rig)) == before
    said = [line for line in caplog.messages if "stays the one from before" in line]
    assert len(said) == 1


async def test_mitmproxys_options_do_not_bring_its_leaves_back(rig: Rig) -> None:
    """mitmproxy makes its store anew when an option changes, and agents still see AEX's leaves."""
    rig.master.options.update(key_size=3072)
    assert (await shown(rig)).public_key() != issuing(rig).public_key()


@pytest.fixture
def store(tmp_path: Path) -> LeafStore:
    authority = ca.ensure(tmp_path / "ca", [HOST], datetime.now(UTC))
    return LeafStore.over(CertStore.from_store(authority.directory, "mitmproxy", 2048))


def test_a_leaf_is_made_anew_before_it_ends(
    store: LeafStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept until seven days are left, then another takes its place under the same key."""
    first = store.get_cert(HOST, NAMES)
    last = first.cert.notafter - timedelta(days=7)
    monkeypatch.setattr(clock, "utc_now", lambda: last)
    assert store.get_cert(HOST, NAMES) is first
    monkeypatch.setattr(clock, "utc_now", lambda: last + timedelta(seconds=1))
    second = store.get_cert(HOST, NAMES)
    assert second.cert.notafter > first.cert.notafter
    assert second.privatekey is first.privatekey


def test_the_store_is_bounded(store: LeafStore) -> None:
    """Whatever names are asked for, a hundred leaves are kept."""
    for number in range(store.STORE_CAP + 20):
        store.get_cert(f"a{number}.{HOST}", [x509.DNSName(f"a{number}.{HOST}")])
    assert len(store.certs) == store.STORE_CAP


def test_two_processes_share_no_key(store: LeafStore) -> None:
    """Each store begins with a key of its own."""
    other = LeafStore.over(store)
    assert other.get_cert(HOST, NAMES).privatekey != store.get_cert(HOST, NAMES).privatekey


def test_a_certificate_that_the_user_gave_goes_first(store: LeafStore, tmp_path: Path) -> None:
    """mitmproxy's own `--certs` keeps its meaning, and names that it does not cover get a leaf."""
    made = store.get_cert(HOST, NAMES)
    key = made.privatekey.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    given = tmp_path / "given.pem"
    given.write_bytes(made.cert.to_pem() + key)
    given.chmod(0o600)
    plain = CertStore.from_store(tmp_path / "ca", "mitmproxy", 2048)
    plain.add_cert_file("*.example.com", given)
    both = LeafStore.over(plain)
    assert both.get_cert("a.example.com", [x509.DNSName("a.example.com")]).cert == made.cert
    other = both.get_cert("x.api.openai.com", [x509.DNSName("x.api.openai.com")])
    assert other.cert.cn == "x.api.openai.com"
