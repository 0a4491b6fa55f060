"""Which trust stores hold the CA is told, and a doubt where one holds a CA from before."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.cli.checks.stores import look
from aex_addon.cli.checks.verdict import Verdict
from aex_addon.home import Home
from certs import ca
from tests.aex_addon.cli.conftest import Aex
from tests.certs.authority import NOW
from tests.certs.tools import Fake


@pytest.fixture
def fake(aex: Aex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A machine with one NSS database, whose certutil lists what stands in a file."""
    aex("init")
    (tmp_path / "machine").mkdir()
    made = Fake.make(tmp_path / "machine")
    made.tool("certutil", f"cat {made.folder}/listed")
    database = made.machine.home / ".pki/nssdb"
    database.mkdir(parents=True)
    (database / "cert9.db").touch()
    monkeypatch.setattr("aex_addon.cli.checks.stores.this_machine", lambda _: made.machine)
    return made


def told(fake: Fake, home: Home, listed: str) -> Verdict:
    (fake.folder / "listed").write_text(listed)
    (verdict,) = look(home, {})
    assert str(fake.machine.home / ".pki/nssdb") in verdict.said
    return verdict


def test_each_state_of_a_store(fake: Fake, home: Home) -> None:
    """With the CA or without it all is well; with one from before, or unreadable, it is not."""
    old = ca.roots(ca.load(home.ca_dir))[0].label
    hosts = ca.load(home.ca_dir).hosts
    new = ca.roots(ca.renew(home.ca_dir, hosts, NOW))[0].label
    assert told(fake, home, "").level == "ok"
    assert told(fake, home, f"{new}  C,,\n{old}  C,,\n").level == "ok"
    replaced = told(fake, home, f"{old}  C,,\n")
    assert (replaced.level, "aex certs install" in replaced.remedy) == ("warn", True)
    fake.tool("certutil", "echo 'bad database' >&2; exit 255")
    broken = told(fake, home, "")
    assert (broken.level, "bad database" in broken.said) == ("warn", True)


def test_without_a_ca_there_is_nothing_to_look_for(home: Home) -> None:
    """That it is missing is another look's to tell."""
    assert look(home, {}) == []
