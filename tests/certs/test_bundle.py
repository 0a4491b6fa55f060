"""Laws of certs/bundle.py."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

import pytest

from certs import bundle
from certs.errors import BundleRefused
from certs.issue import Issued, issue
from tests.certs.authority import HOSTS, NOW, PEM, leaf


@pytest.fixture(scope="module")
def issued() -> Issued:
    return issue(HOSTS, NOW)


@pytest.fixture
def root(issued: Issued) -> bytes:
    return issued.root.public_bytes(PEM)


@pytest.fixture(scope="module")
def corporate(issued: Issued) -> bytes:
    """A root of the user's own, PEM."""
    return leaf(issued.key, issued.root, [], "Corporate root", is_ca=True).public_bytes(PEM)


def held(path: Path) -> list[bytes]:
    return list(bundle.certificates(path.read_bytes()))


def test_the_bundle_holds_all_three_sources(tmp_path: Path, root: bytes, corporate: bytes) -> None:
    """System roots, the user's roots and the AEX root are in the one file, each once."""
    mine = tmp_path / "corporate.pem"
    mine.write_bytes(corporate * 2 + root)
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [mine, mine])
    found = held(target)
    wanted = {*bundle.certificates(root + corporate), *bundle.system_roots()}
    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_openssl_loads_all_of_it(tmp_path: Path, root: bytes) -> None:
    """A strict reader takes the whole file."""
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [])
    context = ssl.create_default_context(cafile=str(target))
    assert context.cert_store_stats()["x509"] == len(held(target)) > 20


def test_an_unchanged_bundle_is_not_rewritten(
    tmp_path: Path, root: bytes, corporate: bytes
) -> None:
    """The file is replaced when its content changes, and only then."""
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [])
    before = (target.stat().st_ino, target.stat().st_mtime_ns)
    bundle.write_bundle(target, root, [tmp_path / "missing"])
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == before
    mine = tmp_path / "corporate.pem"
    mine.write_bytes(corporate)
    bundle.write_bundle(target, root, [mine])
    assert target.stat().st_ino != before[0]


def test_a_run_inside_a_run_keeps_the_users_roots(
    tmp_path: Path, root: bytes, corporate: bytes
) -> None:
    """The bundle may be its own source: the user's roots stay, the root of an older CA goes."""
    mine = tmp_path / "corporate.pem"
    mine.write_bytes(corporate)
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [mine])
    newer = issue(HOSTS, NOW).root.public_bytes(PEM)
    bundle.write_bundle(target, newer, [target])
    found = held(target)
    assert {*bundle.certificates(newer + corporate)} <= set(found)
    assert next(bundle.certificates(root)) not in found


def test_garbage_adds_nothing(tmp_path: Path, root: bytes) -> None:
    """Missing, unreadable, damaged and endless sources are passed over."""
    plain = bundle.write_bundle(tmp_path / "plain.pem", root, []).read_bytes()
    block = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
    sources = {
        "binary": bytes(range(256)) * 100,
        "not base64": block % b"AAA",
        "not a certificate": block % b"AAAA",
        "cut": root[:200],
        "empty": b"",
    }
    for name, content in sources.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    paths = [tmp_path / name for name in (*sources, "pipe", "loop", "missing")]
    paths += [Path("/dev/zero"), Path("a\0b"), tmp_path / "binary" / "below"]
    assert bundle.write_bundle(tmp_path / "bundle.pem", root, paths).read_bytes() == plain


def test_good_blocks_survive_bad_neighbours(tmp_path: Path, root: bytes, corporate: bytes) -> None:
    """One damaged block does not cost the others, and Windows line ends are fine."""
    mine = tmp_path / "mixed.pem"
    bad = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    mine.write_bytes(b"# ours\r\n" + bad + corporate.replace(b"\n", b"\r\n") + bad)
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [mine])
    assert next(bundle.certificates(corporate)) in held(target)


def test_a_directory_of_certificates_is_read(tmp_path: Path, root: bytes, corporate: bytes) -> None:
    """What SSL_CERT_DIR named is merged too."""
    folder = tmp_path / "certs"
    (folder / "below").mkdir(parents=True)
    (folder / "0a1b2c3d.0").write_bytes(corporate)
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [folder])
    assert next(bundle.certificates(corporate)) in held(target)


def test_no_key_is_ever_copied(tmp_path: Path, issued: Issued, root: bytes) -> None:
    """A user's file with key and certificate gives its certificate only."""
    mine = tmp_path / "both.pem"
    mine.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + root)
    target = bundle.write_bundle(tmp_path / "bundle.pem", root, [mine])
    assert b"PRIVATE KEY" not in target.read_bytes()


def test_a_bundle_without_the_aex_root_is_refused(tmp_path: Path) -> None:
    """A root file that holds no certificate is an error, and nothing is written."""
    with pytest.raises(BundleRefused):
        bundle.write_bundle(tmp_path / "bundle.pem", b"garbage", [])
    assert not list(tmp_path.iterdir())


def test_certifi_stands_in_for_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with no roots of its own gets certifi's; with neither, the bundle is refused."""
    import certifi

    nowhere = ssl.DefaultVerifyPaths("", "", "", str(tmp_path / "a"), "", str(tmp_path / "b"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(bundle, "SYSTEM_BUNDLES", (str(tmp_path / "c"),))
    theirs = tuple(bundle.certificates(Path(certifi.where()).read_bytes()))
    assert bundle.system_roots() == theirs
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "d"))
    with pytest.raises(BundleRefused, match="ca-certificates"):
        bundle.system_roots()


def test_the_users_own_variable_is_not_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corporate: bytes
) -> None:
    """SSL_CERT_FILE of this process does not stand in for the system's roots."""
    before = bundle.system_roots()
    (tmp_path / "mine.pem").write_bytes(corporate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mine.pem"))
    assert bundle.system_roots() == before
