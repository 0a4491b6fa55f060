"""Laws of certs/store_windows.py, against a recorded `certutil.exe`."""

from __future__ import annotations

from pathlib import Path

from certs import store_windows
from certs.trust import carry_out, plan
from tests.certs.tools import Fake, root

_CERTUTIL = """
case "$2" in
  -addstore) [ -e "$4" ] && touch "{state}" ;;
  -delstore) rm "{state}" ;;
  -store) [ -e "{state}" ] ;;
esac
"""


def test_the_users_own_store_is_changed(tmp_path: Path) -> None:
    """By a file that is named from its folder, for Windows has another path to it; by serial."""
    fake = Fake.make(tmp_path, superuser=False)
    ours = root(tmp_path / "ca of mine")
    fake.tool("certutil.exe", _CERTUTIL.format(state=tmp_path / "state"))
    (store,) = store_windows.find(fake.machine)
    look = f"certutil.exe -user -store Root {ours.serial}"
    (line,) = plan(fake.machine, store, "install", [ours]).commands
    add = f"certutil.exe -user -addstore Root {ours.file.name}"
    assert line == f"cd '{ours.file.parent}' && {add}"
    fake.calls()
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "done"
    assert fake.calls() == [look, add, look]
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "already"
    fake.calls()
    assert carry_out(fake.machine, store, "uninstall", [ours]).outcome == "done"
    assert fake.calls() == [look, f"certutil.exe -user -delstore Root {ours.serial}", look]


def test_a_machine_without_windows_has_no_such_store(tmp_path: Path) -> None:
    """NSS's tool of nearly the same name is not taken for it."""
    fake = Fake.make(tmp_path)
    fake.tool("certutil")
    assert store_windows.find(fake.machine) == ()
