"""Packages in archives: .tar.gz and .zip.

Owns: reading them within the limits of a package, whatever they say of themselves.
Refuses to know: where a package is kept.

Nothing is unpacked to a disk: contents are read into memory, as far as a package may be large.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aex_addon.tools.members import BYTES_MAX, FILES_MAX, Member, PackageError, ignored, named

SUFFIXES = (".tar.gz", ".tgz", ".zip")
# Folders are passed over; so many of them, or such long headers, are no package.
_ENTRIES_MAX = 4 * FILES_MAX
_UNPACKED_MAX = BYTES_MAX + _ENTRIES_MAX * 1024
# The other ways may ask for gigabytes before they give a byte.
_UNPACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def members(path: Path) -> Iterator[Member]:
    """The files in an archive, in its own order. Raises PackageError."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise PackageError(f"{path} is larger than {BYTES_MAX >> 20} MiB")
        yield from _zip(path) if path.suffix == ".zip" else _tar(path)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise PackageError(f"{path} is no whole archive: {error}") from None
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise PackageError(f"{path} cannot be read: {error}") from None


class _Bounded:
    """What a stream unpacks to, as far as a package may go: headers count as contents do."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream, self._path, self._left = stream, path, _UNPACKED_MAX

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise PackageError(f"{self._path} unpacks to more than {BYTES_MAX >> 20} MiB")
        return data


def _tar(path: Path) -> Iterator[Member]:
    with gzip.open(path) as stream:
        bounded = _Bounded(stream, path)  # type: ignore[arg-type]
        with tarfile.open(fileobj=bounded, mode="r|") as tar:  # type: ignore[call-overload]
            for number, info in enumerate(tar):
                _countable(number, path)
                name = info.name.removeprefix("./")
                if info.isdir() or ignored(name):
                    continue
                if not info.isreg():
                    raise PackageError(f"{path}: {name!r} is a link or a device; there are none")
                _small(info.size, name, path)
                content = tar.extractfile(info)
                yield Member(named(name, path), bool(info.mode & 0o100), content.read())


def _zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for number, info in enumerate(archive.infolist()):
            _countable(number, path)
            name, mode = info.filename.removeprefix("./"), info.external_attr >> 16
            if info.is_dir() or ignored(name):
                continue
            # Archives made elsewhere than on UNIX tell no kind.
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise PackageError(f"{path}: {name!r} is a link or a device; there are none")
            _small(info.file_size, name, path)
            if info.compress_type not in _UNPACKED_BY:
                raise PackageError(
                    f"{path}: {name!r} is packed otherwise than by deflate; use that"
                )
            with archive.open(info) as file:
                content = file.read(BYTES_MAX + 1)
            yield Member(named(name, path), bool(mode & 0o100), content)


def _countable(number: int, path: Path) -> None:
    if number >= _ENTRIES_MAX:
        raise PackageError(f"{path} holds more than {_ENTRIES_MAX} entries")


def _small(size: int, name: str, path: Path) -> None:
    if size > BYTES_MAX:
        raise PackageError(f"{path}: {name!r} is larger than {BYTES_MAX >> 20} MiB")
