"""Laws of certs/store_nss.py, on real databases."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from certs import store_nss
from certs.machine import Machine
from certs.trust import carry_out
from tests.certs.tools import Fake, root

CHROMIUM = ".pki/nssdb"
FIREFOX = ".mozilla/firefox/x1.default release"
SNAP = "snap/firefox/common/.mozilla/firefox/y2.default"


def certutil(*words: str) -> str:
    done = subprocess.run(["certutil", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A home with three databases, and a folder that only looks like one."""
    if not shutil.which("certutil"):
        pytest.skip("needs certutil of NSS: apt-get install libnss3-tools")
    home = tmp_path / "home"
    for place in (CHROMIUM, FIREFOX, SNAP):
        (home / place).mkdir(parents=True)
        certutil("-N", "-d", f"sql:{home / place}", "--empty-password")
    (home / ".mozilla/firefox/Crash Reports").mkdir()
    return Machine("linux", home, {"PATH": os.environ["PATH"]}, superuser=False)


def test_every_database_of_a_home_is_found(machine: Machine) -> None:
    """Packages' and snaps', browsers of both families, each once; other folders are none."""
    (machine.home / "snap/chromium").mkdir(parents=True)
    (machine.home / "snap/chromium/current").symlink_to(machine.home)
    found = {str(store.database.relative_to(machine.home)) for store in store_nss.find(machine)}
    assert found == {CHROMIUM, FIREFOX, SNAP}


def test_a_root_goes_in_and_out(machine: Machine, tmp_path: Path) -> None:
    """It vouches for servers alone, a second install changes nothing, and a neighbour stays."""
    ours, other = root(tmp_path / "ca"), root(tmp_path / "other")
    for store in store_nss.find(machine):
        place = f"sql:{store.database}"
        certutil("-A", "-d", place, "-t", "C,,", "-n", other.label, "-i", str(other.file))
        before = certutil("-L", "-d", place)
        assert carry_out(machine, store, "install", [ours]).outcome == "done"
        (line,) = (line for line in certutil("-L", "-d", place).splitlines() if ours.label in line)
        assert line.split() == [ours.label, "C,,"]
        assert (
            certutil("-L", "-d", place, "-n", ours.label, "-a").split() == ours.pem.decode().split()
        )
        assert carry_out(machine, store, "install", [ours]).outcome == "already"
        assert carry_out(machine, store, "uninstall", [ours]).outcome == "done"
        assert certutil("-L", "-d", place) == before
        assert carry_out(machine, store, "uninstall", [ours]).outcome == "already"


def test_a_root_that_lost_its_trust_gets_it_back(machine: Machine, tmp_path: Path) -> None:
    """A user who unticked it in the browser, and installs again, wants it."""
    ours = root(tmp_path / "ca")
    store = store_nss.find(machine)[0]
    carry_out(machine, store, "install", [ours])
    certutil("-M", "-d", f"sql:{store.database}", "-n", ours.label, "-t", ",,")
    held = store.check(machine, [ours])
    assert (held.trusted, held.present) == (frozenset(), {ours.label})
    assert carry_out(machine, store, "install", [ours]).outcome == "done"


def test_a_damaged_database_stops_no_other(machine: Machine, tmp_path: Path) -> None:
    """It fails with what certutil says, and with the command; the others are done."""
    ours = root(tmp_path / "ca")
    (machine.home / CHROMIUM / "cert9.db").write_bytes(b"garbage")
    results = [carry_out(machine, store, "install", [ours]) for store in store_nss.find(machine)]
    assert sorted(result.outcome for result in results) == ["done", "done", "failed"]
    (failed,) = (result for result in results if result.outcome == "failed")
    assert failed.message.startswith("certutil: ")
    assert failed.commands[0].startswith(f"certutil -A -d sql:{machine.home / CHROMIUM} -t C,, ")


def test_without_the_tool_its_package_is_named(tmp_path: Path) -> None:
    """A database that cannot be looked into is not passed over in silence."""
    fake = Fake.make(tmp_path)
    fake.tool("apt-get")
    database = fake.machine.home / CHROMIUM
    database.mkdir(parents=True)
    (database / "cert9.db").touch()
    (store,) = store_nss.find(fake.machine)
    result = carry_out(fake.machine, store, "install", [root(tmp_path / "ca")])
    assert result.outcome == "failed"
    assert result.message == "certutil is missing: apt-get install libnss3-tools"
    assert len(result.commands) == 1


def test_old_databases_are_named_as_such(tmp_path: Path) -> None:
    """A cert8.db is opened in its own form."""
    fake = Fake.make(tmp_path)
    fake.tool("certutil")
    database = fake.machine.home / FIREFOX
    database.mkdir(parents=True)
    (database / "cert8.db").touch()
    (store,) = store_nss.find(fake.machine)
    store.check(fake.machine, [])
    assert fake.calls() == [f"certutil -L -d dbm:{database}"]
