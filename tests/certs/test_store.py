"""Laws of certs/store.py: what every trust store keeps to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from certs.machine import Command, Edit
from certs.store import KINDS, Store
from certs.store_java import JavaStore
from certs.store_linux import FAMILIES, LinuxStore
from certs.store_macos import MacStore
from certs.store_nss import NssStore
from certs.store_venv import VenvStore
from certs.store_windows import WindowsStore
from tests.certs.tools import Fake, root

STORES: dict[str, Callable[[Path], Store]] = {
    **{
        family.name: lambda folder, family=family: LinuxStore(  # type: ignore[misc]
            family, folder / "anchors", folder / "bundle"
        )
        for family in FAMILIES
    },
    "macOS": lambda folder: MacStore(folder / "System.keychain", True),
    "macOS, user": lambda folder: MacStore(folder / "login.keychain-db", False),
    "Windows": lambda _: WindowsStore(),
    "NSS": lambda folder: NssStore(folder, "sql"),
    "Java": lambda folder: JavaStore(folder / "cacerts", "keytool"),
    "venv": lambda folder: VenvStore(folder / "cacert.pem"),
}


@pytest.mark.parametrize("name", STORES)
def test_steps_are_data(name: str, tmp_path: Path) -> None:
    """Asking for them touches nothing, and needs no tool, no file and no store to be there."""
    fake = Fake.make(tmp_path)
    ours = root(tmp_path / "ca")
    store = STORES[name](tmp_path / "nowhere")
    assert store.kind in KINDS
    for steps in (store.install(fake.machine, ours), store.uninstall(fake.machine, ours)):
        assert steps
        assert all(isinstance(step, Command | Edit) for step in steps)
        assert all(step.shell() for step in steps)
    assert not (tmp_path / "nowhere").exists()
    assert fake.calls() == []


@pytest.mark.parametrize("name", STORES)
def test_a_root_goes_by_what_is_its_own_alone(name: str, tmp_path: Path) -> None:
    """Of two homes on one machine, neither's uninstall holds a word that would hit the other."""
    fake = Fake.make(tmp_path)
    ours, other = root(tmp_path / "ca"), root(tmp_path / "other")
    store = STORES[name](tmp_path / "nowhere")
    said = "\n".join(step.shell() for step in store.uninstall(fake.machine, ours))
    assert any(word in said for word in (ours.label, ours.serial, ours.sha1))
    assert not any(word in said for word in (other.serial, other.sha1, "AEX root"))


@pytest.mark.parametrize("name", STORES)
def test_the_key_is_shown_to_nobody(name: str, tmp_path: Path) -> None:
    """Each store is given the file of the root, never the one that holds a key."""
    fake = Fake.make(tmp_path)
    ours = root(tmp_path / "ca")
    steps = STORES[name](tmp_path / "nowhere").install(fake.machine, ours)
    said = "\n".join(step.shell() for step in steps)
    assert ours.file.name in said
    assert "mitmproxy-ca.pem" not in said
