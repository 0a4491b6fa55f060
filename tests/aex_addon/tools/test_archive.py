"""An archive is its files, and one that is more than that is refused."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aex_addon.tools import archive
from aex_addon.tools.members import BYTES_MAX, Member, PackageError


def tar(path: Path, *infos: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for info, content in infos:
            info.size = len(content) if info.isreg() else 0
            made.addfile(info, io.BytesIO(content))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, "/etc/passwd"
    return info


def zipped(path: Path, *entries: tuple[str, int, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, mode, content in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            made.writestr(info, content)
    return path


def read(path: Path) -> list[Member]:
    return list(archive.members(path))


def test_both_forms_are_read(tmp_path: Path) -> None:
    """Folders and what Python left are passed over, and so is the dot that tar begins with."""
    packed = tar(
        tmp_path / "a.tar.gz",
        (entry("./", tarfile.DIRTYPE), b""),
        (entry("./bin/x", mode=0o755), b"run"),
        (entry("./__pycache__/x.pyc"), b"left"),
        (entry("y"), b"text"),
    )
    regular = stat.S_IFREG
    other = zipped(
        tmp_path / "a.zip",
        ("bin/", stat.S_IFDIR | 0o755, b""),
        ("bin/x", regular | 0o755, b"run"),
        ("__pycache__/x.pyc", regular | 0o644, b"left"),
        ("y", 0, b"text"),
    )
    wanted = [Member("bin/x", True, b"run"), Member("y", False, b"text")]
    assert read(packed) == read(other) == wanted


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_tar(tmp_path: Path, kind: bytes) -> None:
    """They are refused, whatever they lead to."""
    with pytest.raises(PackageError, match="is a link or a device"):
        read(tar(tmp_path / "a.tgz", (entry("x", kind), b"")))


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    """In either form."""
    for path in (
        tar(tmp_path / "a.tgz", (entry(name), b"")),
        zipped(tmp_path / "a.zip", (name, 0, b"")),
    ):
        with pytest.raises(PackageError, match="no plain relative name"):
            read(path)


def test_a_link_in_zip(tmp_path: Path) -> None:
    """It is a file whose mode says so."""
    path = zipped(tmp_path / "a.zip", ("x", stat.S_IFLNK | 0o777, b"/etc/passwd"))
    with pytest.raises(PackageError, match="is a link or a device"):
        read(path)


def tar_bomb(path: Path) -> Path:
    """Many files that are each small enough."""
    return tar(path, *((entry(str(n)), bytes(BYTES_MAX // 4)) for n in range(6)))


def tar_header_bomb(path: Path) -> Path:
    """A name of a hundred megabytes, which is read before anything is known of its file."""
    raw = entry("x")
    raw.type, raw.size = tarfile.GNUTYPE_LONGNAME, BYTES_MAX + 40 * 1024 * 1024
    with gzip.open(path, "wb", compresslevel=1) as made:
        made.write(raw.tobuf(tarfile.GNU_FORMAT))
        for _ in range(raw.size >> 20):
            made.write(bytes(1 << 20))
    return path


def tar_of_folders(path: Path) -> Path:
    """No end of entries that hold nothing."""
    return tar(path, *((entry(f"d{n}/", tarfile.DIRTYPE), b"") for n in range(1100)))


def zip_bomb(path: Path) -> Path:
    """One file that unpacks to more than a package may hold."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("x", bytes(BYTES_MAX + 1))
    return path


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (tar_bomb, "a.tgz"),
        (tar_header_bomb, "a.tgz"),
        (tar_of_folders, "a.tgz"),
        (zip_bomb, "a.zip"),
    ],
)
def test_bombs(tmp_path: Path, make: Callable[[Path], Path], name: str) -> None:
    """Nothing is unpacked beyond the limits of a package."""
    with pytest.raises(PackageError, match=r"more than|larger than"):
        read(make(tmp_path / name))


def test_what_is_no_archive(tmp_path: Path) -> None:
    """Cut, of another kind, empty: an error that names the file."""
    whole = tar(tmp_path / "a.tgz", (entry("x"), b"y" * 1000)).read_bytes()
    for name, content in (
        ("b.tgz", whole[: len(whole) // 2]),
        ("b.tgz", b"no archive"),
        ("b.tgz", gzip.compress(b"no archive" * 100)),
        ("b.zip", b"no archive"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(PackageError, match=r"b\.(tgz|zip) is no whole archive"):
            read(path)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing(tmp_path: Path, way: int) -> None:
    """They are not read: their unpackers may take any amount of memory, and fail in any way."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", way) as made:
        made.writestr("x", b"y")
    with pytest.raises(PackageError, match="use that"):
        read(tmp_path / "a.zip")


def test_a_zip_that_wants_a_password(tmp_path: Path) -> None:
    """It cannot be read."""
    path = zipped(tmp_path / "a.zip", ("x", 0, b"y"))
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        content[content.index(mark) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(PackageError, match="cannot be read"):
        read(path)
