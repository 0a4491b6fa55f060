"""`aex certs install`, `uninstall` and `renew`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aex_addon.home import Home
from certs import ca
from certs.issue import issue
from certs.root import Root
from tests.aex_addon.cli.conftest import Aex
from tests.aex_addon.cli.trusting import Debian, venv
from tests.certs.authority import HOSTS, NOW


@pytest.fixture(autouse=True)
def ready(aex: Aex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    aex("init")


def current(home: Home) -> Root:
    return ca.roots(ca.load(home.ca_dir))[0]


def test_it_asks_before_it_touches(aex: Aex, home: Home, tmp_path: Path) -> None:
    """The place and the command are said first; a no, or nobody there, changes nothing."""
    made, bundle = venv(tmp_path)
    before = bundle.read_bytes()
    for answer in ("n\n", None):
        result = aex("certs", "install", "--venv", made, code=1, text=answer)
        assert str(bundle) in result.stderr
        assert f"cat {home.ca_dir / ca.ROOT_FILE} >> {bundle}" in result.stderr
        assert bundle.read_bytes() == before
    aex("certs", "install", "--venv", made, text="y\n")
    assert current(home).pem in bundle.read_bytes()


def test_it_is_done_once(aex: Aex, home: Home, tmp_path: Path) -> None:
    """The second time there is nothing to ask, and nothing changes; then all is as it was."""
    made, bundle = venv(tmp_path)
    before = bundle.read_bytes()
    at = ("--venv", made)
    for outcome in ("done", "already"):
        document = aex.json("certs", "install", *at, "--yes")
        (store,) = document["stores"]
        assert (document["roots"], store["outcome"]) == ([current(home).label], outcome)
    aex("certs", "install", *at)
    assert bundle.read_bytes().count(current(home).pem) == 1
    assert aex.json("certs", "uninstall", *at, "--yes")["stores"][0]["outcome"] == "done"
    assert aex.json("certs", "uninstall", *at)["stores"][0]["outcome"] == "already"
    assert bundle.read_bytes() == before


def test_a_store_that_fails_stops_no_other(aex: Aex, home: Home, tmp_path: Path) -> None:
    """The exit code is 1, the other store is done, and the command for the failed one is told."""
    if not shutil.which("certutil"):
        pytest.skip("needs certutil of NSS: apt-get install libnss3-tools")
    database = tmp_path / ".pki/nssdb"
    database.mkdir(parents=True)
    (database / "cert9.db").write_bytes(b"garbage")
    made, bundle = venv(tmp_path)
    at = ("--stores", "nss", "--venv", made, "--yes")
    result = aex("certs", "install", *at, code=1)
    assert f"certutil -A -d sql:{database}" in result.stderr
    assert current(home).pem in bundle.read_bytes()
    failed, done = aex.json("certs", "install", *at, code=1)["stores"]
    assert (failed["outcome"], done["outcome"]) == ("failed", "already")
    assert failed["message"].startswith("certutil: ")
    seen = aex.json("certs", "status", *at[:-1])["stores"]
    assert [store["state"] for store in seen] == ["unknown", "trusted"]
    assert seen[0]["problem"] == failed["message"]
    assert f"{database}: {failed['message']}" in aex("certs", "status", *at[:-1]).stderr
    assert len(failed["commands"]) == 1


def test_a_user_without_rights_is_shown_another_way(
    aex: Aex, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's store needs root: the commands stand with sudo, and `certs env` beside them."""
    from certs import machine, store_linux

    if not store_linux.find(machine.this_machine({})):
        pytest.skip("needs a Linux whose trust store AEX knows")
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    result = aex("certs", "install", "--stores", "system", "--yes", code=1)
    assert f"sudo install -m 0644 {home.ca_dir / ca.ROOT_FILE} " in result.stderr
    assert "aex certs env" in result.stderr
    (store,) = aex.json("certs", "install", "--stores", "system", code=1)["stores"]
    assert (store["outcome"], len(store["commands"])) == ("needs-root", 2)


def test_a_ca_that_will_be_replaced_is_not_installed(aex: Aex, home: Home, tmp_path: Path) -> None:
    """Who trusted it now would do so in vain, so the command to renew it is named."""
    made, bundle = venv(tmp_path)
    before = bundle.read_bytes()
    home.config.write_text('[providers.openai]\nhosts = ["llm.example.com"]')
    refused = aex("certs", "install", "--venv", made, "--yes", code=1).stderr
    assert "It does not permit llm.example.com." in refused
    assert "aex certs renew" in refused
    assert bundle.read_bytes() == before
    aex("certs", "renew", "--venv", made, "--yes")
    aex("certs", "install", "--venv", made, "--yes")


def test_a_renewal_tells_who_holds_the_old_root(aex: Aex, home: Home, tmp_path: Path) -> None:
    """The bundle has the new root alone; the store that has the old one is named, and cleaned."""
    made, bundle = venv(tmp_path)
    at = ("--venv", made)
    aex("certs", "install", *at, "--yes")
    old = current(home)
    refused = aex("certs", "renew", *at, code=1, text="n\n")
    assert "Replace the CA?" in refused.stderr
    assert current(home) == old
    document = aex.json("certs", "renew", *at, "--yes")
    new = current(home)
    assert document["holding_replaced"] == [
        {"store": "venv", "where": str(bundle), "roots": [old.label]}
    ]
    assert (document["serial"], document["replaced_serial"]) == (new.serial, old.serial)
    assert new.pem in home.bundle.read_bytes()
    assert old.pem not in home.bundle.read_bytes()
    aex("certs", "install", *at, "--yes")
    aex("certs", "uninstall", "--replaced", *at, "--yes")
    content = bundle.read_bytes()
    assert (new.pem in content, old.pem in content) == (True, False)


def test_an_uninstall_takes_all_roots_of_this_home(
    aex: Aex, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those from before go too, and the root of another home stays."""
    made, bundle = venv(tmp_path)
    at = ("--venv", made)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("AEX_HOME", str(tmp_path / "other"))
        aex("init")
        aex("certs", "install", *at, "--yes")
    before = bundle.read_bytes()
    for _ in range(2):
        aex("certs", "install", *at, "--yes")
        aex("certs", "renew", *at, "--yes")
    aex("certs", "install", *at, "--yes")
    assert bundle.read_bytes().count(b"BEGIN") == before.count(b"BEGIN") + 3
    aex("certs", "uninstall", *at, "--yes")
    assert bundle.read_bytes() == before
    assert current(Home(tmp_path / "other")).pem in before


def test_a_home_without_stores_is_told_of_the_variables(aex: Aex) -> None:
    """Where there is nothing to install into, `certs env` still works."""
    assert "aex certs env" in aex("certs", "install", "--stores", "nss", "--yes").stderr
    assert aex.json("certs", "install", "--stores", "nss")["stores"] == []


@pytest.fixture
def debian(tmp_path: Path) -> Debian:
    if not Path("/etc/debian_version").exists() or not shutil.which("unshare"):
        pytest.skip("needs Debian or Ubuntu, and unshare")
    if not shutil.which("update-ca-certificates", path="/usr/sbin:/usr/bin"):
        pytest.skip("needs the package ca-certificates")
    folder = tmp_path / "debian"
    folder.mkdir()
    made = Debian(folder)
    if made.run("true").returncode:
        pytest.skip("this kernel or container allows no mount namespace")
    return made


def test_on_a_real_debian(debian: Debian, home: Home) -> None:
    """The CA goes into bundle and links, once, and comes out again; a neighbour's root stays."""
    corporate = Root(issue(HOSTS, NOW).root, debian.folder / "local" / "corp.crt")
    corporate.file.write_bytes(corporate.pem)
    assert debian.run("update-ca-certificates").returncode == 0
    before, links_before = debian.bundle, debian.links()
    ours = current(home)
    (installed,) = debian.aex("install", "--yes")["stores"]
    assert installed["outcome"] == "done"
    assert ours.pem in debian.bundle
    # OpenSSL finds it by the hash of its name as well.
    added = debian.links().items() - links_before.items()
    link = f"{ours.label}.pem"
    assert {target for _, target in added} == {
        link,
        f"/usr/local/share/ca-certificates/{ours.label}.crt",
    }
    (again,) = debian.aex("install", "--yes")["stores"]
    assert again["outcome"] == "already"
    (removed,) = debian.aex("uninstall", "--yes")["stores"]
    assert removed["outcome"] == "done"
    assert (debian.bundle, debian.links()) == (before, links_before)
    assert corporate.pem in debian.bundle
    assert [path.name for path in (debian.folder / "local").iterdir()] == ["corp.crt"]
