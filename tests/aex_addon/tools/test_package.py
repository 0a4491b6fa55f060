"""What is installed is what was looked at, and stays it."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from aex_addon.tools import package
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.members import PackageError
from aex_addon.tools.package import checked, digest, install, verified
from tests.aex_addon.tools.hostile import manifest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "bin").mkdir(parents=True)
    (folder / "main.py").write_text("print(1)\n")
    (folder / "bin" / "tool").write_text("#!/bin/sh\n")
    (folder / "bin" / "tool").chmod(0o755)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "home" / "tools"


def test_every_form_has_one_hash(source: Path, tmp_path: Path) -> None:
    """A folder and its archives are the same package, whatever lies beside it."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as made:
        made.add(source, ".")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        for each in sorted(source.rglob("*"), reverse=True):
            zipped.write(each, each.relative_to(source))
    wanted = digest(source)
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "x.pyc").write_text("left")
    (source / "empty").mkdir()
    assert {digest(tmp_path / "a.tar.gz"), digest(tmp_path / "a.zip"), digest(source)} == {wanted}
    (source / "main.py").chmod(0o755)
    assert digest(source) != wanted


def test_one_file_is_a_package(source: Path, tmp_path: Path) -> None:
    """The same as a folder that holds it alone."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(source / "main.py", alone)
    assert digest(source / "main.py") == digest(alone)


def test_links_and_pipes_are_refused(source: Path, tmp_path: Path) -> None:
    """To files, to folders, as the package itself; a pipe is not waited for."""
    link = tmp_path / "link"
    link.symlink_to(source)
    with pytest.raises(PackageError, match="is a symbolic link"):
        digest(link)
    for name, make in (
        ("link", lambda path: path.symlink_to("/etc/passwd")),
        ("link", lambda path: path.symlink_to("/etc")),
        ("pipe", os.mkfifo),
    ):
        make(source / name)
        with pytest.raises(PackageError, match=r"symbolic link|neither a file nor a folder"):
            digest(source)
        (source / name).unlink()
    with pytest.raises(PackageError, match="cannot be read: No such file"):
        digest(tmp_path / "missing")


def test_install_copies_for_its_owner_alone(source: Path, store: Path) -> None:
    """The copy is at NAME/SHA256, closed to all others, and cannot be written by mistake."""
    ours = manifest(source)
    where = install(store, ours, source)
    assert where == store / ours.name / ours.sha256 == checked(store, ours)
    modes = {str(p.relative_to(where)): p.stat().st_mode & 0o777 for p in where.rglob("*")}
    assert modes == {"bin": 0o500, "bin/tool": 0o500, "main.py": 0o400}
    assert where.stat().st_mode & 0o777 == 0o500
    assert digest(where) == ours.sha256
    assert install(store, ours, source) == where
    assert [each.name for each in where.parent.iterdir()] == [ours.sha256]


def test_another_package_is_not_installed(source: Path, store: Path) -> None:
    """Nothing is left of one whose hash is not the manifest's."""
    ours = manifest(source)
    (source / "main.py").write_text("print(2)\n")
    with pytest.raises(PackageError, match=r"has the sha256 .* names .* nothing of it was run"):
        install(store, ours, source)
    assert not store.exists()


def test_an_entrypoint_must_be_there(source: Path, store: Path) -> None:
    """A program of the package is a file of it that may be executed."""
    for program in ("bin/none", "main.py"):
        with pytest.raises(PackageError, match="no executable file of the package"):
            install(store, manifest(source, entrypoint=(program,)), source)
    for program in ("bin/tool", "./bin/tool"):
        assert install(store, manifest(source, entrypoint=(program,)), source)


def damaged(where: Path) -> None:
    (where / "main.py").chmod(0o600)
    (where / "main.py").write_text("print('other')\n")


def test_a_swapped_package_is_found_and_mended(source: Path, store: Path) -> None:
    """A look at it tells; installing it again puts the right one in its place."""
    ours = manifest(source)
    damaged(install(store, ours, source))
    with pytest.raises(PackageError, match="has the sha256"):
        checked(store, ours)
    install(store, ours, source)
    assert checked(store, ours)


def test_an_added_file_is_found(source: Path, store: Path) -> None:
    """Not only what was there counts: a module beside it would be imported."""
    ours = manifest(source)
    where = install(store, ours, source)
    where.chmod(0o700)
    (where / "json.py").write_text("")
    with pytest.raises(PackageError, match="has the sha256"):
        checked(store, ours)


def test_what_is_not_installed(source: Path, store: Path) -> None:
    """It is told by name and version."""
    with pytest.raises(PackageError, match=r"tool 1 is not in .*; install it"):
        checked(store, manifest(source))


def test_two_installs_at_once(source: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one finds the package in its place, and leaves nothing beside it."""
    ours = manifest(source)
    rename = Path.rename

    def late(new: Path, where: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        install(store, ours, source)
        return rename(new, where)

    monkeypatch.setattr(Path, "rename", late)
    where = install(store, ours, source)
    assert list(where.parent.iterdir()) == [where]


def test_a_failed_install_leaves_nothing(
    source: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle leaves no half package, and no leavings."""

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    ours: Manifest = manifest(source)
    monkeypatch.setattr(package, "_sync", full)
    with pytest.raises(PackageError, match="No space left on device"):
        install(store, ours, source)
    assert list((store / ours.name).iterdir()) == []


def test_a_file_that_grows_is_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for what is there, before it is read."""
    monkeypatch.setattr(package, "BYTES_MAX", 4)
    with pytest.raises(PackageError, match="is larger than"):
        digest(source / "main.py")
    monkeypatch.undo()
    assert verified(source, manifest(source))
