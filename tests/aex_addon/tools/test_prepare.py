"""What is run is what was hashed, whatever becomes of the files."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from aex_addon.tools import prepare as module
from aex_addon.tools import sandbox
from aex_addon.tools.door import Door
from aex_addon.tools.machine import Machine, NotGranted, find_bwrap, this_machine
from aex_addon.tools.members import PackageError
from aex_addon.tools.prepare import Prepared, SandboxUnavailable, prepare
from aex_addon.tools.run import run
from tests.aex_addon.tools.hostile import manifest


def coming(_: tuple[str, int]) -> AbstractContextManager[None]:
    return nullcontext()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "main.py").write_text("print('right')\n")
    return folder


@pytest.fixture
def machine() -> Machine:
    return this_machine(find_bwrap() or "/usr/bin/bwrap")


def options(prepared: Prepared) -> list[str]:
    """What bwrap will read."""
    number = int(prepared.words[prepared.words.index("--args") + 1])
    return os.pread(number, 1 << 20, 0).decode().split("\0")


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is wanted


def swap(package: Path) -> None:
    (package / "main.py").unlink()
    (package / "main.py").write_text("print('wrong')\n")


def test_bytes_are_taken_from_memory(package: Path, machine: Machine) -> None:
    """A package that is swapped once it was looked at is run as it was looked at."""
    prepared = prepare(machine, manifest(package), package, (), None)
    swap(package)
    found = options(prepared)
    number = int(found[found.index("/tool/main.py") - 1])
    assert os.pread(number, 100, 0) == b"print('right')\n"
    assert str(package) not in "\0".join(found)
    prepared.close()


@pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")
async def test_a_package_swapped_between_check_and_run(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late it comes, what runs is the package of the manifest."""
    ours = manifest(package)
    verify = module.verified

    def late(*words: Path) -> object:
        found = verify(*words)  # type: ignore[arg-type]
        swap(package)
        return found

    monkeypatch.setattr(module, "verified", late)
    assert (await run(ours, package, b"", private=())).output == b"right\n"
    monkeypatch.undo()
    with pytest.raises(PackageError, match="has the sha256"):
        await run(ours, package, b"", private=())


def test_nothing_stays_open(package: Path, machine: Machine) -> None:
    """Neither after a run nor where one was refused in the middle."""
    before = open_descriptors()
    prepared = prepare(machine, manifest(package), package, (), None)
    assert open_descriptors() > before
    prepared.close()
    prepared.close()
    assert open_descriptors() == before
    with pytest.raises(NotGranted):
        prepare(machine, manifest(package, allowed_fs=("/srv/missing",)), package, (), None)
    door = Door("127.0.0.1", 1, "shop", "token", package / "missing.pem", coming)
    with pytest.raises(FileNotFoundError):
        prepare(machine, manifest(package), package, (), door)
    assert open_descriptors() == before


def test_too_few_descriptors(
    package: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that there were are given back."""
    before = open_descriptors()
    make = os.memfd_create
    made: list[str] = []

    def few(name: str, flags: int) -> int:
        if len(made) > 2:
            raise OSError(24, "Too many open files")
        made.append(name)
        return make(name, flags)

    monkeypatch.setattr(os, "memfd_create", few)
    with pytest.raises(OSError, match="Too many open files"):
        prepare(machine, manifest(package), package, (), None)
    assert open_descriptors() == before


def test_an_unknown_architecture(
    package: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the filter there is no sandbox."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SandboxUnavailable, match="tools run on x86_64 or aarch64"):
        prepare(machine, manifest(package), package, (), None)


def test_a_door_brings_the_roots(package: Path, machine: Machine, tmp_path: Path) -> None:
    """And its port, to the first program."""
    (tmp_path / "bundle.pem").write_text("roots")
    door = Door("127.0.0.1", 1, "shop", "token", tmp_path / "bundle.pem", coming)
    prepared = prepare(machine, manifest(package), package, (), door)
    found = options(prepared)
    number = int(found[found.index("/aex/ca-bundle.pem") - 1])
    assert os.pread(number, 100, 0) == b"roots"
    assert prepared.words[-1] == "8080"
    prepared.close()
