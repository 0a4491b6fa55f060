"""Laws of certs/store_venv.py."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

import certifi
import pytest

from certs import store_venv
from certs.errors import StoreFailed
from certs.machine import Machine, this_machine
from certs.trust import carry_out, plan
from tests.certs.tools import root


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return this_machine({"HOME": str(tmp_path)})


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with certifi, and pip's own copy."""
    made = tmp_path / "venv"
    for package in ("certifi", "pip/_vendor/certifi"):
        folder = made / "lib/python3.13/site-packages" / package
        folder.mkdir(parents=True)
        (folder / "cacert.pem").write_bytes(Path(certifi.where()).read_bytes())
    (made / "pyvenv.cfg").touch()
    return made


def test_each_bundle_gets_the_root_and_gives_it_back(
    machine: Machine, venv: Path, tmp_path: Path
) -> None:
    """OpenSSL reads it there, once, beside the public roots; afterwards no byte is left."""
    ours, older = root(tmp_path / "ca"), root(tmp_path / "ca")
    stores = store_venv.find(venv)
    assert len(stores) == 2
    for store in stores:
        before = store.bundle.read_bytes()
        store.bundle.chmod(0o640)
        for each in (older, ours):
            assert carry_out(machine, store, "install", [each]).outcome == "done"
            assert carry_out(machine, store, "install", [each]).outcome == "already"
        loaded = ssl.create_default_context(cafile=str(store.bundle)).get_ca_certs(binary_form=True)
        assert loaded.count(ours.der) == 1
        assert len(loaded) == before.count(b"BEGIN") + 2
        assert carry_out(machine, store, "uninstall", [ours, older]).outcome == "done"
        assert store.bundle.read_bytes() == before
        assert stat.S_IMODE(store.bundle.stat().st_mode) == 0o640


def test_a_package_cache_is_left_alone(machine: Machine, venv: Path, tmp_path: Path) -> None:
    """Where the bundle is a link into a cache, only this environment's name leads elsewhere."""
    hard, soft = (store.bundle for store in store_venv.find(venv))
    cached = tmp_path / "cached.pem"
    os.link(hard, cached)
    soft.unlink()
    soft.symlink_to(cached)
    before = cached.read_bytes()
    for store in store_venv.find(venv):
        assert carry_out(machine, store, "install", [root(tmp_path / "ca")]).outcome == "done"
    assert cached.read_bytes() == before


def test_what_is_no_environment_is_refused(venv: Path, tmp_path: Path) -> None:
    """A folder without pyvenv.cfg, and an environment without certifi, are named."""
    with pytest.raises(StoreFailed, match=r"no virtual environment"):
        store_venv.find(tmp_path)
    for store in store_venv.find(venv):
        store.bundle.unlink()
    with pytest.raises(StoreFailed, match=r"holds no certifi"):
        store_venv.find(venv)


def test_a_bundle_that_cannot_be_written_fails(
    machine: Machine, venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is done, and the line for this one is told."""
    ours = root(tmp_path / "ca")
    first, second = store_venv.find(venv)
    first.bundle.unlink()
    results = [carry_out(machine, store, "install", [ours]) for store in (first, second)]
    assert [result.outcome for result in results] == ["failed", "done"]
    assert results[0].commands == (f"cat {ours.file} >> {first.bundle}",)


def test_the_line_to_remove_does_the_same(venv: Path, machine: Machine, tmp_path: Path) -> None:
    """What is printed, run by hand, takes out exactly what an uninstall does."""
    ours = root(tmp_path / "ca")
    store = store_venv.find(venv)[0]
    before = store.bundle.read_bytes()
    carry_out(machine, store, "install", [ours])
    (line,) = plan(machine, store, "uninstall", [ours]).commands
    if os.uname().sysname != "Linux":
        pytest.skip("sed -i takes other words elsewhere")
    assert os.system(line) == 0
    assert store.bundle.read_bytes() == before
